"""The answer while it is written: frames for whoever watches, blocks for whoever comes late."""

from __future__ import annotations

import re
import uuid
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any, TypeAlias

from channels_integrations.rendering.markdown import html

Frame: TypeAlias = dict[str, Any]
Emit: TypeAlias = Callable[[Frame], Awaitable[None]]

FENCE = re.compile(r"^ {0,3}(```|~~~)")
ENTRY = re.compile(r"(?:[-*+]|\d{1,9}[.)])[ \t]")
MAYBE_ENTRY = re.compile(r"\n[ \t]*\n([-*+]|\d{1,9}[.)]?)\Z")
TRIES_PER_CLAIM = 8  # frames' attempt numbers: claims of the conversation and tries within them, always growing


async def discard(_: Frame) -> None:
    """Nobody watches."""


class Draft:
    """What of a turn's answer is there so far. A block ends at an empty line outside a code fence."""

    def __init__(self, *, turn_id: uuid.UUID, token: int, emit: Emit) -> None:
        self.turn_id = str(turn_id)
        self.attempt = (token - 1) * TRIES_PER_CLAIM + 1
        self.emit = emit
        self.text = ""
        self.waits_since: datetime | None = None  # for a place at the model; None: it is being asked, or not yet
        self._blocks: list[str] = [""]
        self._n = 0
        self._held = ""  # what may become the mark of a list's next entry: which block it belongs to is not known yet

    def snapshot(self) -> Frame:
        """The `start` frame: everything there is, so that a late watcher misses nothing."""
        blocks = [{"block": i, "html": html(text)} for i, text in enumerate(self._blocks[:-1])]
        if self._blocks[-1]:
            blocks.append({"block": len(self._blocks) - 1, "text": self._blocks[-1]})
        return {"type": "start", "turn": self.turn_id, "attempt": self.attempt, "blocks": blocks, "n": self._n}

    async def begin(self) -> None:
        await self.emit(self.snapshot())

    async def restart(self) -> None:
        """Forget what was shown: another try answers from its own beginning."""
        self.attempt += 1
        self.text, self._blocks, self._n, self._held = "", [""], 0, ""
        await self.begin()

    async def add(self, text: str) -> None:
        """Show more text."""
        self.text += text
        text, self._held = _held_back(self._blocks[-1], self._held + text)
        await self._show(text)

    async def _show(self, text: str) -> None:
        pieces = _split_blocks(self._blocks[-1] + text)
        shown = len(self._blocks[-1])
        for index, piece in enumerate(pieces):
            new = piece[shown:] if index == 0 else piece
            if index:
                self._blocks.append("")
            self._blocks[-1] = piece
            if new:
                await self._send("delta", text=new)
            if index < len(pieces) - 1:
                await self._send("block", html=html(piece))

    async def finish(self) -> None:
        """The last block is whole too."""
        await self._show(self._held)
        self._held = ""
        if self._blocks[-1].strip():
            await self._send("block", html=html(self._blocks[-1]))

    async def tool(self, name: str, state: str) -> None:
        """Show what a tool is doing."""
        await self.emit({"type": "tool", "turn": self.turn_id, "name": name, "state": state})

    async def _send(self, kind: str, **more: str) -> None:
        block = len(self._blocks) - 1
        await self.emit(
            {"type": kind, "turn": self.turn_id, "attempt": self.attempt, "n": self._n, "block": block, **more}
        )
        self._n += 1


def _held_back(block: str, text: str) -> tuple[str, str]:
    """The text to show now, and the beginning of a line that waits for more."""
    whole = block + text
    found = MAYBE_ENTRY.search(whole) if ENTRY.match(whole.lstrip("\n")) else None
    start = max(found.start(1) - len(block), 0) if found else len(text)
    return text[:start], text[start:]


def _goes_on(block: str, line: str) -> bool:
    """Whether a list with empty lines between its entries has another one: it is one block."""
    return bool(ENTRY.match(line) and ENTRY.match(block.lstrip("\n")))


def _split_blocks(text: str) -> list[str]:
    """Finished blocks and the one still open, last. A block begins at a line that is neither empty nor indented."""
    pieces, current, fenced, blank = [], "", False, False
    for line in text.splitlines(keepends=True):
        if blank and not fenced and line.strip() and not line[0].isspace() and not _goes_on(current, line):
            pieces.append(current)
            current, blank = "", False
        if FENCE.match(line):
            fenced = not fenced
        blank = not fenced and not line.strip() and line.endswith("\n") and bool(current.strip())
        current += line
    return [*pieces, current]
