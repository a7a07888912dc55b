"""Which model answers: the conversation's, else the person's, else the channel's, else the bot's, else the default."""

from __future__ import annotations

import uuid

from django.conf import settings

from bots import catalog
from bots.catalog import Model
from channels_integrations.setup import Setup


class NoModel(Exception):
    """Nothing that is configured can answer."""


def choose(setup: Setup, *, conversation: uuid.UUID | None, person: uuid.UUID | None) -> tuple[Model, str]:
    """The model and the level that chose it. A level whose model is not in use any more is passed over."""
    levels = (
        ("conversation", conversation),
        ("person", person),
        ("channel", setup.channel_model_id),
        ("bot", setup.bot_model_id),
    )
    for level, model_id in levels:
        model = catalog.by_id(setup.workspace_id, model_id)
        if model is not None:
            return model, level
    default = catalog.find(setup.workspace_id, settings.DEFAULT_MODEL)
    if default is None:
        raise NoModel(f"DEFAULT_MODEL names {settings.DEFAULT_MODEL!r}, which is no model in use")
    return default, "default"
