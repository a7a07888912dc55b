"""The bots, channels and models that somebody may ask about, by name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from bots.models import AIModel, Bot
from channels_integrations.models import ChannelConfig


@dataclass(frozen=True, slots=True)
class Names:
    """Ids, as texts, and what people call them. Archived ones too: they have cost something."""

    bots: dict[str, str]
    channels: dict[str, str]
    models: dict[str, str]

    @classmethod
    def of(cls, user: Any) -> Names:
        """Those of the user's workspaces."""
        bots = Bot.objects.for_actor(user).order_by("name").values_list("pk", "name")
        channels = ChannelConfig.objects.for_actor(user).order_by("name").values_list("pk", "name")
        models = AIModel.objects.for_actor(user).order_by("provider__slug", "name")
        return cls(
            bots={str(pk): name for pk, name in bots},
            channels={str(pk): name for pk, name in channels},
            models={str(model.pk): model.reference for model in models.select_related("provider")},
        )
