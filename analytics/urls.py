"""Reports for staff."""

from django.urls import path

from analytics import views

app_name = "analytics"
urlpatterns = [
    path("", views.report, name="report"),
    path("conversations/", views.conversations, name="conversations"),
    path("conversations.csv", views.conversations_file, name="conversations_file"),
    path("<str:by>.csv", views.report_file, name="report_file"),
]
