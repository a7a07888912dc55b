"""What staff see of this app. Importing the modules registers their pages."""

from django.contrib import admin

from bots.admin import ai_model, bot, provider, staff, workspace

admin.site.site_header = admin.site.site_title = "Switchboard"
admin.site.index_title = "Today"

__all__ = ["ai_model", "bot", "provider", "staff", "workspace"]
