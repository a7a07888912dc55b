"""Addresses of pages."""

from django.templatetags.static import static
from django.urls import path
from django.views.generic import RedirectView

from conversations import views
from conversations.webhooks import webhook

urlpatterns = [
    path("", views.landing, name="landing"),
    path("webhooks/<slug:kind>/<uuid:channel_id>/", webhook, name="webhook"),
    path("favicon.ico", RedirectView.as_view(url=static("webchat/icon.svg"))),
    path("chat/<slug:slug>/", views.chat_page, name="chat"),
    path("chat/<slug:slug>/frame/", views.chat_frame, name="chat_frame"),
    path("chat/<slug:slug>/picture/", views.chat_picture, name="chat_picture"),
]
