"""Tools: typed functions with a docstring that a model may ask for. `docs/adding-a-tool.md` shows how to write one.

The engine's way through this file: `tools.get(name)` → `allowed` → `parse_arguments` → `run`. Each failure on that way
is a ToolError whose text goes back to the model, so that it can mend its call or answer without the tool.
"""

from __future__ import annotations

import asyncio
import inspect
import json
import re
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar, get_args, overload

import orjson
import structlog
from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model
from pydantic.errors import PydanticUserError
from pydantic_core import ErrorDetails, to_jsonable_python

from bots.providers.base import ToolSpec
from bots.registry import Registry, packages_of_apps
from bots.threads import in_thread

Effects = Literal["none", "idempotent", "once"]
Function = TypeVar("Function", bound=Callable[..., Any])

MAX_ARGUMENTS_BYTES = 16 * 1024
MAX_RESULT_BYTES = 32 * 1024
MAX_ERROR_BYTES = 1024
SHORTENED = "…[shortened]"

_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")
_NUL = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")  # as JSON writes it, not an escaped backslash before "u0000"
_NAMED_TEXT = re.compile(r"^ *(\w+): *(.+(?:\n(?! *\w+:).+)*)", re.MULTILINE)
_FIELD = "arg_"  # fields are `arg_<parameter>` with the parameter as alias: `copy` and `json` are taken on a BaseModel
_log = structlog.get_logger(__name__)


class ToolError(Exception):
    """No result. The text tells the model what is wrong and what to do; `unknown`: its effect may have happened."""

    def __init__(self, text: str, *, unknown: bool = False) -> None:
        super().__init__(_bounded(text, MAX_ERROR_BYTES))
        self.unknown = unknown


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolContext:
    """For whom and where a tool runs: plain values, never shown to the model nor chosen by it.

    `user_id` is the linked Django user, None for a stranger. `idempotency_key` is the same when a crash makes a call
    run again: pass it on to the outside world. `timezone` is an IANA name, `language` a tag such as "de".
    """

    workspace_id: str
    bot_id: str
    channel_id: str | None = None
    conversation_id: str | None = None
    turn_id: str | None = None
    person_id: str | None = None
    chat_user_id: str | None = None
    user_id: str | None = None
    timezone: str = "UTC"
    language: str = ""
    idempotency_key: str = ""


@dataclass(frozen=True, kw_only=True)
class Tool:
    """A function and what the engine must know of it. Made by `@tool`, or by `described` without registering it.

    `effects`: "none" may be run at will, "idempotent" may be run again, "once" never again when its outcome is unknown.
    `perm`: the Django permission (`app.codename`) that the *person* needs, None for everybody. `timeout` in seconds.
    """

    name: str
    description: str
    parameters: Mapping[str, Any]
    effects: Effects
    perm: str | None
    timeout: float
    needs_context: bool
    is_async: bool
    function: Callable[..., Any] = field(repr=False)
    arguments: type[BaseModel] = field(repr=False)

    def __post_init__(self) -> None:
        # The registry tells plug-ins apart, and names them in its messages, by these two.
        vars(self).update(__module__=self.function.__module__, __qualname__=self.function.__qualname__)

    def spec(self) -> ToolSpec:
        """The tool as a model is told of it."""
        return ToolSpec(name=self.name, description=self.description, parameters=self.parameters)


tools: Registry[Tool] = Registry("tool", packages_of_apps("tools"))


@overload
def tool(function: Function, /) -> Function: ...
@overload
def tool(
    *, effects: Effects = "none", perm: str | None = None, timeout: float = 20.0
) -> Callable[[Function], Function]: ...
def tool(
    function: Function | None = None, /, *, effects: Effects = "none", perm: str | None = None, timeout: float = 20.0
) -> Function | Callable[[Function], Function]:
    """The function itself, now also registered as a tool. Raises TypeError where a model could not be told of it."""

    def register(function: Function) -> Function:
        entry = described(function, effects=effects, perm=perm, timeout=timeout)
        tools.add(entry.name, entry)
        return function

    return register if function is None else register(function)


