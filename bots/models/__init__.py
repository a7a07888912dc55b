"""Rows of this app, split by noun."""

from bots.models.bot import Bot, BotPicture, PromptVersion
from bots.models.price import ModelPrice
from bots.models.provider import AIModel, AIProvider
from bots.models.workspace import ApiKey, Membership, Workspace

__all__ = [
    "AIModel", "AIProvider", "ApiKey", "Bot", "BotPicture", "Membership", "ModelPrice", "PromptVersion", "Workspace",
]  # fmt: skip
