"""Deadlines on the wall clock around any client's stream: an HTTP library's time-out never fires on a slow drip."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

from bots.providers.base import Deadlines, ProviderError, Reasoning, StreamEvent, TextDelta, ToolCallRequest


async def within(stream: AsyncGenerator[StreamEvent, None], deadlines: Deadlines) -> AsyncGenerator[StreamEvent, None]:
    """The stream's events. Raises ProviderError "timeout" when the first, the next or the last comes too late.

    Only content moves the idle deadline on: text, thoughts, tool calls. What keeps a connection warm does not.
    """
    clock = asyncio.get_running_loop().time
    end = clock() + deadlines.total
    due, what = clock() + deadlines.first_token, f"no first token within {deadlines.first_token:g} s"
    async with aclosing(stream) as events:
        while True:
            late = what if due < end else f"not done within {deadlines.total:g} s"
            try:
                async with asyncio.timeout_at(min(due, end)):
                    event = await anext(events, None)
            except TimeoutError:
                raise ProviderError("timeout", late, retryable=True) from None
            if event is None:
                return
            yield event
            if isinstance(event, TextDelta | Reasoning | ToolCallRequest):
                due, what = clock() + deadlines.idle, f"nothing for {deadlines.idle:g} s"
