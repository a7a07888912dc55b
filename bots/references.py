"""Who uses a model: the rows that name one, in every app. Higher apps register theirs from `AppConfig.ready()`."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.contrib.admin.models import CHANGE, LogEntry
from django.db import transaction

from bots.remember import forget

if TYPE_CHECKING:
    from bots.models import AIModel


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """Rows that name a model in `field`. Those of staff (`is_configuration`) keep a history of what was changed."""

    noun: Any
    rows: Callable[[], Any]
    field: str
    is_configuration: bool = True

    def using(self, models: Collection[Any], workspaces: Collection[uuid.UUID] | None) -> Any:
        """The rows that name one of these models; `workspaces` None: everywhere."""
        rows = self.rows().filter(**{f"{self.field}__in": models})
        return rows if workspaces is None else rows.filter(**{f"{rows.workspace_path}__in": workspaces})


@dataclass(frozen=True, slots=True)
class Use:
    """How many rows of a kind name a model."""

    noun: Any
    count: int

    def __str__(self) -> str:
        return f"{self.noun}: {self.count}"


_references: dict[str, Reference] = {}


def register(name: str, reference: Reference) -> None:
    """Count and replace these rows too. `name` is the row's and the field's: the same one is kept once."""
    _references[name] = reference


def uses(model: AIModel, workspaces: Collection[uuid.UUID] | None = None) -> list[Use]:
    """Each kind of row with how many of it name this model, none of a kind included."""
    return [Use(each.noun, each.using([model.pk], workspaces).count()) for each in _references.values()]


def used(models: Collection[AIModel], workspaces: Collection[uuid.UUID] | None = None) -> set[uuid.UUID]:
    """Those of the models that somebody names; the installation's default is always one."""
    keys = [model.pk for model in models]
    found = {model.pk for model in models if is_default(model)}
    return found | {key for each in _references.values() for key in _named(each, keys, workspaces)}


def _named(each: Reference, keys: list[uuid.UUID], workspaces: Collection[uuid.UUID] | None) -> Iterator[uuid.UUID]:
    rows: Iterator[uuid.UUID] = each.using(keys, workspaces).values_list(f"{each.field}_id", flat=True).distinct()
    yield from rows


def is_default(model: AIModel) -> bool:
    """Whether DEFAULT_MODEL names it."""
    return bool(model.reference.lower() == settings.DEFAULT_MODEL.strip().lower())


def replace(old: AIModel, new: AIModel, *, workspaces: Collection[uuid.UUID], actor: Any) -> list[Use]:
    """How many rows of each kind name `new` now instead of `old`, in these workspaces. The ledger stays as it was."""
    with transaction.atomic():
        done = [Use(each.noun, _replace(each, old, new, workspaces, actor)) for each in _references.values()]
    forget()
    return done


def _replace(each: Reference, old: AIModel, new: AIModel, workspaces: Collection[uuid.UUID], actor: Any) -> int:
    rows = each.using([old.pk], workspaces)
    if not each.is_configuration:
        return int(rows.update(**{each.field: new}))
    locked = list(rows.select_for_update(of=("self",)))
    for row in locked:
        setattr(row, each.field, new)
        row.save(update_fields=[each.field, "updated_at"])
    if locked:
        told = f"Model {old.reference} replaced by {new.reference}."
        LogEntry.objects.log_actions(actor.pk, locked, CHANGE, change_message=told)
    return len(locked)
