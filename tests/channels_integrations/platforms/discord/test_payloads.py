"""What Discord's gateway tells, in every kind: which events it is, and that odd values make no others.

The files hold a payload as the gateway sends it and what is expected of its events.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from channels_integrations.base import IncomingMessage
from channels_integrations.platforms.discord import bodies
from channels_integrations.platforms.discord.adapter import Discord
from channels_integrations.platforms.discord.bodies import Us
from tests.channels_integrations.platforms.discord.conftest import adapter_of
from tests.fakes.discord_objects import Bot

FILES = sorted((Path(__file__).parents[3] / "payloads" / "discord").glob("*.json"))
US = Us(id="1100000000000000001", role="1100000000000000002")
ODD: list[Any] = [
    None, "", 0, -1, 2**63, 10**400, 1.5, True, [], {}, [None], {"a": {}}, "\0", "a\0b", "\ud800", "x" * 20_000,
    "\r\n\x1b[31m",
]  # fmt: skip


def adapter(**config: Any) -> Discord:
    return adapter_of(Bot("Hal"), **config)


def body_of(told: dict[str, Any]) -> bytes | None:
    payload = told["payload"]
    if told["event"] == "INTERACTION_CREATE":
        return bodies.of_interaction(payload)
    return bodies.of_message(payload, guild_id=payload.get("guild_id") or "", us=US)


def body_named(name: str) -> bytes:
    told = json.loads(next(path for path in FILES if path.stem == name).read_text())
    body = body_of(told)
    assert body is not None
    return body


def odd(value: Any) -> Iterator[Any]:
    """The value with one of its leaves, or one of its branches, swapped for an odd one."""
    yield from ODD
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in parts:
        for swapped in odd(inner):
            changed = copy.copy(value)
            changed[key] = swapped
            yield changed


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_each_kind_is_what_it_is(path: Path) -> None:
    told = json.loads(path.read_text())
    body = body_of(told)
    events: list[Any] = adapter().parse(body) if body is not None else []
    assert len(events) == len(told["events"])
    for event, expected in zip(events, told["events"], strict=True):
        found = {"kind": type(event).__name__, **{name: getattr(event, name) for name in expected if name != "kind"}}
        assert json.loads(json.dumps(found)) == expected
        assert event.event_id == told["payload"]["id"]
        assert event.chat_id == told["payload"]["channel_id"]
        assert event.sender_name == "Ada"
        assert event.sent_at is not None
        assert event.sent_at.year == 2024


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_odd_values_make_no_other_events(path: Path) -> None:
    body = body_of(json.loads(path.read_text()))
    if body is None:
        return
    hal = adapter()
    most = len(hal.parse(body))
    for changed in odd(json.loads(body)):
        try:
            events = hal.parse(json.dumps(changed).encode())
        except ValueError:
            continue
        assert len(events) <= most


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_an_odd_payload_raises_only_what_the_listener_catches(path: Path) -> None:
    told = json.loads(path.read_text())
    for changed in odd(told["payload"]):
        try:
            body_of({**told, "payload": changed})
        except (KeyError, TypeError, ValueError, AttributeError):
            continue


@pytest.mark.parametrize("body", [b"", b"{", b"null", b"[]", b"\xff", b"[" * 100_000, b'{"type": "other"}', b"NaN"])
def test_what_is_no_body_of_ours_is_a_value_error(body: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        adapter().parse(body)


def test_the_prefix_addresses_the_bot() -> None:
    told = json.loads(body_named("channel_not_addressed"))
    body = json.dumps({**told, "content": "!ask what?"}).encode()
    (event,) = adapter(prefix="!ask").parse(body)
    (without,) = adapter().parse(body)
    assert isinstance(event, IncomingMessage) and isinstance(without, IncomingMessage)
    assert (event.text, event.addressed, without.addressed) == ("what?", True, False)


def test_in_channels_it_answers_all_or_nobody() -> None:
    (event,) = adapter(in_channels="all").parse(body_named("channel_not_addressed"))
    assert isinstance(event, IncomingMessage)
    assert event.addressed
    assert adapter(in_channels="never").parse(body_named("channel_mention")) == []
    assert adapter(in_channels="never").parse(body_named("direct_message"))
    assert adapter(in_channels="never").parse(body_named("slash_command"))