def described(
    function: Callable[..., Any], *, effects: Effects = "none", perm: str | None = None, timeout: float = 20.0
) -> Tool:
    """The Tool that `function` makes, not registered. Raises TypeError that names the function and the mend."""
    name = function.__name__
    if _NAME.fullmatch(name) is None:
        raise TypeError(f"tool {name!r}: models know tools by a-z, 0-9 and _ only, at most 64; rename the function")
    if effects not in get_args(Effects):
        raise TypeError(f"tool {name!r}: effects={effects!r} is unknown; use one of {', '.join(get_args(Effects))}")
    parameters, needs_context = _parameters(function)
    description, texts = _docstring(function)
    arguments, schema = _arguments_model(name, parameters, texts)
    return Tool(
        name=name,
        description=description,
        parameters=schema,
        effects=effects,
        perm=perm,
        timeout=timeout,
        needs_context=needs_context,
        is_async=inspect.iscoroutinefunction(function),
        function=function,
        arguments=arguments,
    )


def allowed(tool: Tool, permissions: frozenset[str]) -> bool:
    """Whether a person with these Django permissions may have the tool run."""
    return tool.perm is None or tool.perm in permissions


def signature(name: str, arguments_text: str) -> str:
    """A call in canonical form, the same whatever the order of keys and the spacing; broken JSON stays as it is."""
    try:
        text = orjson.dumps(orjson.loads(arguments_text.strip() or "{}"), option=orjson.OPT_SORT_KEYS).decode()
    except (orjson.JSONDecodeError, orjson.JSONEncodeError):
        text = arguments_text
    return f"{name}({text})"


def parse_arguments(tool: Tool, text: str) -> dict[str, Any]:
    """The keyword arguments of a call, typed as the function asks and with its defaults filled in.

    `text` is the model's JSON, at most 16 KB; nothing at all counts as no arguments. Raises ToolError, nothing else.
    """
    try:
        parsed = tool.arguments.model_validate(_json_object(text), by_alias=True)
    except ValidationError as error:
        faults = error.errors(include_url=False, include_context=False, include_input=False)
        raise ToolError("; ".join(_fault(fault, tool) for fault in faults[:5])) from None
    return {name.removeprefix(_FIELD): getattr(parsed, name) for name in tool.arguments.model_fields}


async def run(tool: Tool, arguments: Mapping[str, Any], context: ToolContext) -> str:
    """The tool's result as text, at most 32 KB. Raises ToolError, or CancelledError when the turn is cancelled.

    A def runs on the database threads (`in_thread`): free to use the ORM, in no transaction but its own, and not to be
    stopped, so that after the time limit its thread works on unheard. An async def is cancelled at the limit.
    """
    deadline = asyncio.timeout(tool.timeout)
    try:
        async with deadline:
            result = await _call(tool, arguments, context)
        return _as_text(result)
    except ToolError:
        raise
    # The supervisor of code we may not have written: whatever breaks in a tool must not end the turn.
    except Exception as error:
        if isinstance(error, TimeoutError) and deadline.expired():
            raise ToolError(f"timed out after {tool.timeout:g} s", unknown=True) from None
        place = traceback.extract_tb(error.__traceback__)[-1]  # not the message: it may quote what a person wrote
        _log.error("tool_failed", tool=tool.name, error=type(error).__name__, at=f"{place.filename}:{place.lineno}")
        raise ToolError("the tool failed", unknown=True) from error


async def _call(tool: Tool, arguments: Mapping[str, Any], context: ToolContext) -> object:
    before = (context,) if tool.needs_context else ()
    if tool.is_async:
        return await tool.function(*before, **arguments)
    return await in_thread(_call_sync, tool.function, before, arguments)


def _call_sync(function: Callable[..., Any], before: tuple[ToolContext, ...], arguments: Mapping[str, Any]) -> object:
    try:
        return function(*before, **arguments)
    except StopIteration as error:  # a Future cannot carry it: whoever awaits would wait for ever
        raise RuntimeError("StopIteration left the tool") from error


def _as_text(result: object) -> str:
    if not isinstance(result, str):
        # Not orjson: it refuses what a foreign API may well hold, integers over 64 bits and lone surrogates.
        result = json.dumps(to_jsonable_python(result, inf_nan_mode="null"), ensure_ascii=False)
    return _bounded(result, MAX_RESULT_BYTES)


