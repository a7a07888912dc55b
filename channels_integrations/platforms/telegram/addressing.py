"""Whether a message in a group is meant for the bot, and what it says to it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from channels_integrations.platforms.telegram.updates import Entity, Message

COMMAND = re.compile(r"/([A-Za-z0-9_]{1,64})(?:@([A-Za-z0-9_]{1,64}))?(?=\s|$)", re.ASCII)

MOST = 100  # entities of a message


@dataclass(frozen=True, slots=True, kw_only=True)
class Us:
    """Who the bot is. `name`: with its @; "" before we know it. `prefix`: what a message to it may begin with."""

    id: int
    name: str = ""
    prefix: str = ""


def heard(message: Message, us: Us) -> tuple[str, bool]:
    """What a message in a group says to the bot, without its name, and whether it is meant for the bot at all."""
    text, styles = written(message)
    command = COMMAND.match(text)
    if command:
        ours = not command[2] or f"@{command[2]}".lower() == us.name.lower()
        return (without_name(text) if ours else text), ours
    named = [entity for entity in styles[:MOST] if _names(entity, text, us)]
    if named:
        return _cut(text, named) or text, True
    if _begins(text, us.prefix):
        return text[len(us.prefix) :].strip() or text, True
    return text, _answers(message, us)


def written(message: Message) -> tuple[str, Sequence[Entity]]:
    """What was written, be it under a picture, and its entities."""
    if message.text is not None:
        return message.text, message.entities
    return message.caption or "", message.caption_entities


def without_name(text: str) -> str:
    """`/help@hal_bot me` as `/help me`."""
    command = COMMAND.match(text)
    return f"/{command[1]}{text[command.end() :]}" if command else text


def is_command_to_another(text: str, us: Us) -> bool:
    """Whether it is a command with another bot's name."""
    command = COMMAND.match(text)
    return bool(command and command[2] and f"@{command[2]}".lower() != us.name.lower())


def _names(entity: Entity, text: str, us: Us) -> bool:
    if entity.type == "text_mention":
        return entity.user is not None and entity.user.id == us.id
    return entity.type == "mention" and bool(us.name) and _stretch(text, entity).lower() == us.name.lower()


def _stretch(text: str, entity: Entity) -> str:
    units = text.encode("utf-16-le")
    return units[2 * entity.offset : 2 * (entity.offset + entity.length)].decode("utf-16-le", "replace")


def _cut(text: str, entities: Sequence[Entity]) -> str:
    """The text without these, and without the comma or the space that they leave behind."""
    units = text.encode("utf-16-le")
    for entity in sorted(entities, key=lambda entity: -entity.offset)[:MOST]:
        before = units[: 2 * entity.offset].decode("utf-16-le", "replace").rstrip(" ")
        after = units[2 * (entity.offset + entity.length) :].decode("utf-16-le", "replace")
        after = after.lstrip(" ") if before else after.lstrip(" ,:;\n")
        glue = " " if before and after and after[0] not in ".,:;!?)\n" else ""
        units = f"{before}{glue}{after}".encode("utf-16-le")
    return units.decode("utf-16-le").strip()


def _begins(text: str, prefix: str) -> bool:
    """With the prefix, as a word of its own."""
    if not prefix or text[: len(prefix)].lower() != prefix.lower():
        return False
    return not (prefix[-1].isalnum() and text[len(prefix) : len(prefix) + 1].isalnum())


def _answers(message: Message, us: Us) -> bool:
    """Whether it replies to the bot."""
    to = message.reply_to_message
    return to is not None and to.sender is not None and to.sender.id == us.id and not to.is_topic
