"""Our commands in Discord's own menu. https://docs.discord.com/developers/interactions/application-commands"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from channels_integrations.base import Command
from channels_integrations.platforms.discord.rest import Rest

NAME = re.compile(r"[-_'\w]{1,32}")
MOST = 100
LONGEST_HELP = 100
SLASH, TEXT = 1, 3  # a command's type, an option's
OPTION = {"type": TEXT, "name": "text", "description": "What you want to tell it", "required": False}


def wanted(commands: Sequence[Command]) -> list[dict[str, Any]]:
    """The commands as Discord takes them, each with room for a text."""
    return [
        {
            "type": SLASH, "name": command.name, "description": command.help[:LONGEST_HELP] or command.name,
            "options": [OPTION],
        }
        for command in commands
        if NAME.fullmatch(command.name) and command.name == command.name.lower()
    ][:MOST]  # fmt: skip


async def registered(rest: Rest, application: str) -> list[Any]:
    """What Discord has now, as `wanted` would say it."""
    found = await rest.get(f"/applications/{application}/commands")
    return [_known(entry) for entry in found] if isinstance(found, list) else []


async def register(rest: Rest, application: str, commands: Sequence[Command]) -> bool:
    """Whether Discord had to be told. It is asked first: who tells it too often is made to wait for a day."""
    ours = wanted(commands)
    if same(await registered(rest, application), ours):
        return False
    await rest.ask("PUT", f"/applications/{application}/commands", body=ours)
    return True


def same(theirs: Sequence[Any], ours: Sequence[Any]) -> bool:
    """Whether these are the same commands, in whatever order."""
    return sorted(map(repr, theirs)) == sorted(map(repr, ours))


def _known(entry: Any) -> Any:
    if not isinstance(entry, dict):
        return entry
    options = [
        {
            "type": o.get("type"),
            "name": o.get("name"),
            "description": o.get("description"),
            "required": bool(o.get("required")),
        }
        for o in entry.get("options") or []
    ]
    return {
        "type": entry.get("type", SLASH), "name": entry.get("name"), "description": entry.get("description"),
        "options": options,
    }  # fmt: skip
