"""Addresses of pages."""

from django.urls import path

from conversations import views

urlpatterns = [
    path("", views.landing, name="landing"),
    path("chat/<slug:slug>/", views.chat_page, name="chat"),
]
