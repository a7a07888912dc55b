"""Server-sent events as bytes come in, with limits: what is too long or no JSON ends the stream, not the process."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any

import orjson

from bots.providers.base import ProviderError

LONGEST_LINE = 1024 * 1024
LONGEST_STREAM = 4 * 1024 * 1024


async def data(chunks: AsyncIterator[bytes]) -> AsyncGenerator[list[dict[str, Any]], None]:
    """The JSON objects of the `data:` lines that a read brought, until `[DONE]` or the end.

    Raises ProviderError "malformed".
    """
    async for whole in lines(chunks):
        # comments keep the connection warm, other fields are not used
        payloads = [payload for line in whole if line.startswith(b"data:") and (payload := line[5:].strip())]
        is_done = b"[DONE]" in payloads
        if found := payloads[: payloads.index(b"[DONE]")] if is_done else payloads:
            yield [_object(payload) for payload in found]
        if is_done:
            return


async def lines(chunks: AsyncIterator[bytes]) -> AsyncGenerator[list[bytes], None]:
    """The whole lines that a read brought, without their ends; the last one also without an end.

    Raises ProviderError past the limits.
    """
    rest, total = b"", 0
    async for chunk in chunks:
        total += len(chunk)
        if total > LONGEST_STREAM:
            raise ProviderError("malformed", f"more than {LONGEST_STREAM} bytes in one answer")
        *whole, rest = (rest + chunk).replace(b"\r\n", b"\n").split(b"\n")
        if max(map(len, (*whole, rest))) > LONGEST_LINE:
            raise ProviderError("malformed", f"a line of more than {LONGEST_LINE} bytes")
        yield whole
    if rest:
        yield [rest]


def _object(payload: bytes) -> dict[str, Any]:
    try:
        found = orjson.loads(payload)
    except orjson.JSONDecodeError:
        try:  # broken UTF-8 inside an otherwise good event
            found = orjson.loads(payload.decode("utf-8", "replace"))
        except orjson.JSONDecodeError:
            raise ProviderError("malformed", "an event that is no JSON", retryable=True) from None
    if not isinstance(found, dict):
        raise ProviderError("malformed", "an event that is no JSON object", retryable=True)
    return found
