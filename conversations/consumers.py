"""The web chat's websocket. It never waits for a turn: it hands messages in and shows what the hub tells."""

from __future__ import annotations

import asyncio
import uuid
from collections import Counter
from typing import Any

import structlog
from django.conf import settings
from django.db import DatabaseError

from bots.threads import in_thread
from channels_integrations.base import IncomingMessage
from channels_integrations.setup import Setup, public_setup
from conversations import accept, chats, rates, socket_frames, visitors
from conversations.draft import Frame
from conversations.frames import message_frame
from conversations.hub import Watcher
from conversations.limits import BadText, Bucket, clean_text
from conversations.models import Conversation, Message
from conversations.pipeline import Running
from conversations.runner import runner
from conversations.socket_door import Door, origin_allowed

log = structlog.get_logger(__name__)

sockets: Counter[str] = Counter()  # open ones of this process, by address
HELLO_SECONDS = 10
READ_SECONDS = 20.0  # for which a frame may wait until its reader has room
MOST_REFUSALS = 100
DRAFT_FRAMES = {"start", "delta", "block", "tool"}
TOO_OFTEN = BadText("rate_limited", "That was quick. Please wait a moment.")
AWAY = BadText("unavailable", "We cannot store messages right now. Please try again in a moment.")


class SlowDown(Exception):
    """Too many messages; another may come after these seconds."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds


class ChatConsumer(Door):
    """One socket of one visitor."""

    setup: Setup
    visitor = ""

    async def connect(self) -> None:
        self.address = str((self.scope.get("client") or ("",))[0])
        refusal = await self._refusal()
        if refusal:
            await self.deny(refusal)
            return
        sockets[self.address] += 1
        self.bucket, self.others = Bucket(), Bucket(rate=20, burst=60)
        self.refusals, self.over = 0, False
        self.conversation: uuid.UUID | None = None
        self.watcher = Watcher()
        self.shown: set[int] = set()
        self.sender: asyncio.Task[None] | None = None
        await self.accept()
        self.impatient = asyncio.create_task(self._await_hello())

    async def _refusal(self) -> int | None:
        """The status of HTTP that this handshake is refused with; None when it is welcome."""
        if not origin_allowed(self.scope):
            return 403
        if 0 < settings.SOCKETS_PER_ADDRESS <= sockets[self.address]:
            return 429
        slug = self.scope["url_route"]["kwargs"]["slug"]
        try:
            found = await in_thread(public_setup, slug, "webchat") if "\0" not in slug else None
        except DatabaseError:
            return 503
        if found is None:
            return 404
        self.setup = found
        return None

    async def disconnect(self, code: int) -> None:
        if hasattr(self, "impatient"):
            sockets[self.address] -= 1
            if not sockets[self.address]:
                del sockets[self.address]
            self.impatient.cancel()
            self._leave()

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        if self.over:
            return  # what was on its way when we closed
        wait = self.others.wait()
        if wait:
            await self._refuse(BadText("rate_limited", "Too many frames. Please slow down."), retry_after=wait)
            return
        try:
            await self._obey(socket_frames.read(text_data))
        except SlowDown as slow:
            await self._refuse(TOO_OFTEN, id=socket_frames.id_of(text_data), retry_after=slow.seconds)
        except BadText as bad:
            await self._refuse(bad, id=socket_frames.id_of(text_data))
        except DatabaseError as error:
            log.warning("socket_database_away", error=type(error).__name__)
            await self._refuse(AWAY, id=socket_frames.id_of(text_data), retry_after=5)

    async def _obey(self, frame: Any) -> None:
        if not self.visitor and frame.type != "hello":
            raise BadText("bad_frame", "The first frame must be hello.")
        await getattr(self, f"on_{frame.type}")(frame)

    async def on_hello(self, frame: socket_frames.Hello) -> None:
        self.impatient.cancel()
        token = frame.visitor or visitors.cookie_in(dict(self.scope["headers"]))
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
            raise SlowDown(wait)
        incoming = IncomingMessage(
            event_id=f"{self.visitor}:{frame.id}", chat_id=self.visitor, sender_id=self.visitor, text=text
        )
        accepted = await runner.accept(_accept, self.setup, incoming, self.address)
        row = accepted.message
        late = accepted.repeated and row.conversation.ended_at is not None  # said again after a reconnect
        if row.conversation_id != self.conversation and not late:
            await self._show(row.conversation, said=row.seq)
        if row.conversation_id == self.conversation:
            self.shown.add(row.seq)
        runner.hub.publish(row.conversation_id, message_frame(row))
        await self._tell({"type": "ack", "id": frame.id, "message_id": str(accepted.message_id), "seq": accepted.seq})
        await runner.follow_up(accepted, "" if accepted.repeated else text)

    async def on_stop(self, frame: socket_frames.Bare) -> None:
        if self.conversation is not None:
            await runner.request_stop(self.conversation)

    async def on_new(self, frame: socket_frames.Bare) -> None:
        current = await in_thread(chats.find, self.setup, self.visitor)  # not the one looked at: that may be over
        if current is not None:
            await in_thread(accept.end, current.pk)
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

    async def _show(self, conversation: Conversation | None, *, after: int = 0, said: int | None = None) -> None:
        """Turn to this conversation: `ready`, `history`, then what happens from now on.

        `said`: the seq of a message of this socket, which its `ack` tells.
        """
        self._leave()
        self.watcher, self.shown = Watcher(), set()
        self.conversation = conversation.pk if conversation else None
        told: Frame = {"type": "history", "messages": [], "more": False}
        if conversation is not None:
            runner.watch(conversation.pk, self.watcher, seen=conversation.next_seq - 1)
            told = await in_thread(chats.history, conversation.pk, after)
            told["messages"] = [message for message in told["messages"] if message["seq"] != said]
            self.shown.update(message["seq"] for message in told["messages"])
        await self._tell(self._ready(conversation))
        await self._tell(told)
        self._catch_up(told["messages"])
        self.sender = asyncio.create_task(self._send_frames(self.watcher))

    def _leave(self) -> None:
        """Hear nothing more of the conversation so far, also not what waits to be sent."""
        if self.sender is not None:
            self.sender.cancel()
        if self.conversation is not None:
            runner.leave(self.conversation, self.watcher)

    def _catch_up(self, told: list[Frame]) -> None:
        """Put the running answer before what follows: frames that came meanwhile are part of it already."""
        frames = self.watcher.frames
        came = [frames.get_nowait() for _ in range(frames.qsize())]
        running = runner.running.get(self.conversation) if self.conversation else None
        kept = [frame for frame in came if frame["type"] not in DRAFT_FRAMES] if running else _from_start(came)
        for frame in kept:
            self.watcher.put(frame)
        if running is not None and not _is_told(running, [*told, *kept]):
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

    async def _send_frames(self, watcher: Watcher) -> None:
        while True:
            frame = await watcher.frames.get()
            if watcher.lagging:
                await self._end(1013)
                return
            if frame["type"] == "message":
                if frame["seq"] in self.shown:
                    continue
                self.shown.add(frame["seq"])
            if frame["type"] == "ended":
                continue  # the next message begins a new conversation by itself
            try:
                async with asyncio.timeout(READ_SECONDS):
                    await self._tell(frame)
            except TimeoutError:
                log.info("socket_reads_too_slowly")
                if self.conversation is not None:
                    runner.leave(self.conversation, watcher)  # now: its close has to wait for room as well
                await self._end(1013)
                return

    async def _tell(self, frame: Frame) -> None:
        import orjson

        await self.send(text_data=orjson.dumps(frame).decode())

    async def _refuse(self, bad: BadText, *, id: str | None = None, retry_after: float | None = None) -> None:  # noqa: A002
        self.refusals += 1
        if self.refusals > MOST_REFUSALS:
            await self._end(1008)
            return
        wait = None if retry_after is None else round(retry_after, 1)
        await self._tell({"type": "error", "code": bad.code, "message": bad.reason, "retry_after": wait, "id": id})

    async def _await_hello(self) -> None:
        await asyncio.sleep(HELLO_SECONDS)
        await self._refuse(BadText("bad_frame", f"No hello came within {HELLO_SECONDS} s."))
        await self._end(1008)

    async def _end(self, code: int) -> None:
        self.over = True
        await self.close(code)


def _accept(setup: Setup, incoming: IncomingMessage, address: str) -> accept.Accepted:
    """The stored message. Raises SlowDown."""
    wait = rates.wait_to_say(channel_id=setup.channel_id, person=incoming.sender_id, address=address)
    if wait:
        raise SlowDown(wait)
    return accept.accept(setup, incoming, claim=True)


def _from_start(came: list[Frame]) -> list[Frame]:
    """Without those of an answer whose beginning did not come: another process runs it and will send a `start`."""
    begun = next((i for i, frame in enumerate(came) if frame["type"] == "start"), len(came))
    return [frame for i, frame in enumerate(came) if i >= begun or frame["type"] not in DRAFT_FRAMES]


def _is_told(running: Running, told: list[Frame]) -> bool:
    """Whether the running turn's answer is among these: stored this moment, and still in the list of running ones."""
    began = max((message.seq for message in running.held.history), default=0)
    turn = str(running.held.turn.pk)
    return any(
        frame["turn"] == turn and frame["role"] == Message.Role.ASSISTANT and frame["seq"] > began
        for frame in told
        if "seq" in frame
    )
