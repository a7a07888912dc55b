"""Updates of every kind as Telegram writes them: what each becomes, and that no odd value in them becomes more."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import fields
from typing import Any

import pytest

from channels_integrations.base import InboundEvent, IncomingMessage, Pressed, Unreadable
from channels_integrations.platforms.telegram.adapter import Telegram
from tests.channels_integrations.platforms.telegram.conftest import driver
from tests.payloads import TELEGRAM

G, SMALL, ADA, PRESSED = "-1001234567890", "-98765", "7001", "0193c0de-0000-7000-8000-000000000001"
SAID = {"event_id": "7001:361", "chat_id": ADA, "sender_id": ADA}
PERSON = {**SAID, "sender_name": "Ada L.", "language": "pt-br"}
PRIVATE = {**PERSON, "addressed": True}
GROUP = {
    **PRIVATE, "event_id": f"{G}:361", "chat_id": G, "is_group": True, "answer_to": "361", "addressed": False,
}  # fmt: skip
TO_US = {**GROUP, "addressed": True}
BEN = {"sender_id": "7002", "sender_name": "Ben", "language": ""}
TOPIC = {"chat_id": f"{G}/12"}
PRESS = {
    **PERSON,
    "event_id": "press:4382bfdwdsb323b2d9",
    "token": "4382bfdwdsb323b2d9",
    "of": PRESSED,
    "button": "up",
}
MEMBER = {"event_id": f"member:{ADA}:1763740900:kicked", "chat_id": ADA, "sender_id": ADA}

EXPECTED: dict[str, dict[str, Any] | None] = {
    "private_text": {**PRIVATE, "text": "Hello there"},
    "private_emoji": {**PRIVATE, "text": "Grüße 🚲👩‍👩‍👧, مرحبا"},
    "private_start": {**PRIVATE, "text": "/start from-shop_42"},
    "private_command_by_name": {**PRIVATE, "text": "/help me"},
    "private_reply": {**PRIVATE, "text": "And this?", "reply_to": "360"},
    "private_topic": {**PRIVATE, "text": "In a topic", "chat_id": "7001/77"},
    "private_forward": {**PRIVATE, "text": "Look"},
    "private_link": {**PRIVATE, "text": "see https://x.example"},
    "private_mention": {**PRIVATE, "text": "what does @hal_bot do?"},
    "photo_with_caption": {**PRIVATE, "text": "My bicycle", "attachments": ("photo",)},
    "document": {**PRIVATE, "text": "Read this", "attachments": ("document",)},
    **{
        kind: {**PRIVATE, "text": "", "attachments": (kind,)}
        for kind in (
            "photo",
            "voice",
            "video",
            "video_note",
            "audio",
            "animation",
            "location",
            "venue",
            "contact",
            "poll",
            "story",
            "paid_media",
            "checklist",
        )
    },
    "group_text": {**GROUP, "text": "Nice weather"},
    "group_small": {
        **GROUP,
        **BEN,
        "text": "hallo all",
        "chat_id": SMALL,
        "event_id": f"{SMALL}:361",
    },
    "group_mention": {**TO_US, "text": "which bicycle?"},
    "group_mention_within": {**TO_US, "text": "👩‍👩‍👧 hey what now?"},
    "group_mention_last": {**TO_US, "text": "What do you say"},
    "group_mention_alone": {**TO_US, "text": "@hal_bot"},
    "group_mention_of_other": {**GROUP, "text": "@hal_bot_fan come"},
    "group_mention_of_two": {**TO_US, "text": "and @ada_l: hi"},
    "group_text_mention": {**TO_US, "text": "🚲 which one?"},
    "group_text_mention_of_other": {**GROUP, "text": "Ben which one?"},
    "group_reply_to_us": {**TO_US, **BEN, "text": "Why?", "reply_to": "350"},
    "group_reply_to_other": {**GROUP, "text": "Why?", "reply_to": "350"},
    "group_reply_to_channel": {**GROUP, "text": "Why?", "reply_to": "350"},
    "group_command": {**TO_US, "text": "/status"},
    "group_command_to_us": {**TO_US, "text": "/model demo/brief"},
    "group_command_to_other": {**GROUP, "text": "/help@other_bot please"},
    "group_command_to_other_mentions_us": {**GROUP, "text": "/help@other_bot @hal_bot", "reply_to": "350"},
    "group_path": {**GROUP, "text": "/usr/bin is a folder"},
    "group_prefix": {**TO_US, "text": "which one?"},
    "group_prefix_only": {**TO_US, "text": "hal,"},
    "group_photo_mention": {**TO_US, "text": "look", "attachments": ("photo",)},
    "group_photo": {**GROUP, "text": "", "attachments": ("photo",)},
    "group_topic_mention": {**TO_US, **TOPIC, "text": "hi"},
    "group_topic_text": {**GROUP, **TOPIC, "text": "Nobody is meant"},
    "edited_text": {**PERSON, "event_id": "edit:7001:361:1763740860", "message_id": "361", "text": "Hello again"},
    "edited_caption": {**PERSON, "event_id": "edit:7001:361:1763740860", "message_id": "361", "text": "Better"},
    "edited_mention": {
        **PERSON,
        **TOPIC,
        "event_id": f"edit:{G}:361:1763740860",
        "message_id": "361",
        "text": "no, red",
    },
    "press": PRESS,
    "press_in_topic": {**PRESS, **TOPIC, "is_group": True, "answer_to": "360"},
    "press_of_old_message": PRESS,
    "press_with_a_name_of_colons": {**PRESS, "button": "a:b"},
    "member_blocked": {**MEMBER, "change": "blocked"},
    "member_unblocked": {**MEMBER, "change": "joined", "event_id": f"member:{ADA}:1763740900:member"},
    "member_joined": {**MEMBER, "change": "joined", "chat_id": G, "event_id": f"member:{G}:1763740900:member"},
    "member_promoted": {**MEMBER, "change": "joined", "chat_id": G, "event_id": f"member:{G}:1763740900:administrator"},
    "member_removed": {**MEMBER, "change": "left", "chat_id": G, "event_id": f"member:{G}:1763740900:kicked"},
    "member_left": {**MEMBER, "change": "left", "chat_id": SMALL, "event_id": f"member:{SMALL}:1763740900:left"},
    "member_muted": {**MEMBER, "change": "left", "chat_id": G, "event_id": f"member:{G}:1763740900:restricted"},
    "member_unmuted": {**MEMBER, "change": "joined", "chat_id": G, "event_id": f"member:{G}:1763740900:restricted"},
    "reaction": {**SAID, "event_id": f"reaction:{ADA}:360:{ADA}:1763740950", "message_id": "360", "emoji": "👍"},
    "reaction_in_group": {
        **SAID,
        "chat_id": G,
        "event_id": f"reaction:{G}:360:{ADA}:1763740950",
        "message_id": "360",
        "emoji": "🔥",
    },
}  # fmt: skip  all others become nothing
ODD = (
    b"null", b'""', b"0", b"-1", b"true", b"false", b"1.5", b"1e999", b"NaN", b"9" * 30, b"-" + b"9" * 30, b"[]", b"{}",
    b"[null]", b'{"id": 4242}', b'"\\u0000"', b'"\\ud800"', b'"hal, @hal_bot"', b"[" * 300 + b"]" * 300,
    b'{"a":' * 300 + b"1" + b"}" * 300, b'"' + b"x" * 5_000 + b'"',
)  # fmt: skip
HOLE = "\x01hole\x01"


@pytest.mark.parametrize("name", sorted(TELEGRAM))
def test_each_kind_of_update(name: str) -> None:
    events = driver(prefix="hal,").parse(TELEGRAM[name])
    wanted = EXPECTED.get(name)
    assert [_told(event, wanted) for event in events] == ([wanted] if wanted else [])
    assert all(isinstance(event, InboundEvent) for event in events)
    assert driver(prefix="hal,", in_groups="never").parse(TELEGRAM[name]) == [
        event for event in events if not getattr(event, "chat_id", "").startswith("-") or not hasattr(event, "text")
    ]


@pytest.mark.parametrize("name", sorted(TELEGRAM))
def test_what_people_say_to_each_other_concerns_nobody_here(name: str) -> None:
    wanted = EXPECTED.get(name)
    assert driver(prefix="hal,").concerns_us(TELEGRAM[name]) is (wanted is not None and wanted.get("addressed", True))
    assert driver(account="").concerns_us(TELEGRAM[name]), "it may well be meant for a name that we do not know yet"


def test_an_edit_concerns_us_where_its_message_is_meant_for_us() -> None:
    told = json.loads(TELEGRAM["edited_mention"])
    told["edited_message"]["text"], told["edited_message"]["entities"] = "no, red", []
    assert driver().concerns_us(TELEGRAM["edited_mention"])
    assert not driver().concerns_us(json.dumps(told).encode())


def test_what_cannot_be_read_concerns_whoever_looks_at_it() -> None:
    told = json.loads(TELEGRAM["group_text"])
    told["message"]["from"]["is_bot"] = "no"
    assert all(map(driver().concerns_us, (b"", b"[]", b"[" * 100_000, json.dumps(told).encode())))
    assert not driver().concerns_us(b"{}")


def test_each_expectation_has_its_update() -> None:
    assert set(EXPECTED) <= set(TELEGRAM)
    assert len(TELEGRAM) > 100


def test_a_bot_that_answers_all_in_groups_answers_what_is_not_another_bots() -> None:
    for name, wanted in EXPECTED.items():
        for event in driver(in_groups="all").parse(TELEGRAM[name]):
            if isinstance(event, IncomingMessage):
                assert event.addressed is (not name.startswith("group_command_to_other")), (name, wanted)


def test_before_its_name_is_known_a_bot_hears_its_number_only() -> None:
    unknown = driver(account="", prefix="hal,")
    for name, addressed in (("group_mention", False), ("group_text_mention", True), ("group_command_to_us", False)):
        [event] = unknown.parse(TELEGRAM[name])
        assert isinstance(event, IncomingMessage) and event.addressed is addressed


@pytest.mark.parametrize(
    ("name", "in_groups"),
    [(name, "addressed") for name in sorted(TELEGRAM)]
    + [(name, "all") for name in sorted(TELEGRAM) if b'group"' in TELEGRAM[name]],
)
def test_no_odd_value_breaks_it_or_starts_what_was_none(name: str, in_groups: str) -> None:
    adapter = driver(prefix="hal,", in_groups=in_groups)
    most = _turns(adapter, TELEGRAM[name])
    for hollow, before in _hollowed(json.loads(TELEGRAM[name])):
        for odd in ODD:
            body = hollow.replace(json.dumps(HOLE).encode(), odd)
            found = _turns(adapter, body)
            if not _may_be(before, odd):
                assert found[0] <= most[0] and found[1] <= most[1], (name, body)


@pytest.mark.parametrize(
    "body",
    [b"", b"null", b"[]", b"5", b'"x"', b"{", b"\xff\xfe", b"[" * 100_000, b'{"message":' * 100_000, b"9" * 5_000],
)
def test_what_is_no_json_object_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError, match="no JSON"):
        driver().parse(body)


def test_what_cannot_be_read_says_where() -> None:
    told = json.loads(TELEGRAM["private_text"])
    told["message"]["from"]["is_bot"] = "no"
    [event] = driver().parse(json.dumps(told).encode())
    assert isinstance(event, Unreadable) and event.reason.startswith("from.is_bot: ")
    assert driver().parse(b"{}") == []


def _told(event: Any, wanted: dict[str, Any] | None) -> dict[str, Any]:
    """What the event says of what is asked; of the rest, what should be told if it were there."""
    told = {field.name: getattr(event, field.name) for field in fields(event)}
    always = {"text", "reply_to", "attachments", "change", "emoji", "message_id", "button", "of", "token", "answer_to"}
    return {name: value for name, value in told.items() if name in (wanted or {}) or (value and name in always)}


def _turns(adapter: Telegram, body: bytes) -> tuple[int, int]:
    """How many events may start a turn, and how many of them are meant for us."""
    found = [event for event in adapter.parse(body) if isinstance(event, IncomingMessage | Pressed)]
    for event in found:
        ids = (event.event_id, event.chat_id, event.sender_id)
        assert all(type(one) is str and 0 < len(one) <= 150 for one in ids)
        for text in (*ids, event.sender_name, event.language, getattr(event, "text", "")):
            assert "\0" not in text and text.encode().decode() == text
    return len(found), sum(getattr(event, "addressed", True) for event in found)


def _may_be(before: Any, odd: bytes) -> bool:
    """Whether the odd value says something there, so that it may well be meant for us: a text, a yes or no."""
    return (before is True and odd == b"false") or (isinstance(before, str) and odd[:2] in (b'"h', b'"x'))


def _hollowed(payload: Any) -> Iterator[tuple[bytes, Any]]:
    """The payload with a hole for each of its values in turn, and the value that stood there."""
    for path in _paths(payload):
        copy = json.loads(json.dumps(payload))
        inner = copy
        for step in path[:-1]:
            inner = inner[step]
        before, inner[path[-1]] = inner[path[-1]], HOLE
        yield json.dumps(copy).encode(), before


def _paths(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if path:
        yield path
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, one in inner:
        yield from _paths(one, (*path, step))
