"""What staff see of this app. Importing the modules registers their pages."""

from conversations.admin import conversation, engine_room, inbox, person

__all__ = ["conversation", "engine_room", "inbox", "person"]
