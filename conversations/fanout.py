"""Answers in the making, for watchers in other processes: through the channel layer, and only where somebody watches.

Each process tells all others which conversations are watched in it: at once, and all of them again from time to time.
So whoever answers knows where its frames are wanted, sends them there ten times a second at most, and a turn that is
watched nowhere else costs nothing here. Nothing here is needed: stored messages are found in the rows, whatever the
channel layer does.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import structlog
from channels.layers import InMemoryChannelLayer, get_channel_layer

from conversations.draft import Frame
from conversations.hub import Hub
from conversations.pipeline import Running

log = structlog.get_logger(__name__)

ALL = "fanout"  # the group of all processes
FLUSH_SECONDS = 0.1
RENEW_SECONDS = 20.0
KEPT_SECONDS = 3 * RENEW_SECONDS  # that a process is believed which said no more
STOP_SECONDS = 2.0
AT_ONCE = 500  # conversations told of in one message
MOST_WAITING = 5_000  # orders to a channel layer that does not answer; what is over that is dropped


class Fanout:
    """One a process. Its methods return at once; a task of its own talks to the channel layer, in their order."""

    def __init__(self, hub: Hub, running: Mapping[uuid.UUID, Running]) -> None:
        self._hub, self._running = hub, running
        self._orders: asyncio.Queue[Callable[[], Any]] = asyncio.Queue()
        self._elsewhere: dict[uuid.UUID, dict[str, float]] = {}  # who watches, and until when that is believed
        self._outgoing: dict[str, list[tuple[str, Frame]]] = defaultdict(list)
        self._layer: Any = None
        self._name, self._named = "", asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Begin, where there is a channel layer that other processes share."""
        layer = get_channel_layer()
        if layer is None or isinstance(layer, InMemoryChannelLayer):
            return
        self._layer, self._orders = layer, asyncio.Queue(MOST_WAITING)
        self._tasks = [asyncio.create_task(work()) for work in (self._hear, self._obey, self._flush, self._renew)]

    async def stop(self) -> None:
        """Say and hear nothing more. Redis's client may take a cancellation for itself: each task looks once more."""
        self._layer = None
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=STOP_SECONDS)
        self._tasks, self._name = [], ""
        self._named.clear()
        self._elsewhere.clear()
        self._outgoing.clear()

    def watched(self, conversation_id: uuid.UUID) -> None:
        """Somebody here wants to see this conversation's answers, also the one that is being made."""
        self._tell_all("watched", [conversation_id.hex])

    def left(self, conversation_id: uuid.UUID) -> None:
        """Somebody here does not any more."""
        if not self._hub.has_watchers(conversation_id):
            self._tell_all("left", [conversation_id.hex])

    def tell(self, conversation_id: uuid.UUID, frame: Frame) -> None:
        """A frame for watchers in other processes."""
        for name in self._elsewhere.get(conversation_id, ()):
            self._outgoing[name].append((conversation_id.hex, frame))

    def _tell_all(self, what: str, conversations: Sequence[str] = ()) -> None:
        told = self._message(what, conversations=list(conversations))
        self._order(lambda: self._layer.group_send(ALL, told()))

    def _tell_one(self, name: str, what: str, **more: Any) -> None:
        told = self._message(what, **more)
        self._order(lambda: self._layer.send(name, told()))

    def _message(self, what: str, **more: Any) -> Callable[[], dict[str, Any]]:
        """When it is sent, our name is known."""
        return lambda: {"type": "fanout", "from": self._name, "what": what, **more}

    def _order(self, work: Callable[[], Any]) -> None:
        if self._layer is not None and not self._orders.full():
            self._orders.put_nowait(work)

    async def _obey(self) -> None:
        await self._named.wait()
        while self._layer is not None:
            work = await self._orders.get()
            try:
                await work()
            except Exception as error:  # noqa: BLE001  a supervisor: no outage of the channel layer may end it
                log.warning("fanout_failed", error=type(error).__name__)

    async def _hear(self) -> None:
        while self._layer is not None:
            try:
                if not self._name:
                    await self._begin()
                self._take(await self._layer.receive(self._name))
            except Exception as error:  # noqa: BLE001  as above
                log.warning("fanout_failed", error=type(error).__name__)
                await asyncio.sleep(1)

    async def _begin(self) -> None:
        name = await self._layer.new_channel("fanout.")
        await self._layer.group_add(ALL, name)
        self._name = name
        self._named.set()
        self._tell_all("came")

    def _take(self, message: Mapping[str, Any]) -> None:
        name, what = message["from"], message["what"]
        if name == self._name:
            return
        if what == "came":
            for some in self._watched_here():
                self._tell_one(name, "watches", conversations=some)
        elif what == "frames":
            for told, frame in message["frames"]:
                self._hub.publish(uuid.UUID(told), frame)
        else:
            for told in message["conversations"]:
                self._note(name, what, uuid.UUID(told))

    def _note(self, name: str, what: str, conversation_id: uuid.UUID) -> None:
        """That process wants its frames, or no more; where that is new, what there is of an answer goes first."""
        known = self._elsewhere.setdefault(conversation_id, {})
        if what == "left":
            known.pop(name, None)
            return
        if (what == "watched" or name not in known) and conversation_id in self._running:
            self._outgoing[name].append((conversation_id.hex, self._running[conversation_id].draft.snapshot()))
        known[name] = time.monotonic() + KEPT_SECONDS

    async def _flush(self) -> None:
        while True:
            await asyncio.sleep(FLUSH_SECONDS)
            while self._outgoing:
                name, frames = self._outgoing.popitem()
                self._tell_one(name, "frames", frames=frames)

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(RENEW_SECONDS)
            for some in self._watched_here():
                self._tell_all("watches", some)
            self._forget_silent()

    def _watched_here(self) -> Iterator[list[str]]:
        watched = [each.hex for each in self._hub.watched()]
        return (watched[start : start + AT_ONCE] for start in range(0, len(watched), AT_ONCE))

    def _forget_silent(self) -> None:
        """And what nobody watches any more."""
        now = time.monotonic()
        for conversation_id, known in tuple(self._elsewhere.items()):
            for name in [name for name, until in known.items() if until < now]:
                del known[name]
            if not known:
                del self._elsewhere[conversation_id]
