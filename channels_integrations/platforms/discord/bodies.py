"""What Discord tells, as the bytes that we store: only what we read, in one order, whichever way it came.

A message read over REST gives the same bytes as the gateway gave: by their hash a repeat is known. Hence nothing of a
message's author but what both tell (no name in that server).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

SAID = {0, 19}  # message types: a message, a reply. The others say who joined, what was pinned …
FORWARDED = 1  # of a message_reference's types
VOICE = 1 << 13  # of a message's flags
INVOKED, PRESSED = 2, 3  # interaction types
SLASH = 1  # of an application command's types; the others are entries of menus
BUTTON = 2  # of a component's types


@dataclass(frozen=True, slots=True, kw_only=True)
class Us:
    """Who we are: the bot's own id, and its role in the server of the message, by which people mention it too."""

    id: str
    role: str = ""


def of_message(told: Mapping[str, Any], *, guild_id: str, us: Us) -> bytes | None:
    """A message as it is stored; None for one that no person said."""
    author = told["author"]
    if author.get("bot") or author.get("system") or told.get("webhook_id") or told.get("type", 0) not in SAID:
        return None
    attachments = _attachments(told)
    if not told.get("content") and not attachments:
        return None
    mentions = {str(user["id"]): _name(user) for user in told.get("mentions") or []}
    answered = told.get("referenced_message") or {}
    return _bytes({
        "type": "message", "id": str(told["id"]), "channel_id": str(told["channel_id"]), "guild_id": guild_id,
        "author": _user(author), "content": told.get("content") or "", "us": us.id, "our_role": us.role,
        "mentions": mentions, "attachments": attachments, "reply_to": str(answered.get("id") or ""),
        "mentions_us": us.id in mentions or us.role in map(str, told.get("mention_roles") or []),
        "replies_to_us": str((answered.get("author") or {}).get("id")) == us.id,
    })  # fmt: skip


def of_interaction(told: Mapping[str, Any]) -> bytes | None:
    """A slash command or a press of a button as it is stored; None for another interaction."""
    data = told.get("data") or {}
    if told["type"] == INVOKED and data.get("type", SLASH) == SLASH:
        texts = [str(option.get("value") or "") for option in data.get("options") or []]
        return _bytes({"type": "interaction", "command": data["name"], "args": " ".join(texts), **_called(told)})
    if told["type"] == PRESSED and data.get("component_type") == BUTTON:
        message = str((told.get("message") or {}).get("id") or "")
        return _bytes({"type": "press", "custom_id": data["custom_id"], "message_id": message, **_called(told)})
    return None


def _called(told: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "id": str(told["id"]), "token": told["token"], "application_id": str(told["application_id"]),
        "channel_id": str(told.get("channel_id") or told["channel"]["id"]),
        "guild_id": str(told.get("guild_id") or ""), "locale": told.get("locale") or "",
        "user": _user(told.get("user") or told["member"]["user"]),
    }  # fmt: skip


def _user(told: Mapping[str, Any]) -> dict[str, str]:
    return {"id": str(told["id"]), "name": _name(told)}


def _name(told: Mapping[str, Any]) -> str:
    return str(told.get("global_name") or told.get("username") or "")


def _attachments(told: Mapping[str, Any]) -> list[str]:
    """Kinds of what hangs on a message, each once. A sticker is a gesture, none of these."""
    kinds: Iterable[str] = (str(file.get("content_type") or "file") for file in told.get("attachments") or [])
    found = [kind.split("/")[0] if kind.startswith(("image/", "audio/", "video/")) else "file" for kind in kinds]
    if int(told.get("flags") or 0) & VOICE:
        found = ["voice"]
    if told.get("poll"):
        found.append("poll")
    if (told.get("message_reference") or {}).get("type") == FORWARDED:
        found.append("forward")
    return list(dict.fromkeys(found))


def _bytes(body: dict[str, Any]) -> bytes:
    return json.dumps(body, sort_keys=True, separators=(",", ":")).encode()
