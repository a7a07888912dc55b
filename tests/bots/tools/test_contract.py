"""What a function must be to become a tool, and what holds for every registered one: a new one is covered at once."""

from __future__ import annotations

import asyncio
import json
import re
import socket
from collections.abc import Callable, Iterator
from typing import Annotated, Any, NoReturn

import jsonschema_rs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import Field

from bots.tools.base import MAX_RESULT_BYTES, Tool, ToolContext, ToolError, described, parse_arguments, run, tool, tools
from tests.bots.tools.test_base import get_holidays, silent

CONTEXT = ToolContext(workspace_id="1", bot_id="2", idempotency_key="test")


@pytest.fixture
def registered() -> Iterator[None]:
    """Take out of the registry what the test puts in."""
    before = dict(tools)
    yield
    for name in set(tools) - set(before):
        del tools._entries[name]


# Becoming a tool


def test_a_tool_is_described_by_its_docstring_and_its_types() -> None:
    spec = described(get_holidays).spec()

    assert (spec.name, spec.description) == ("get_holidays", "Public holidays of a country.")
    assert spec.parameters == {
        "type": "object",
        "additionalProperties": False,
        "required": ["country"],
        "properties": {
            "country": {"type": "string", "description": "two letters, as in ISO 3166"},
            "year": {"type": "integer", "default": 2026, "description": "four digits"},
            "kinds": {
                "type": "array",
                "items": {"type": "string", "enum": ["public", "school"]},
                "default": ["public"],
            },
        },
    }


def test_a_field_describes_and_bounds_a_parameter() -> None:
    def roll(sides: Annotated[int, Field(description="of the die", ge=2, le=100)] = 6) -> int:
        """A number."""
        return sides

    entry = described(roll)

    assert entry.parameters["properties"]["sides"] == {
        "type": "integer", "description": "of the die", "minimum": 2, "maximum": 100, "default": 6
    }  # fmt: skip
    with pytest.raises(ToolError, match=r"argument 'sides': Input should be less than or equal to 100"):
        parse_arguments(entry, '{"sides": 101}')


def test_parameters_may_bear_names_that_pydantic_uses_itself() -> None:
    def send(copy: str, json: str, model_config: str, _hidden: str) -> str:
        """Sends."""
        return copy + json + model_config + _hidden

    entry = described(send)
    arguments = {"copy": "a", "json": "b", "model_config": "c", "_hidden": "d"}

    assert list(entry.parameters["properties"]) == list(arguments)
    assert parse_arguments(entry, json.dumps(arguments)) == arguments


@pytest.mark.usefixtures("registered")
def test_the_decorator_returns_the_function_and_registers_it_with_and_without_brackets() -> None:
    @tool
    def test_bare() -> str:
        """Bare."""
        return "bare"

    @tool(effects="once", perm="bots.do", timeout=3)
    def test_full() -> str:
        """Full."""
        return "full"

    assert (test_bare(), test_full()) == ("bare", "full")
    assert (tools["test_bare"].effects, tools["test_bare"].perm, tools["test_bare"].timeout) == ("none", None, 20.0)
    assert (tools["test_full"].effects, tools["test_full"].perm, tools["test_full"].timeout) == ("once", "bots.do", 3)


@pytest.mark.usefixtures("registered")
def test_a_second_tool_of_one_name_is_refused_and_both_are_named() -> None:
    def one() -> None:
        def test_twin() -> str:
            """Gives one."""
            return ""

        tool(test_twin)

    def two() -> None:
        def test_twin() -> str:
            """Gives two."""
            return ""

        tool(test_twin)

    one()
    with pytest.raises(ValueError, match=r"test_contract\.test_a_second.*one.*test_contract\.test_a_second.*two"):
        two()


