"""What one socket is shown: `ready`, `history`, then whatever happens in the conversation it looks at."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from typing import Any

import structlog

from bots.threads import in_thread
from conversations import chats
from conversations.draft import Frame
from conversations.hub import Watcher
from conversations.models import Conversation, Message
from conversations.pipeline import Running
from conversations.runner import runner

log = structlog.get_logger(__name__)

READ_SECONDS = 20.0  # for which a frame may wait until its reader has room
DRAFT_FRAMES = {"start", "delta", "block", "tool"}


class View:
    """One socket's eye on one conversation at a time. `tell` sends a frame; `end` closes the socket with a code."""

    def __init__(self, tell: Callable[[Frame], Awaitable[None]], end: Callable[[int], Awaitable[None]]) -> None:
        self._tell, self._end = tell, end
        self.conversation: uuid.UUID | None = None
        self._watcher = Watcher()
        self._shown: set[int] = set()
        self._sender: asyncio.Task[None] | None = None

    async def show(
        self, conversation: Conversation | None, ready: Frame, *, after: int = 0, said: int | None = None
    ) -> None:
        """Turn to this conversation. `said`: the seq of a message of this socket, which its `ack` tells."""
        self.leave()
        try:
            await self._turn_to(conversation, ready, after, said)
        except BaseException:  # half way: as if it looked at nothing, so that the next message begins anew
            self.leave()
            raise
        self._sender = asyncio.create_task(self._send_frames(self._watcher))

    async def _turn_to(self, conversation: Conversation | None, ready: Frame, after: int, said: int | None) -> None:
        self._watcher, self._shown = Watcher(), set()
        self.conversation = conversation.pk if conversation else None
        told: Frame = {"type": "history", "messages": [], "more": False}
        if conversation is not None:
            runner.watch(conversation.pk, self._watcher, seen=conversation.next_seq - 1, owner=conversation.owner)
            told = await in_thread(chats.history, conversation.pk, after)
            told["messages"] = [message for message in told["messages"] if message["seq"] != said]
            self._shown.update(message["seq"] for message in told["messages"])
        await self._tell(ready)
        await self._tell(told)
        self._catch_up(told["messages"])

    def leave(self) -> None:
        """Hear nothing more of the conversation so far, also not what waits to be sent."""
        if self._sender is not None:
            self._sender.cancel()
            self._sender = None
        self._unwatch()

    def put(self, frame: Frame) -> None:
        """Tell it when its turn comes, behind what waits to be told."""
        self._watcher.put(frame)

    def _unwatch(self) -> None:
        if self.conversation is not None:
            runner.leave(self.conversation, self._watcher)
            self.conversation = None

    def knows(self, seq: int) -> None:
        """The client has this message already."""
        self._shown.add(seq)

    def _catch_up(self, told: list[Frame]) -> None:
        """Put the running answer before what follows: frames that came meanwhile are part of it already."""
        frames = self._watcher.frames
        came = [frames.get_nowait() for _ in range(frames.qsize())]
        running = runner.running.get(self.conversation) if self.conversation else None
        kept = [frame for frame in came if frame["type"] not in DRAFT_FRAMES] if running else _from_start(came)
        for frame in kept:
            self._watcher.put(frame)
        if running is not None and not _is_told(running, [*told, *kept]):
            self._watcher.put(running.draft.snapshot())

    async def _send_frames(self, watcher: Watcher) -> None:
        while True:
            frame = await watcher.frames.get()
            if watcher.lagging:
                await self._end(1013)
                return
            if frame["type"] == "message":
                if frame["seq"] in self._shown:
                    continue
                self._shown.add(frame["seq"])
            try:
                async with asyncio.timeout(READ_SECONDS):
                    await self._tell(frame)
            except TimeoutError:
                log.info("socket_reads_too_slowly")
                self._unwatch()  # now: its close has to wait for room as well
                await self._end(1013)
                return
            except OSError:  # the line is gone
                self._unwatch()
                return
            if frame["type"] == "deleted":
                self._unwatch()
                return


def _from_start(came: list[Frame]) -> list[Frame]:
    """Without those of an answer whose beginning did not come: another process runs it and will send a `start`."""
    begun = next((i for i, frame in enumerate(came) if frame["type"] == "start"), len(came))
    return [frame for i, frame in enumerate(came) if i >= begun or frame["type"] not in DRAFT_FRAMES]


def _is_told(running: Running, told: list[Any]) -> bool:
    """Whether the running turn's answer is among these: stored this moment, and still in the list of running ones."""
    began = max((message.seq for message in running.held.history), default=0)
    turn = str(running.held.turn.pk)
    return any(
        frame["turn"] == turn and frame["role"] == Message.Role.ASSISTANT and frame["seq"] > began
        for frame in told
        if "seq" in frame
    )
