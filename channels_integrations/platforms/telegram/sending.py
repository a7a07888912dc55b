"""Messages on their way out: text and entities, never a markup that half a message could break.

https://core.telegram.org/bots/api#sendmessage
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from telegram import (
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    LinkPreviewOptions,
    MessageEntity,
    ReplyParameters,
)

from channels_integrations.base import Button, ChannelError, MessageGone, OutboundMessage, Pressed
from channels_integrations.platforms.telegram.client import Client
from channels_integrations.platforms.telegram.events import pressed_data
from channels_integrations.platforms.telegram.refusals import says
from channels_integrations.rendering.entities import LONGEST, entities
from channels_integrations.rendering.plain import plain
from channels_integrations.rendering.rich import Rich
from channels_integrations.rendering.split import utf16

T = TypeVar("T")
CHAT = re.compile(r"(-?[0-9]{1,19})(?:/([0-9]{1,19}))?", re.ASCII)
PLACEHOLDER = "…"  # an empty message is none
STYLES = ("entit", "can't parse", "url_invalid", "wrong http url")  # said of styles that it does not take
EMPTY = ("text is empty", "must be non-empty", "message_empty")  # said of letters that nobody sees
GONE = (
    "message to edit not found", "message can't be edited", "message_id_invalid", "no text in the message",
    "message identifier is not specified",
)  # fmt: skip
LONGEST_LABEL, MOST_BYTES = 64, 64
NO_PREVIEW = LinkPreviewOptions(is_disabled=True)

Styles = list[MessageEntity] | None


@dataclass(frozen=True, slots=True)
class Target:
    """A chat, or a topic in it."""

    chat: int
    thread: int | None = None

    @classmethod
    def of(cls, chat_id: str) -> Target:
        """Raises ChannelError for what is none."""
        found = CHAT.fullmatch(chat_id)
        if found is None:
            raise ChannelError(f"a Telegram chat is a number, not {chat_id!r}", permanent=True)
        return cls(int(found[1]), int(found[2]) if found[2] else None)


async def send(client: Client, message: OutboundMessage) -> str:
    """The new message's id. Raises ChannelError."""
    target = Target.of(message.chat_id)
    quoted = int(message.reply_to) if _is_id(message.reply_to) and message.part == 0 else None

    async def say(text: str, styles: Styles) -> str:
        sent = await client.call(
            lambda bot: bot.send_message(
                target.chat, text or PLACEHOLDER, entities=styles, message_thread_id=target.thread,
                link_preview_options=NO_PREVIEW, reply_markup=_keyboard(message),
                reply_parameters=ReplyParameters(quoted, allow_sending_without_reply=True) if quoted else None,
            )
        )  # fmt: skip
        return str(sent.message_id)

    return await _said(message, say)


async def edit(client: Client, message_id: str, message: OutboundMessage) -> None:
    """Raises MessageGone and ChannelError."""
    target = Target.of(message.chat_id)
    if not _is_id(message_id):
        raise MessageGone

    async def say(text: str, styles: Styles) -> None:
        await client.call(
            lambda bot: bot.edit_message_text(
                text or PLACEHOLDER, target.chat, int(message_id), entities=styles, link_preview_options=NO_PREVIEW,
                reply_markup=_keyboard(message),
            )
        )  # fmt: skip

    try:
        await _said(message, say)
    except ChannelError as error:
        if says(str(error), GONE):
            raise MessageGone(str(error)) from None
        if not says(str(error), ("message is not modified",)):
            raise


async def draft(client: Client, draft_id: int, message: OutboundMessage) -> None:
    """Shows it for half a minute; without a text, that something is thought about. Raises ChannelError."""
    target = Target.of(message.chat_id)

    async def say(text: str, styles: Styles) -> None:
        await client.call(
            lambda bot: bot.send_message_draft(target.chat, draft_id, text or None, target.thread, entities=styles)
        )

    try:
        await _said(message, say)
    except ChannelError as error:
        if error.fault:  # "not found" is said of a token, and by servers that know no drafts yet
            raise ChannelError(str(error), permanent=True) from None
        raise


async def typing(client: Client, chat_id: str) -> None:
    """Shown for five seconds. Raises ChannelError."""
    target = Target.of(chat_id)
    await client.call(lambda bot: bot.send_chat_action(target.chat, "typing", target.thread))


async def acknowledge(client: Client, event: Pressed) -> None:
    """The button stops spinning; it has done so by itself where the press is old. Raises ChannelError."""
    try:
        await client.call(lambda bot: bot.answer_callback_query(event.token))
    except ChannelError as error:
        if not says(str(error), ("query is too old", "query id is invalid", "query_id_invalid")):
            raise


async def _said(message: OutboundMessage, say: Callable[[str, Styles], Awaitable[T]]) -> T:
    """What it gives with styles, or where Telegram does not take these, once more without."""
    rich = message.rich.stripped()
    try:
        return await say(rich.text, _styles(rich))
    except ChannelError as error:
        if says(str(error), EMPTY):
            return await say(PLACEHOLDER, None)
        if not says(str(error), STYLES):
            raise
    bare = plain(rich)
    return await say(bare if utf16(bare) <= LONGEST else rich.text, None)


def _styles(rich: Rich) -> Styles:
    return [
        MessageEntity(
            entity.type, entity.offset, entity.length,
            url=entity.value if entity.type == MessageEntity.TEXT_LINK else None,
            language=entity.value if entity.type == MessageEntity.PRE and entity.value else None,
        )
        for entity in entities(rich)
    ] or None  # fmt: skip


def _keyboard(message: OutboundMessage) -> InlineKeyboardMarkup | None:
    """A button a row. One whose id is too long to come back is not shown."""
    rows = [[_button(message, button)] for button in message.buttons]
    return (
        InlineKeyboardMarkup([row for row in rows if len(str(row[0].callback_data).encode()) <= MOST_BYTES])
        if rows
        else None
    )


def _button(message: OutboundMessage, button: Button) -> InlineKeyboardButton:
    label = button.label.strip()[:LONGEST_LABEL] or PLACEHOLDER
    return InlineKeyboardButton(label, callback_data=pressed_data(message.idempotency_key, button.id))


def _is_id(text: str) -> bool:
    return text.isascii() and text.isdecimal() and 0 < len(text) < 16 and int(text) > 0
