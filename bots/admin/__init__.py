"""What staff see of this app. Importing the modules registers their pages."""

from bots.admin import bot, provider, workspace

__all__ = ["bot", "provider", "workspace"]
