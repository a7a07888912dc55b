"""Addresses. What each serves is said in docs/architecture.md."""

from django.contrib import admin
from django.urls import include, path

from config import health

urlpatterns = [
    path("health", health.health),
    path("ready", health.ready),
    path("admin/", admin.site.urls),
    path("", include("conversations.urls")),
]
