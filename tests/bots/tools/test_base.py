"""The walls around a call: rights, arguments, time, size, and the tool's own bugs."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal

import pytest
from pydantic import BaseModel
from structlog.testing import capture_logs

from bots.tools.base import (
    MAX_ARGUMENTS_BYTES,
    MAX_RESULT_BYTES,
    SHORTENED,
    ToolContext,
    ToolError,
    allowed,
    described,
    parse_arguments,
    run,
    signature,
)

CONTEXT = ToolContext(workspace_id="1", bot_id="2", timezone="Europe/Berlin")


def get_holidays(country: str, year: int = 2026, kinds: tuple[Literal["public", "school"], ...] = ("public",)) -> str:
    """Public holidays
    of a country.

    country: two letters,
        as in ISO 3166
    year: four digits

    Nothing of this is told.
    """
    return f"{country} {year} {kinds}"


def silent() -> str:
    """Says nothing."""
    return ""


async def outcome(function: Callable[..., Any], arguments: str = "{}", **options: Any) -> str:
    entry = described(function, **options)
    return await run(entry, parse_arguments(entry, arguments), CONTEXT)


def test_only_a_person_with_the_permission_may_have_it_run() -> None:
    guarded = described(silent, perm="bots.view_bot")

    assert allowed(described(silent), frozenset())
    assert allowed(guarded, frozenset({"bots.view_bot", "bots.add_bot"}))
    assert not allowed(guarded, frozenset({"bots.add_bot"}))


# Arguments


def test_arguments_are_typed_and_defaults_filled_in() -> None:
    entry = described(get_holidays)

    assert parse_arguments(entry, '{"country": "DE", "year": "2027"}') == {
        "country": "DE", "year": 2027, "kinds": ("public",)
    }  # fmt: skip
    assert parse_arguments(described(silent), "") == {}


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("{}", "argument 'country' is missing"),
        ('{"country": "DE", "town": 1}', "argument 'town' is unknown; there is: country, year, kinds"),
        ('{"country": 3}', "argument 'country': Input should be a valid string"),
        ('{"country": null}', "argument 'country': Input should be a valid string"),
        ('{"country": "DE", "year": "soon"}', "argument 'year': Input should be a valid integer"),
        ('{"country": "DE", "kinds": ["public", "x"]}', "argument 'kinds.1': Input should be 'public' or 'school'"),
        ('{"year": "x", "arg_country": "DE"}', "argument 'country' is missing; argument 'year'"),
        ("[1]", "must be one JSON object"),
        ("null", "must be one JSON object"),
        ("{", "not valid JSON"),
        ("{'country': 'DE'}", "not valid JSON"),
        ('{"country": NaN}', "not valid JSON"),
        ('{"country": -Infinity}', "not valid JSON"),
        ('{"country": 1e999}', "not valid JSON"),
        ('{"country": "\\ud800"}', "not valid JSON"),
        ('{"country": "\ud800"}', "not valid JSON"),
        ('{"country": "\0"}', "not valid JSON"),
        ('{"country": "a\\u0000b"}', "NUL"),
        ('{"\\u0000": "a"}', "NUL"),
        ('{"country": "\\\\\\u0000"}', "NUL"),
        ("[" * 5000, "not valid JSON"),
        ('{"country":' * 1200 + "1" + "}" * 1200, "not valid JSON"),
        (json.dumps({"country": "x" * MAX_ARGUMENTS_BYTES}), "longer than 16 KB"),
        (json.dumps({"country": "ü" * (MAX_ARGUMENTS_BYTES // 2)}, ensure_ascii=False), "longer than 16 KB"),
    ],
)
def test_bad_arguments_are_refused_with_a_text_that_names_the_fault(text: str, fault: str) -> None:
    with pytest.raises(ToolError) as raised:
        parse_arguments(described(get_holidays), text)

    assert fault in str(raised.value)
    assert len(str(raised.value)) <= 1024


def test_an_escaped_backslash_before_u0000_is_no_nul() -> None:
    entry = described(get_holidays)

    assert parse_arguments(entry, r'{"country": "\\u0000"}')["country"] == r"\u0000"


def test_nesting_up_to_the_parsers_limit_is_only_data() -> None:
    def keep(value: dict[str, Any]) -> str:
        """Keeps."""
        return str(len(value))

    deep = '{"value":' + '{"a":' * 500 + "1" + "}" * 501

    assert list(parse_arguments(described(keep), deep)["value"]) == ["a"]


def test_equal_calls_have_one_signature() -> None:
    assert signature("f", '{"b": 1, "a": [1, 2]}') == signature("f", ' {"a":[1,2],"b":1}')
    assert signature("f", "") == signature("f", "{}")
    assert signature("f", "{}") != signature("g", "{}")
    assert signature("f", '{"a": 1}') != signature("f", '{"a": 2}')
    assert signature("f", "{broken") == "f({broken)"
    assert signature("f", "[" * 900 + "]" * 900) == f"f({'[' * 900 + ']' * 900})"


# Running


async def test_a_def_runs_on_another_thread_and_an_async_def_on_the_loop() -> None:
    def plain() -> str:
        """Plain."""
        return threading.current_thread().name

    async def cooperative() -> str:
        """Cooperative."""
        return threading.current_thread().name

    assert (await outcome(plain)).startswith("db")
    assert await outcome(cooperative) == threading.current_thread().name


async def test_the_context_is_given_first_and_the_model_neither_sees_nor_chooses_it() -> None:
    def whose(ctx: ToolContext, name: str = "x") -> str:
        """Whose."""
        return f"{ctx.bot_id} {ctx.timezone} {name}"

    entry = described(whose)

    assert entry.needs_context
    assert list(entry.parameters["properties"]) == ["name"]
    assert await outcome(whose, '{"name": "y"}') == "2 Europe/Berlin y"
    with pytest.raises(ToolError, match="'ctx' is unknown"):
        await outcome(whose, '{"ctx": {"bot_id": "3"}}')


async def test_a_result_that_is_no_text_becomes_json() -> None:
    @dataclass
    class Row:
        price: Decimal
        tags: set[str]

    class Shape(BaseModel):
        sides: int = 3

    def mixed() -> dict[str, Any]:
        """Mixed."""
        return {"row": Row(Decimal("1.50"), {"ü"}), "shape": Shape(), "big": 2**80, "none": None, "nan": float("nan")}

    assert json.loads(await outcome(mixed)) == {
        "row": {"price": "1.50", "tags": ["ü"]}, "shape": {"sides": 3}, "big": 2**80, "none": None, "nan": None
    }  # fmt: skip


async def test_results_and_errors_hold_no_nul_and_no_lone_surrogate() -> None:
    def odd() -> str:
        """Odd."""
        return "a\0b\ud800c"

    def odd_list() -> list[str]:
        """Odd list."""
        return ["\ud800"]

    def odd_error() -> str:
        """Odd error."""
        raise ToolError("x\0\ud800" * 1000)

    assert await outcome(odd) == "a\ufffdb?c"
    assert await outcome(odd_list) == '["?"]'
    with pytest.raises(ToolError) as raised:
        await outcome(odd_error)
    assert "\0" not in str(raised.value)
    assert len(str(raised.value).encode()) <= 1024


async def test_a_long_result_is_shortened_and_says_so() -> None:
    def long() -> str:
        """Long."""
        return "ü" * 1_000_000

    def just_fits() -> str:
        """Fits."""
        return "x" * MAX_RESULT_BYTES

    text = await outcome(long)
    assert text.endswith("ü" + SHORTENED)
    assert MAX_RESULT_BYTES - 4 <= len(text.encode()) <= MAX_RESULT_BYTES
    assert await outcome(just_fits) == "x" * MAX_RESULT_BYTES


async def test_the_time_limit_ends_waiting_for_either_kind() -> None:
    def slow() -> str:
        """Slow."""
        time.sleep(0.2)
        return ""

    async def slower() -> str:
        """Slower."""
        await asyncio.sleep(60)
        return ""

    for function in (slow, slower):
        with pytest.raises(ToolError, match=r"^timed out after 0\.05 s$"):
            await outcome(function, timeout=0.05)


async def test_a_cancelled_turn_is_not_mistaken_for_a_failed_tool() -> None:
    async def slow() -> str:
        """Slow."""
        await asyncio.sleep(60)
        return ""

    task = asyncio.create_task(outcome(slow))
    await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_tool_says_itself_why_it_cannot() -> None:
    async def refuses() -> str:
        """Refuses."""
        raise ToolError("no such country; use two letters")

    with pytest.raises(ToolError, match=r"^no such country; use two letters$"):
        await outcome(refuses)


async def test_a_bug_of_a_tool_is_logged_without_its_words_and_told_in_three() -> None:
    def index(secret: str) -> str:
        """Index."""
        return {"a": secret}[secret]

    async def own_timeout(secret: str) -> str:
        """Own time-out."""
        raise TimeoutError(secret)

    def stops(secret: str) -> str:
        """StopIteration, which a Future cannot carry."""
        return next(iter([secret][1:]))

    def unserialisable(secret: str) -> object:
        """No JSON."""
        return object()

    failures = {index: "KeyError", own_timeout: "TimeoutError", stops: "RuntimeError"}
    for function, error in {**failures, unserialisable: "PydanticSerializationError"}.items():
        with capture_logs() as logs, pytest.raises(ToolError, match=r"^the tool failed$"):
            await outcome(function, '{"secret": "s3cret"}')
        assert [(log["event"], log["tool"], log["error"]) for log in logs] == [
            ("tool_failed", function.__name__, error)
        ]
        assert "s3cret" not in repr(logs)
