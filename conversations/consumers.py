"""The web chat's websocket. It never waits for a turn: it hands messages in and shows what the hub tells."""

from __future__ import annotations

import asyncio
import uuid
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import urlsplit

import structlog
from channels.generic.websocket import AsyncWebsocketConsumer
from django.conf import settings
from django.db import DatabaseError

from bots.threads import in_thread
from channels_integrations.base import IncomingMessage
from channels_integrations.setup import Setup, public_setup
from conversations import accept, chats, socket_frames, visitors
from conversations.draft import Frame
from conversations.frames import message_frame
from conversations.hub import Watcher
from conversations.limits import BadText, Bucket, clean_text
from conversations.models import Conversation, Message
from conversations.runner import runner

log = structlog.get_logger(__name__)

HELLO_SECONDS = 10
MOST_REFUSALS = 100


class ChatConsumer(AsyncWebsocketConsumer):
    """One socket of one visitor."""

    setup: Setup
    visitor = ""

    async def connect(self) -> None:
        if not origin_allowed(self.scope):
            await self._deny(403)
            return
        slug = self.scope["url_route"]["kwargs"]["slug"]
        found = await in_thread(public_setup, slug, "webchat") if "\0" not in slug else None
        if found is None:
            await self._deny(404)
            return
        self.setup = found
        self.bucket, self.others = Bucket(), Bucket(rate=20, burst=60)
        self.refusals = 0
        self.conversation: uuid.UUID | None = None
        self.watcher = Watcher()
        self.shown: set[int] = set()
        await self.accept()
        self.sender = asyncio.create_task(self._send_frames())
        self.impatient = asyncio.get_running_loop().call_later(HELLO_SECONDS, self._no_hello)

    async def disconnect(self, code: int) -> None:
        if not hasattr(self, "sender"):
            return
        self.impatient.cancel()
        self.sender.cancel()
        if self.conversation is not None:
            runner.hub.leave(self.conversation, self.watcher)

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        wait = self.others.wait()
        if wait:
            await self._refuse(BadText("rate_limited", "Too many frames. Please slow down."), retry_after=wait)
            return
        try:
            await self._obey(socket_frames.read(text_data))
        except BadText as bad:
            await self._refuse(bad, id=socket_frames.id_of(text_data))
        except DatabaseError as error:
            log.warning("socket_database_away", error=type(error).__name__)
            away = BadText("unavailable", "We cannot store messages right now. Please try again in a moment.")
            await self._refuse(away, id=socket_frames.id_of(text_data), retry_after=5)

    async def _obey(self, frame: Any) -> None:
        if not self.visitor and frame.type != "hello":
            raise BadText("bad_frame", "The first frame must be hello.")
        await getattr(self, f"on_{frame.type}")(frame)

    async def on_hello(self, frame: socket_frames.Hello) -> None:
        self.impatient.cancel()
        token = frame.visitor or _cookie(self.scope)
        visitor = visitors.visitor_of(token)
        if visitor is None:
            token = visitors.new_token()
            visitor = visitors.visitor_of(token) or ""
        self.visitor, self.token = visitor, token
        found = await in_thread(chats.find, self.setup, visitor, frame.conversation)
        same = found is not None and str(found.pk) == str(frame.conversation)
        await self._show(found, after=frame.after if same else 0)

    async def on_message(self, frame: socket_frames.Say) -> None:
        text = clean_text(frame.text)
        wait = self.bucket.wait()
        if wait:
            await self._refuse(
                BadText("rate_limited", "That was quick. Please wait a moment."), id=frame.id, retry_after=wait
            )
            return
        incoming = IncomingMessage(
            event_id=f"{self.visitor}:{frame.id}", chat_id=self.visitor, sender_id=self.visitor, text=text
        )
        accepted = await in_thread(accept.accept, self.setup, incoming)
        if accepted.conversation_id != self.conversation:
            await self._show(await in_thread(Conversation.objects.get, pk=accepted.conversation_id), silent=True)
        await self._tell({"type": "ack", "id": frame.id, "message_id": str(accepted.message_id), "seq": accepted.seq})
        self.shown.add(accepted.seq)
        row = await in_thread(Message.objects.get, pk=accepted.message_id)
        runner.hub.publish(accepted.conversation_id, message_frame(row))
        await runner.follow_up(accepted, text)

    async def on_stop(self, frame: socket_frames.Bare) -> None:
        if self.conversation is not None:
            await runner.request_stop(self.conversation)

    async def on_new(self, frame: socket_frames.Bare) -> None:
        if self.conversation is not None:
            await in_thread(accept.end, self.conversation)
        await self._show(None)

    async def on_conversations(self, frame: socket_frames.Bare) -> None:
        items = await in_thread(chats.listing, self.setup, self.visitor)
        await self._tell({"type": "conversations", "items": items})

    async def on_open(self, frame: socket_frames.Open) -> None:
        found = await in_thread(chats.find, self.setup, self.visitor, frame.conversation)
        if found is None or found.pk != frame.conversation:
            raise BadText("not_found", "There is no such conversation.")
        await self._show(found)

    async def on_retry(self, frame: socket_frames.Retry) -> None:
        if self.conversation is None or not await in_thread(accept.queue_again, self.conversation, frame.turn):
            raise BadText("not_found", "There is nothing to try again.")
        runner.ring(self.conversation)

    async def on_feedback(self, frame: socket_frames.Feedback) -> None:
        if self.conversation is None or not await in_thread(
            chats.rate, self.conversation, frame.message_id, frame.value
        ):
            raise BadText("not_found", "There is no such answer.")

    async def on_press(self, frame: socket_frames.Press) -> None:
        raise BadText("not_found", "There is no such button.")

    async def on_ping(self, frame: socket_frames.Bare) -> None:
        await self._tell({"type": "pong"})

    async def _show(self, conversation: Conversation | None, *, after: int = 0, silent: bool = False) -> None:
        """Turn to this conversation: `ready`, `history`, then what happens. `silent`: its history is known."""
        if self.conversation is not None:
            runner.hub.leave(self.conversation, self.watcher)
        self.conversation = conversation.pk if conversation else None
        self.shown = set()
        told: Frame = {"type": "history", "messages": [], "more": False}
        if conversation is not None:
            seen = conversation.next_seq - 1
            runner.hub.watch(conversation.pk, self.watcher, seen=seen)
            if not silent:
                told = await in_thread(chats.history, conversation.pk, after)
                self.shown.update(message["seq"] for message in told["messages"])
        await self._tell(self._ready(conversation))
        await self._tell(told)
        running = runner.running.get(conversation.pk) if conversation else None
        if running is not None:
            self.watcher.put(running.draft.snapshot())

    def _ready(self, conversation: Conversation | None) -> Frame:
        return {
            "type": "ready",
            "visitor": self.token,
            "conversation": str(conversation.pk) if conversation else None,
            "owner": conversation.owner if conversation else "bot",
            "bot": {
                "slug": self.setup.bot_slug,
                "name": self.setup.bot_name,
                "greeting": self.setup.greeting,
                "suggestions": list(self.setup.suggestions),
                "demo": settings.DEFAULT_MODEL.startswith("demo/"),
            },
        }

    async def _send_frames(self) -> None:
        while True:
            frame = await self.watcher.frames.get()
            if self.watcher.lagging:
                await self.close(1013)
                return
            if frame["type"] == "message":
                if frame["seq"] in self.shown:
                    continue
                self.shown.add(frame["seq"])
            if frame["type"] == "ended":
                continue  # the next message begins a new conversation by itself
            await self._tell(frame)

    async def _tell(self, frame: Frame) -> None:
        import orjson

        await self.send(text_data=orjson.dumps(frame).decode())

    async def _refuse(self, bad: BadText, *, id: str | None = None, retry_after: float | None = None) -> None:  # noqa: A002
        self.refusals += 1
        if self.refusals > MOST_REFUSALS:
            await self.close(1008)
            return
        wait = None if retry_after is None else round(retry_after, 1)
        await self._tell({"type": "error", "code": bad.code, "message": bad.reason, "retry_after": wait, "id": id})

    def _no_hello(self) -> None:
        self.late = asyncio.create_task(self.close(1008))

    async def _deny(self, status: int) -> None:
        """Refuse before the handshake: with the status where the server can say it, else 403."""
        if "websocket.http.response" not in self.scope.get("extensions", {}):
            await self.close()
            return
        await self.base_send({"type": "websocket.http.response.start", "status": status, "headers": []})
        await self.base_send({"type": "websocket.http.response.body", "body": b""})


def origin_allowed(scope: Any) -> bool:
    """Our own pages, named origins, and programs, which send none. Compared whole: scheme, host and port."""
    headers = dict(scope["headers"])
    origin = headers.get(b"origin")
    if origin is None:
        return True
    scheme = "https" if scope.get("scheme") == "wss" or settings.SECURE else "http"
    own = f"{scheme}://{headers.get(b'host', b'').decode('latin-1')}"
    given = origin.decode("latin-1")
    return given in {own, *settings.CSRF_TRUSTED_ORIGINS} and bool(urlsplit(given).hostname)


def _cookie(scope: Any) -> str | None:
    raw = dict(scope["headers"]).get(b"cookie", b"").decode("latin-1")
    try:
        found = SimpleCookie(raw).get(visitors.COOKIE)
    except CookieError:
        return None
    return found.value if found else None
