"""The answer while it is written."""

from __future__ import annotations

import asyncio
import uuid
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels_integrations.rendering.markdown import html
from conversations.draft import Draft


async def blocks_of(pieces: list[str]) -> tuple[str, list[str]]:
    """What a watcher has in the end: the text of all deltas, and the finished blocks."""
    frames: list[dict[str, Any]] = []

    async def emit(frame: dict[str, Any]) -> None:
        frames.append(frame)

    draft = Draft(turn_id=uuid.uuid4(), token=1, emit=emit)
    for piece in pieces:
        await draft.add(piece)
    await draft.finish()
    return "".join(f["text"] for f in frames if f["type"] == "delta"), [
        f["html"] for f in frames if f["type"] == "block"
    ]


@pytest.mark.parametrize(
    "text",
    [
        "one\n\ntwo",
        "1. a\n\n2. b\n\n3. c",
        "- a\n\n- b\n\nend",
        "```\na\n\nb\n```\n\nafter",
        "# h\n\n| a |\n|---|\n| 1 |",
    ],
)
async def test_finished_blocks_are_the_whole_answers_html(text: str) -> None:
    """So that the page keeps what it shows when the answer is stored."""
    said, blocks = await blocks_of(list(text))
    assert said == text
    assert "".join(blocks) == html(text)


@given(st.lists(st.text(alphabet="ab \n`-#1.", max_size=8), max_size=12))
def test_nothing_is_lost_or_added(pieces: list[str]) -> None:
    said, _blocks = asyncio.run(blocks_of(pieces))
    assert said == "".join(pieces)
