"""Addresses of the REST API."""

from django.urls import path

from conversations.api import ai_models, bots, channels, flags, tokens, views

urlpatterns = [
    path("auth/token/", tokens.Obtain.as_view()),
    path("auth/token/refresh/", tokens.Refresh.as_view()),
    path("bots/", bots.Bots.as_view()),
    path("bots/<str:name>/", bots.OneBot.as_view()),
    path("channels/", channels.Channels.as_view()),
    path("channels/<str:name>/", channels.OneChannel.as_view()),
    path("flags/", flags.Flags.as_view()),
    path("flags/<str:name>/", flags.OneFlag.as_view()),
    path("models/", ai_models.Models.as_view()),
    path("models/<path:name>/", ai_models.OneModel.as_view()),
    path("chat/", views.Chat.as_view()),
    path("conversations/", views.Conversations.as_view()),
    path("conversations/<uuid:pk>/", views.OneConversation.as_view()),
    path("conversations/<uuid:pk>/messages/", views.Messages.as_view()),
    path("conversations/<uuid:pk>/end/", views.End.as_view()),
    path("messages/<uuid:pk>/feedback/", views.Feedback.as_view()),
]
