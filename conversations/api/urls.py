"""Addresses of the REST API."""

from django.urls import path

from conversations.api import views

urlpatterns = [
    path("bots/", views.Bots.as_view()),
    path("models/", views.Models.as_view()),
    path("chat/", views.Chat.as_view()),
    path("conversations/", views.Conversations.as_view()),
    path("conversations/<uuid:pk>/", views.OneConversation.as_view()),
    path("conversations/<uuid:pk>/messages/", views.Messages.as_view()),
    path("conversations/<uuid:pk>/end/", views.End.as_view()),
    path("messages/<uuid:pk>/feedback/", views.Feedback.as_view()),
]
