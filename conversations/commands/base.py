"""Chat commands: a function with a docstring is a command, its first line the help text. One file each."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, overload

from bots.registry import Registry, packages_of_apps
from channels_integrations.base import Button
from conversations.models import Turn


@dataclass(frozen=True, slots=True)
class Said:
    """An answer with buttons; pressing one says its `value`, so that the text alone has to do where there are none."""

    text: str
    buttons: tuple[Button, ...] = ()


Function = Callable[[Turn, str], str | Said]
SHAPE = re.compile(r"/([a-z][a-z_]{0,31})(?:@\w+)?(?:\s+(.*))?", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Command:
    """`ends`: the conversation is over with this answer; `alias_of` stands in for another and is not listed."""

    name: str
    help: str
    function: Function
    ends: bool = False
    alias_of: str = ""


commands: Registry[Command] = Registry("command", packages_of_apps("commands"))


@overload
def command(function: Function) -> Function: ...
@overload
def command(*, aliases: tuple[str, ...] = (), ends: bool = False) -> Callable[[Function], Function]: ...
def command(function: Function | None = None, *, aliases: tuple[str, ...] = (), ends: bool = False) -> Any:
    """Decorator: this function answers `/<its name>`. It takes the turn and the words after the name."""

    def register(function: Function) -> Function:
        text = (function.__doc__ or "").strip().splitlines()
        if not text:
            raise TypeError(f"the command {function.__name__!r} has no docstring; its first line is the help text")
        commands.add(function.__name__, Command(function.__name__, text[0], function, ends))
        for alias in aliases:
            commands.add(alias, Command(alias, text[0], function, ends, function.__name__))
        return function

    return register if function is None else register(function)


def parse(text: str) -> tuple[Command | None, str]:
    """The command a text calls and the words after it. Only known names are commands: None for any other text."""
    match = SHAPE.fullmatch(text.strip())
    found = commands.get(match[1]) if match else None
    return found, (match[2] or "").strip() if match else ""