def test_what_a_model_could_not_be_told_of_is_refused_with_the_mend() -> None:
    def untyped(country) -> str:  # type: ignore[no-untyped-def]
        """Untyped."""
        return str(country)

    def undocumented(country: str) -> str:
        return country

    def starred(*names: str) -> str:
        """Starred."""
        return "".join(names)

    def late_context(name: str, ctx: ToolContext) -> str:
        """Late."""
        return name

    def odd_type(connection: asyncio.Transport) -> str:
        """Odd."""
        return str(connection)

    def unresolved(name: Missing) -> str:  # type: ignore[name-defined]  # noqa: F821
        """Unresolved."""
        return str(name)

    mends: dict[Callable[..., Any], str] = {
        untyped: "tool 'untyped': parameter 'country' has no type; write for example `country: str`",
        undocumented: "tool 'undocumented' has no docstring; say in its first paragraph what it gives",
        starred: "tool 'starred': parameter 'names' has no name of its own",
        late_context: "tool 'late_context': parameter 'ctx' is a ToolContext but not the first parameter; put it first",
        odd_type: "tool 'odd_type': a model cannot be told of its types; use plain ones",
        unresolved: "tool 'unresolved': name 'Missing' is not defined; import it at run time",
    }
    for function, mend in mends.items():
        with pytest.raises(TypeError) as raised:
            described(function)
        assert mend in str(raised.value)


@pytest.mark.parametrize("name", ["Capital", "_hidden", "é", "a" * 65])
def test_a_name_that_models_do_not_take_is_refused(name: str) -> None:
    def nameless() -> str:
        """Gives nothing."""
        return ""

    nameless.__name__ = name
    with pytest.raises(TypeError, match="a-z, 0-9 and _ only, at most 64; rename the function"):
        described(nameless)


def test_unknown_effects_are_refused() -> None:
    effects: Any = "twice"
    with pytest.raises(TypeError, match="use one of none, idempotent, once"):
        described(silent, effects=effects)


# Every registered tool


@pytest.fixture(params=sorted(tools), scope="module")
def entry(request: pytest.FixtureRequest) -> Tool:
    return tools[request.param]


@pytest.fixture(scope="module", autouse=True)
def no_way_out() -> Iterator[None]:
    """Hosts have no addresses and nobody can be reached: a tool must bear that, and tests bother nobody's server."""

    def refuse(_socket: socket.socket, address: Any) -> NoReturn:
        raise ConnectionRefusedError(f"tests do not connect to {address!r}")

    def unknown(host: Any, *_args: Any, **_options: Any) -> NoReturn:
        raise socket.gaierror(socket.EAI_NONAME, f"tests do not look up {host!r}")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", refuse)
        patch.setattr(socket, "getaddrinfo", unknown)
        yield


def test_the_name_is_one_that_every_model_accepts(entry: Tool) -> None:
    assert re.fullmatch(r"[a-z][a-z0-9_]{0,63}", entry.name)


def test_the_description_is_a_sentence_of_bounded_length(entry: Tool) -> None:
    assert 10 <= len(entry.spec().description) <= 1024


def test_the_parameters_are_a_closed_json_schema_and_each_is_described(entry: Tool) -> None:
    schema = json.loads(json.dumps(entry.spec().parameters))

    jsonschema_rs.meta.validate(schema)
    assert (schema["type"], schema["additionalProperties"]) == ("object", False)
    assert "ctx" not in schema["properties"]
    assert [name for name, about in schema["properties"].items() if not about.get("description")] == []


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=50),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=10,
)


def argument_texts(entry: Tool) -> st.SearchStrategy[str]:
    """Broken texts, any JSON, and objects that bear the tool's own parameter names."""
    own = dict.fromkeys(entry.parameters["properties"], values)
    objects = st.fixed_dictionaries({}, optional=own) | st.dictionaries(st.text(max_size=10), values, max_size=4)
    return st.one_of(
        st.text(), st.text('{}[]",:0123456789truefalsnu\\ -eE+.', max_size=80), (objects | values).map(json.dumps)
    )


def test_any_text_of_arguments_ends_in_a_result_or_a_tool_error(entry: Tool) -> None:
    @settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(argument_texts(entry))
    def survives(text: str) -> None:
        try:
            result = asyncio.run(run(entry, parse_arguments(entry, text), CONTEXT))
        except ToolError as error:
            assert str(error) != "the tool failed", "an exception that is no ToolError left the tool"
            assert 0 < len(str(error).encode()) <= 1024
        else:
            assert len(result.encode()) <= MAX_RESULT_BYTES

    survives()
