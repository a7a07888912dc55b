"""What staff see of this app: channels, and the flags that hold there."""

from channels_integrations.admin import channel, flag

__all__ = ["channel", "flag"]