def _bounded(text: str, limit: int) -> str:
    """`text` in at most `limit` bytes of UTF-8, marked where it was cut, without NUL and lone surrogates."""
    start = text[: limit + 1].replace("\0", "\ufffd").encode("utf-8", "replace")
    if len(start) <= limit:
        return start.decode()
    return start[: limit - len(SHORTENED.encode())].decode("utf-8", "ignore") + SHORTENED


def _json_object(text: str) -> dict[str, Any]:
    if len(text) > MAX_ARGUMENTS_BYTES or len(text.encode("utf-8", "surrogatepass")) > MAX_ARGUMENTS_BYTES:
        raise ToolError(f"the arguments are longer than {MAX_ARGUMENTS_BYTES // 1024} KB; send less")
    try:
        values = orjson.loads(text.strip() or "{}")  # refuses NaN, Infinity, lone surrogates and bottomless nesting
    except orjson.JSONDecodeError as error:
        raise ToolError(f"the arguments are not valid JSON: {error.msg}, at character {error.pos}") from None
    if not isinstance(values, dict):
        raise ToolError('the arguments must be one JSON object, such as {"name": "value"}')
    if _NUL.search(text) is not None:
        raise ToolError("the arguments hold a NUL character; leave it out")
    return values


def _fault(fault: ErrorDetails, tool: Tool) -> str:
    where = ".".join(str(part) for part in fault["loc"])[:80]
    if fault["type"] == "missing":
        return f"argument {where!r} is missing"
    if fault["type"] == "extra_forbidden":
        return f"argument {where!r} is unknown; there is: {', '.join(tool.parameters['properties']) or 'none at all'}"
    return f"argument {where!r}: {fault['msg']}"


def _parameters(function: Callable[..., Any]) -> tuple[list[inspect.Parameter], bool]:
    """The parameters the model fills, with resolved annotations, and whether the context comes before them."""
    try:
        found = list(inspect.signature(function, eval_str=True).parameters.values())
    except NameError as error:
        raise TypeError(
            f"tool {function.__name__!r}: {error}; import it at run time, not under TYPE_CHECKING"
        ) from error
    needs_context = bool(found) and found[0].annotation is ToolContext
    for parameter in found[needs_context:]:
        _check_parameter(function.__name__, parameter)
    return found[needs_context:], needs_context


def _check_parameter(tool_name: str, parameter: inspect.Parameter) -> None:
    where = f"tool {tool_name!r}: parameter {parameter.name!r}"
    if parameter.kind not in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
        raise TypeError(f"{where} has no name of its own for the model; use plain named parameters")
    if parameter.annotation is parameter.empty:
        raise TypeError(f"{where} has no type; write for example `{parameter.name}: str`")
    if parameter.annotation is ToolContext:
        raise TypeError(f"{where} is a ToolContext but not the first parameter; put it first")


def _docstring(function: Callable[..., Any]) -> tuple[str, dict[str, str]]:
    """The first paragraph, and by name what the `name: text` lines say (with the lines that continue them)."""
    text = inspect.getdoc(function) or ""
    description = " ".join(text.partition("\n\n")[0].split())
    if not description:
        raise TypeError(f"tool {function.__name__!r} has no docstring; say in its first paragraph what it gives")
    return description, {name: " ".join(words.split()) for name, words in _NAMED_TEXT.findall(text)}


def _arguments_model(
    name: str, parameters: list[inspect.Parameter], texts: Mapping[str, str]
) -> tuple[type[BaseModel], dict[str, Any]]:
    """What checks the arguments, and its JSON schema without titles: they only repeat the names, in every call."""
    fields: dict[str, Any] = {}
    for parameter in parameters:
        key = parameter.name
        told: dict[str, Any] = {"description": texts[key]} if key in texts else {}
        default = ... if parameter.default is parameter.empty else parameter.default
        fields[_FIELD + key] = (parameter.annotation, Field(default, alias=key, **told))
    try:
        model = create_model(name, __config__=ConfigDict(extra="forbid", allow_inf_nan=False), **fields)
        schema = model.model_json_schema()
    except PydanticUserError as error:
        raise TypeError(f"tool {name!r}: a model cannot be told of its types; use plain ones ({error})") from error
    for titled in (schema, *schema["properties"].values()):
        titled.pop("title", None)
    return model, schema
