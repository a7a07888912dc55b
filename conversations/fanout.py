"""Answers in the making, for watchers in other processes: through the channel layer, and only where somebody asked.

Each process that has watchers of a conversation, or answers it, is in the conversation's group. A watcher that comes
makes its process say `listening`; the process that answers says `started`, and is told `listening` in turn. From the
first `listening` on it sends what there is so far (a `start` frame) and then its frames, ten times a second at most.
Nothing here is needed: stored messages are found in the rows, whatever the channel layer does.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable, Mapping
from typing import Any

import structlog
from channels.layers import InMemoryChannelLayer, get_channel_layer

from conversations.draft import Frame
from conversations.hub import Hub
from conversations.pipeline import Running

log = structlog.get_logger(__name__)

FLUSH_SECONDS = 0.1
MOST_WAITING = 5_000  # orders to a channel layer that does not answer; what is over that is dropped


class Fanout:
    """One a process. Its methods return at once; a task of its own talks to the channel layer, in their order."""

    def __init__(self, hub: Hub, running: Mapping[uuid.UUID, Running]) -> None:
        self._hub, self._running = hub, running
        self._orders: asyncio.Queue[Callable[[], Any]] = asyncio.Queue()
        self._relayed: dict[uuid.UUID, list[Frame]] = {}
        self._layer: Any = None
        self._name, self._named = "", asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Begin, where there is a channel layer that other processes share."""
        layer = get_channel_layer()
        if layer is None or isinstance(layer, InMemoryChannelLayer):
            return
        self._layer, self._orders = layer, asyncio.Queue(MOST_WAITING)
        self._tasks = [asyncio.create_task(work()) for work in (self._hear, self._obey, self._flush)]

    async def stop(self) -> None:
        """Say and hear nothing more."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks, self._layer, self._name = [], None, ""
        self._named.clear()
        self._relayed.clear()

    def watched(self, conversation_id: uuid.UUID) -> None:
        """Somebody here wants to see this conversation's answers."""
        self._join(conversation_id)
        if conversation_id not in self._running:
            self._say(conversation_id, "listening")

    def began(self, conversation_id: uuid.UUID) -> None:
        """This process answers now: who listens?"""
        self._join(conversation_id)
        self._say(conversation_id, "started")

    def ended(self, conversation_id: uuid.UUID) -> None:
        """The answer is stored, or not ours any more."""
        frames = self._relayed.pop(conversation_id, None)
        if frames:
            self._say(conversation_id, "frames", frames)
        self.left(conversation_id)

    def left(self, conversation_id: uuid.UUID) -> None:
        """Leave the group, when neither a watcher nor an answer is left here."""
        if not self._hub.has_watchers(conversation_id) and conversation_id not in self._running:
            self._order(lambda: self._layer.group_discard(_group(conversation_id), self._name))

    def offer(self, conversation_id: uuid.UUID, frame: Frame) -> None:
        """A frame of an answer of this process."""
        if conversation_id in self._relayed:
            self._relayed[conversation_id].append(frame)

    def tell(self, conversation_id: uuid.UUID, frame: Frame) -> None:
        """A frame that is part of no answer, for watchers in other processes."""
        self._say(conversation_id, "frames", [frame])

    def _join(self, conversation_id: uuid.UUID) -> None:
        self._order(lambda: self._layer.group_add(_group(conversation_id), self._name))

    def _say(self, conversation_id: uuid.UUID, what: str, frames: list[Frame] | None = None) -> None:
        message = {"type": "fanout", "conversation": str(conversation_id), "what": what, "frames": frames or []}
        self._order(lambda: self._layer.group_send(_group(conversation_id), {**message, "from": self._name}))

    def _order(self, work: Callable[[], Any]) -> None:
        if self._layer is not None and not self._orders.full():
            self._orders.put_nowait(work)

    async def _obey(self) -> None:
        await self._named.wait()
        while True:
            work = await self._orders.get()
            try:
                await work()
            except Exception as error:  # noqa: BLE001  a supervisor: no outage of the channel layer may end it
                log.warning("fanout_failed", error=type(error).__name__)

    async def _hear(self) -> None:
        while True:
            try:
                if not self._name:
                    self._name = await self._layer.new_channel("fanout.")
                    self._named.set()
                self._take(await self._layer.receive(self._name))
            except Exception as error:  # noqa: BLE001  as above
                log.warning("fanout_failed", error=type(error).__name__)
                await asyncio.sleep(1)

    def _take(self, message: Mapping[str, Any]) -> None:
        conversation_id = uuid.UUID(message["conversation"])
        if message["from"] == self._name:
            return
        match message["what"]:
            case "started" if self._hub.has_watchers(conversation_id):
                self._say(conversation_id, "listening")
            case "listening" if conversation_id in self._running:
                so_far = self._running[conversation_id].draft.snapshot()
                self._say(conversation_id, "frames", [*self._relayed.get(conversation_id, ()), so_far])
                self._relayed[conversation_id] = []
            case "frames":
                for frame in message["frames"]:
                    self._hub.publish(conversation_id, frame)

    async def _flush(self) -> None:
        while True:
            await asyncio.sleep(FLUSH_SECONDS)
            for conversation_id, frames in self._relayed.items():
                if frames:
                    self._relayed[conversation_id] = []
                    self._say(conversation_id, "frames", frames)


def _group(conversation_id: uuid.UUID) -> str:
    return f"conversation.{conversation_id.hex}"
