"""Addresses. What each serves is said in docs/architecture.md."""

from django.contrib import admin
from django.urls import path

urlpatterns = [path("admin/", admin.site.urls)]
