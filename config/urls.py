"""Addresses. What each serves is said in docs/architecture.md."""

from django.contrib import admin
from django.urls import include, path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from config import exposition, health
from conversations import openai_api

handler400, handler403, handler404, handler500 = (
    f"config.errors.{name}" for name in ("bad_request", "not_allowed", "not_found", "server_error")
)
urlpatterns = [
    path("health", health.health),
    path("ready", health.ready),
    path("metrics", exposition.metrics),
    path("admin/", admin.site.urls),
    path("analytics/", include("analytics.urls")),
    path("api/v1/", include("conversations.api.urls")),
    path("api/schema/", SpectacularAPIView.as_view(), name="schema"),
    path("api/docs/", SpectacularSwaggerSplitView.as_view(url_name="schema")),
    path("v1/models", openai_api.models),
    path("v1/models/<str:name>", openai_api.model),
    path("v1/chat/completions", openai_api.chat_completions),
    path("", include("conversations.urls")),
]
