"""Who watches which conversation in this process, and how frames reach them.

The rows are the truth: a poll of one statement a second finds messages that other processes stored, so that every
watcher has them within two seconds whatever else is lost.
"""

from __future__ import annotations

import asyncio
import uuid
from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress

from bots.threads import in_thread
from channels_integrations.models import ChannelConfig
from channels_integrations.setup import Setup, setup_of
from conversations.draft import Frame
from conversations.frames import message_frame
from conversations.models import Conversation, Message

Listener = Callable[[Setup], None]
BACKLOG = 2_000  # frames a watcher may lag behind before it is cut off


class Watcher:
    """One listener's queue of frames. `lagging`: it was too slow and gets no more; it must come back and catch up."""

    def __init__(self) -> None:
        self.frames: asyncio.Queue[Frame] = asyncio.Queue(BACKLOG)
        self.lagging = False

    def put(self, frame: Frame) -> None:
        try:
            self.frames.put_nowait(frame)
        except asyncio.QueueFull:
            self.lagging = True


class Hub:
    """Watchers by conversation, and listeners by channel."""

    def __init__(self) -> None:
        self._watchers: dict[uuid.UUID, set[Watcher]] = defaultdict(set)
        self._seen: dict[uuid.UUID, int] = {}
        self._owners: dict[uuid.UUID, str] = {}
        self._listeners: dict[uuid.UUID, set[Listener]] = defaultdict(set)

    def watch(self, conversation_id: uuid.UUID, watcher: Watcher, *, seen: int, owner: str) -> None:
        """Send it what happens from now on; `seen`: the highest `seq` it has; `owner`: who answers, as it was told."""
        self._watchers[conversation_id].add(watcher)
        self._seen[conversation_id] = min(seen, self._seen.get(conversation_id, seen))
        self._owners.setdefault(conversation_id, owner)  # as all of them were told: who came before is told of a change

    def leave(self, conversation_id: uuid.UUID, watcher: Watcher) -> None:
        """Send it nothing more."""
        self._watchers[conversation_id].discard(watcher)
        if not self._watchers[conversation_id]:
            del self._watchers[conversation_id]
            self._seen.pop(conversation_id, None)
            self._owners.pop(conversation_id, None)

    def watched(self) -> list[uuid.UUID]:
        """What somebody here watches."""
        return list(self._watchers)

    def has_watchers(self, conversation_id: uuid.UUID) -> bool:
        """Whether anybody here watches."""
        return conversation_id in self._watchers

    def publish(self, conversation_id: uuid.UUID, frame: Frame) -> None:
        """Hand a frame to every watcher here. A stored message that is the next one need not be asked for any more."""
        if frame["type"] == "message" and frame["seq"] - 1 == self._seen.get(conversation_id):
            self._seen[conversation_id] = frame["seq"]
        for watcher in tuple(self._watchers.get(conversation_id, ())):
            watcher.put(frame)

    def listen(self, channel_id: uuid.UUID, listener: Listener) -> None:
        """Call it every second or so with what is configured there."""
        self._listeners[channel_id].add(listener)

    def leave_channel(self, channel_id: uuid.UUID, listener: Listener) -> None:
        """Call it no more."""
        self._listeners[channel_id].discard(listener)
        if not self._listeners[channel_id]:
            del self._listeners[channel_id]

    async def poll(self) -> None:
        """Publish what the rows say and no frame brought: stored messages, a new owner, another setup."""
        if self._watchers:
            await self._tell_messages()
        if self._listeners:
            for setup in await in_thread(_setups, list(self._listeners)):
                for listener in tuple(self._listeners.get(setup.channel_id, ())):
                    listener(setup)

    async def _tell_messages(self) -> None:
        behind: dict[uuid.UUID, int] = {}
        for conversation_id, next_seq, owner in await in_thread(_state, list(self._watchers)):
            if conversation_id not in self._watchers:
                continue
            if owner != self._owners.get(conversation_id):
                self._owners[conversation_id] = owner
                self.publish(conversation_id, {"type": "owner", "owner": owner})
            if next_seq - 1 > self._seen.get(conversation_id, 0):  # by now: what is stored here is also told here
                behind[conversation_id] = self._seen.get(conversation_id, 0)
        for conversation_id, frame in await in_thread(_newer, behind) if behind else []:
            if conversation_id in self._watchers:
                self.publish(conversation_id, frame)
                self._seen[conversation_id] = max(self._seen.get(conversation_id, 0), frame["seq"])


def _setups(channel_ids: list[uuid.UUID]) -> list[Setup]:
    """Of the channels that are still there. Remembered ones, mostly."""
    found = []
    for channel_id in channel_ids:
        with suppress(ChannelConfig.DoesNotExist):
            found.append(setup_of(channel_id))
    return found


def _state(conversation_ids: list[uuid.UUID]) -> list[tuple[uuid.UUID, int, str]]:
    """Of each conversation: its key, the `seq` that its next message will have, who answers now."""
    return list(Conversation.objects.filter(pk__in=conversation_ids).values_list("pk", "next_seq", "owner"))


def _newer(seen: dict[uuid.UUID, int]) -> list[tuple[uuid.UUID, Frame]]:
    """Of each conversation the messages beyond that `seq`."""
    found = []
    for key, seq in seen.items():
        rows = Message.objects.filter(conversation_id=key, seq__gt=seq).order_by("seq")[:200]
        found += [(key, message_frame(row)) for row in rows]
    return found
