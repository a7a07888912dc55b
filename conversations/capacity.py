"""How many turns this process answers at once. The others wait: each channel's in their turn, or in their rows."""

from __future__ import annotations

from django.conf import settings

from bots.places import Places

TURNS = Places(settings.TURNS_AT_ONCE)  # by channel
