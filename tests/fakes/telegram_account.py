"""A bot as Telegram knows it: its updates that wait, its webhook, its menu, the messages of its chats."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from tests.fakes.telegram_texts import found_in

DEFAULT_KINDS = {"message", "edited_message", "callback_query", "my_chat_member", "channel_post"}


@dataclass(slots=True, kw_only=True)
class Sent:
    """A message that was taken. `edits`: its texts since, with their times. `dropped`: entities that were not kept."""

    chat: int
    id: int
    text: str
    entities: list[dict[str, Any]]
    dropped: int
    buttons: list[dict[str, Any]]
    reply_to: int | None
    thread: int | None
    at: float
    edits: list[tuple[float, str]] = field(default_factory=list)

    def button(self, label: str) -> str:
        """What a button carries."""
        return str(next(button["callback_data"] for button in self.buttons if button["text"] == label))


@dataclass(slots=True)
class Webhook:
    url: str = ""
    secret: str = ""
    connections: int = 40
    error: str = ""
    error_at: int = 0


class Account:
    """One bot. What people do there is told by `say`, `press`, `block`: each gives the update that it made."""

    def __init__(self, token: str, username: str, *, first_update: int = 1_000) -> None:
        self.token = token
        self.id = int(token.partition(":")[0])
        self.username = username
        self.can_join_groups = True
        self.can_read_all = False
        self.updates: list[dict[str, Any]] = []
        self.made: list[dict[str, Any]] = []
        self.kinds: set[str] | None = None
        self.webhook = Webhook()
        self.commands: list[dict[str, str]] = []
        self.sent: list[Sent] = []
        self.drafts: list[tuple[int, int, str]] = []
        self.answered: list[str] = []
        self.typed: list[tuple[int, int | None]] = []
        self.blocked: set[int] = set()
        self.missing: set[int] = set()
        self.gone_threads: set[int] = set()
        self.poller: asyncio.Future[str] | None = None
        self.arrived: asyncio.Event = asyncio.Event()
        self.wake: Callable[[], None] = lambda: None
        self._update_ids = count(first_update)
        self._message_ids: dict[int, count[int]] = defaultdict(lambda: count(1))
        self.messages: dict[tuple[int, int], dict[str, Any]] = {}

    def say(
        self,
        text: str | None = "Hello",
        *,
        user: int = 7,
        name: str = "Ada",
        language: str = "en",
        group: int = 0,
        thread: int = 0,
        reply_to: int = 0,
        **more: Any,
    ) -> dict[str, Any]:
        """A person writes: to the bot alone, or in a group. `more`: other fields of the message, such as a photo."""
        chat = self._chat(user, name, group)
        message: dict[str, Any] = {
            "message_id": self.new_id(chat["id"]), "date": int(time.time()), "chat": chat,
            "from": {"id": user, "is_bot": False, "first_name": name, "language_code": language},
        }  # fmt: skip
        if text is not None:
            message |= {"text": text, "entities": found_in(text)}
        if thread:
            message |= {"message_thread_id": thread, "is_topic_message": True}
        if reply_to:
            message["reply_to_message"] = self.messages[chat["id"], reply_to]
        message |= more
        self.messages[chat["id"], message["message_id"]] = message
        return self.push("message", message)

    def press(self, sent: Sent, label: str, *, user: int = 7, name: str = "Ada") -> dict[str, Any]:
        """A person presses a button."""
        return self.push(
            "callback_query",
            {
                "id": f"{next(self._update_ids)}77", "chat_instance": "1", "data": sent.button(label),
                "from": {"id": user, "is_bot": False, "first_name": name, "language_code": "en"},
                "message": self.messages[sent.chat, sent.id],
            },
        )  # fmt: skip

    def block(self, user: int = 7, name: str = "Ada", *, unblock: bool = False) -> dict[str, Any]:
        """A person blocks the bot, or lets it write again."""
        (self.blocked.discard if unblock else self.blocked.add)(user)
        old, new = ("kicked", "member") if unblock else ("member", "kicked")
        us = {"id": self.id, "is_bot": True, "first_name": "Hal", "username": self.username}
        return self.push(
            "my_chat_member",
            {
                "chat": self._chat(user, name, 0), "from": {"id": user, "is_bot": False, "first_name": name},
                "date": int(time.time()), "old_chat_member": {"user": us, "status": old},
                "new_chat_member": {"user": us, "status": new},
            },
        )  # fmt: skip

    def push(self, kind: str, told: dict[str, Any]) -> dict[str, Any]:
        """An update of any kind comes, if the bot asked for its kind."""
        update = {"update_id": next(self._update_ids), kind: told}
        self.made.append(update)
        if kind in (self.kinds or DEFAULT_KINDS):
            self.updates.append(update)
            self.wake()
        return update

    def end_poll(self) -> None:
        """Whoever asks for updates just now is told that another does."""
        if self.poller is not None and not self.poller.done():
            self.poller.set_result("ended")

    def new_id(self, chat: int) -> int:
        """The next message's number in a chat."""
        return next(self._message_ids[chat])

    def texts(self, chat: int | None = None) -> list[str]:
        """What stands there now, in the order in which it was first sent."""
        return [sent.text for sent in self.sent if chat in (None, sent.chat)]

    def _chat(self, user: int, name: str, group: int) -> dict[str, Any]:
        if group:
            return {"id": group, "type": "supergroup", "title": "Shop"}
        return {"id": user, "type": "private", "first_name": name}
