"""Plug-ins: found by importing a package's modules, kept by name. A new plug-in is a new file, no list to extend."""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from typing import Generic, TypeVar

from django.apps import apps

T = TypeVar("T")


class Registry(Mapping[str, T], Generic[T]):
    """Name → plug-in. The modules named by `where` are imported on the first look, so that nothing is paid before.

    `where()` returns package names (`bots.tools`); each of their modules is imported, and folders as packages: of these
    only the module `inside`, where one is named, so that a plug-in's other modules are loaded when they are needed.
    """

    def __init__(self, noun: str, where: Callable[[], Iterator[str]], *, inside: str = "") -> None:
        self.noun = noun
        self._where = where
        self._inside = inside
        self._entries: dict[str, T] = {}

    def add(self, name: str, entry: T) -> None:
        """Keep `entry` under `name`; two plug-ins of one name are a mistake of whoever wrote the second."""
        known = self._entries.get(name)
        if known is not None and _origin(known) != _origin(entry):
            raise ValueError(f"two {self.noun}s are called {name!r}: {_origin(known)} and {_origin(entry)}; rename one")
        self._entries[name] = entry

    def __getitem__(self, name: str) -> T:
        return self._discovered[name]

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._discovered))

    def __len__(self) -> int:
        return len(self._discovered)

    @cached_property
    def _discovered(self) -> dict[str, T]:
        for package in self._where():
            _import_modules(package, self._inside)
        return self._entries


def packages_of_apps(folder: str) -> Callable[[], Iterator[str]]:
    """`<app>.<folder>` of every installed app that has one."""

    def where() -> Iterator[str]:
        for app in apps.get_app_configs():
            name = f"{app.name}.{folder}"
            if importlib.util.find_spec(name) is not None:
                yield name

    return where


def _import_modules(package_name: str, inside: str) -> None:
    package = importlib.import_module(package_name)
    for module in pkgutil.iter_modules(package.__path__):
        name = f"{package_name}.{module.name}"
        importlib.import_module(name)
        if module.ispkg:
            found = [inner.name for inner in pkgutil.iter_modules(importlib.import_module(name).__path__)]
            for inner in [inside] if inside in found else found:
                importlib.import_module(f"{name}.{inner}")


def _origin(entry: object) -> str:
    made = getattr(entry, "function", entry)
    return f"{getattr(made, '__module__', '?')}.{getattr(made, '__qualname__', made)}"
