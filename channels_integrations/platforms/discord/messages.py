"""Messages of ours: how they go out, are changed, and answer an interaction.

https://docs.discord.com/developers/resources/message#create-message
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, replace
from typing import Any

from channels_integrations.base import Button, ChannelError, MessageGone, OutboundMessage
from channels_integrations.platforms.discord.events import PRESS, short_key
from channels_integrations.platforms.discord.refusals import InteractionGone, NotFormed
from channels_integrations.platforms.discord.rest import Rest
from channels_integrations.rendering import marks
from channels_integrations.rendering.plain import plain
from channels_integrations.rendering.rich import Rich

WAITING = "…"  # where there is nothing to read yet
NO_PREVIEWS, THINKING = 1 << 2, 1 << 7  # of a message's flags
NOBODY: dict[str, list[str]] = {"parse": []}  # is told that they were mentioned
ROW, BUTTON, GREY = 1, 2, 2  # of components: a row's type, a button's type and style
IN_A_ROW, ROWS, LONGEST_LABEL, LONGEST_ID = 5, 5, 80, 100
LONGEST_NONCE = 25
TOKEN_LIVES = 15 * 60 - 20.0  # seconds in which an interaction can be answered; a few are left for the way
YOUNG = 15.0  # seconds in which "unknown interaction" may mean: not acknowledged yet
PAUSES = (0.3, 0.7, 1.5)


@dataclass(frozen=True, slots=True)
class Interaction:
    """What an answer to a slash command is addressed with. `made`: Unix time."""

    application: str
    token: str
    made: float

    @property
    def age(self) -> float:
        """Seconds since the person called."""
        return time.time() - self.made

    @property
    def path(self) -> str:
        """Its own address, without the bot's token."""
        return f"/webhooks/{self.application}/{self.token}"


def interaction_of(reply_to: str) -> Interaction | None:
    """The interaction that is answered; None: an ordinary message is, or nothing."""
    mark, *parts = reply_to.split(":")
    if mark != "interaction" or len(parts) != 3 or not parts[0].isdecimal() or not parts[2].isdecimal():
        return None
    return Interaction(parts[0], parts[1], float(parts[2]))


async def send(rest: Rest, message: OutboundMessage) -> str:
    """The id of the message that says this, whichever way it got there. The same key gives the same message."""
    called = interaction_of(message.reply_to)
    if called is None or called.age > TOKEN_LIVES:
        return await _post(rest, message)
    if message.part == 0:
        try:
            return await _answer(rest, called, message)
        except InteractionGone:
            return await _post(rest, message)
    try:
        return await _post(rest, message)
    except ChannelError as error:
        if not error.blocked:
            raise
        return _id(await _formed(rest, "POST", called.path, message))


async def edit(rest: Rest, message_id: str, message: OutboundMessage) -> None:
    """The message says this now. Raises MessageGone."""
    called = interaction_of(message.reply_to)
    if called is not None and called.age <= TOKEN_LIVES and message.part == 0:
        try:  # it may stand where the bot itself may not go
            await _formed(rest, "PATCH", f"{called.path}/messages/{message_id}", message)
            return
        except (InteractionGone, MessageGone):
            pass
    await _formed(rest, "PATCH", f"/channels/{message.chat_id}/messages/{message_id}", message)


async def _post(rest: Rest, message: OutboundMessage) -> str:
    return _id(await _formed(rest, "POST", f"/channels/{message.chat_id}/messages", message))


async def _answer(rest: Rest, called: Interaction, message: OutboundMessage) -> str:
    """The answer in place of "… is thinking". Its acknowledgement may still be under way."""
    path = f"{called.path}/messages/@original"
    for pause in PAUSES:
        try:
            return _id(await _formed(rest, "PATCH", path, message))
        except InteractionGone as error:
            if called.age > YOUNG or not error.unknown:
                raise
            await asyncio.sleep(pause)
    return _id(await _formed(rest, "PATCH", path, message))


async def settle(rest: Rest, called: Interaction) -> None:
    """Where "… is thinking" still stands, there is just "…", whose place an answer takes. Raises ChannelError.

    A follow-up, not an edit: Discord turns the first into what stands there, unless an answer came a moment before,
    which must stay. https://docs.discord.com/developers/interactions/receiving-and-responding#create-followup-message
    """
    stands = await rest.get(f"{called.path}/messages/@original")
    if not isinstance(stands, dict) or not int(stands.get("flags") or 0) & THINKING:
        return
    told = (await rest.ask("POST", called.path, body={"content": WAITING, "allowed_mentions": NOBODY})).body
    if _id(told) != stands.get("id"):
        await rest.ask("DELETE", f"{called.path}/messages/{_id(told)}")


async def _formed(rest: Rest, method: str, path: str, message: OutboundMessage) -> Any:
    """Discord's answer; what it does not take in this form is sent once more, plainer."""
    body = _body(message, method, path)
    try:
        return (await rest.ask(method, path, body=body)).body
    except NotFormed as error:
        kept = {name: value for name, value in body.items() if name not in error.fields - {"content"}}
        plainer = {**kept, "content": _plain(message.rich)}
        if plainer == body:
            raise
        return (await rest.ask(method, path, body=plainer)).body


def _body(message: OutboundMessage, method: str, path: str) -> dict[str, Any]:
    told: dict[str, Any] = {
        "content": _content(message), "allowed_mentions": NOBODY, "flags": NO_PREVIEWS,
        "components": components(message.buttons, message.idempotency_key),
    }  # fmt: skip
    if method == "POST" and path.startswith("/channels/"):
        told["nonce"] = message.idempotency_key.replace("-", "")[:LONGEST_NONCE]
        told["enforce_nonce"] = True
        if message.reply_to.isdecimal():
            told["message_reference"] = {"message_id": message.reply_to, "fail_if_not_exists": False}
    return told


def _content(message: OutboundMessage) -> str:
    rich = message.rich.stripped()
    return (_plain(rich) if message.format == "plain" else marks.marked(rich)) or WAITING


def _plain(rich: Rich) -> str:
    """Without styles, and with nothing in it that would be one."""
    bare = plain(rich.stripped())
    inert = marks.marked(Rich(bare))
    return (inert if len(inert) <= marks.LONGEST else bare[: marks.LONGEST]) or WAITING


def components(buttons: tuple[Button, ...], key: str) -> list[dict[str, Any]]:
    """Rows of buttons. Empty, it also takes away those that stood there."""
    shown = [
        {"type": BUTTON, "style": GREY, "label": button.label[:LONGEST_LABEL] or WAITING, "custom_id": name}
        for button in buttons
        if len(name := f"{PRESS}:{short_key(key)}:{button.id}") <= LONGEST_ID
    ]
    rows = [shown[start : start + IN_A_ROW] for start in range(0, len(shown), IN_A_ROW)]
    return [{"type": ROW, "components": row} for row in rows[:ROWS]]


def _id(answer: Any) -> str:
    """The message's id. Without one it was taken all the same, as far as we know."""
    found = answer.get("id") if isinstance(answer, dict) else None
    if not isinstance(found, str):
        raise ChannelError("Discord's answer says no id", permanent=False, ambiguous=True)
    return found


def placeholder(message: OutboundMessage) -> OutboundMessage:
    """The message with something to see."""
    return message if message.text.strip() else replace(message, text=WAITING, spans=())
