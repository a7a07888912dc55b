"""The models a workspace may use, as plain values remembered for a few seconds."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db.models import Prefetch
from django.utils import timezone

from bots.models import AIModel, AIProvider, ModelPrice
from bots.providers.base import Account, Deadlines, Usage
from bots.remember import remembered
from bots.secret import Secret

MILLION = 1_000_000


@dataclass(frozen=True, slots=True)
class Price:
    """Nano-dollars per million tokens."""

    input: int
    cached: int
    output: int

    def cost(self, usage: Usage) -> int:
        """Nano-dollars of a call, rounded up."""
        fresh = usage.input_tokens - usage.cached_tokens
        total = fresh * self.input + usage.cached_tokens * self.cached + usage.output_tokens * self.output
        return -(-total // MILLION)


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """What the engine needs to know of an AIModel, its provider and today's price."""

    id: uuid.UUID
    name: str
    label: str
    reference: str
    account: Account
    deadlines: Deadlines
    context_window: int
    max_output_tokens: int
    can_call_tools: bool
    parameters: Mapping[str, Any]
    price: Price | None


@remembered
def models_of(workspace_id: uuid.UUID) -> tuple[Model, ...]:
    """Models in use that this workspace may call, by reference."""
    prices = ModelPrice.objects.filter(valid_from__lte=timezone.now()).order_by("-valid_from")
    rows = (
        AIModel.objects.for_workspace(workspace_id)
        .filter(is_active=True, archived_at=None, provider__is_active=True, provider__archived_at=None)
        .select_related("provider")
        .prefetch_related(Prefetch("prices", queryset=prices))
    )
    return tuple(sorted((_plain(row) for row in rows), key=lambda model: model.reference))


def find(workspace_id: uuid.UUID, name: str) -> Model | None:
    """The model people mean by `name`: its reference, or the part after the provider where only one has it."""
    wanted = name.strip().lower()
    exact = [m for m in models_of(workspace_id) if m.reference.lower() == wanted]
    loose = [m for m in models_of(workspace_id) if wanted in (m.name.lower(), m.label.lower())]
    for matches in (exact, loose):
        if len(matches) == 1:
            return matches[0]
    return None


def by_id(workspace_id: uuid.UUID, model_id: uuid.UUID | None) -> Model | None:
    """The model with this key, None when it is not in use any more."""
    return next((m for m in models_of(workspace_id) if m.id == model_id), None) if model_id else None


def _plain(row: AIModel) -> Model:
    price = next(iter(row.prices.all()), None)
    return Model(
        id=row.pk,
        name=row.name,
        label=row.label or row.name,
        reference=row.reference,
        account=account_of(row.provider),
        deadlines=Deadlines(
            connect=row.connect_seconds, first_token=row.first_token_seconds, idle=row.idle_seconds,
            total=row.total_seconds,
        ),
        context_window=row.context_window,
        max_output_tokens=row.max_output_tokens,
        can_call_tools=row.can_call_tools,
        parameters=row.parameters,
        price=price and Price(
            price.input_nanodollars,
            price.input_nanodollars if price.cached_nanodollars is None else price.cached_nanodollars,
            price.output_nanodollars,
        ),
    )  # fmt: skip


def account_of(row: AIProvider) -> Account:
    """The account as its client takes it. A row made by the environment has its key there too, not in the database."""
    from_environment = row.source == "environment" and row.slug == "openai"
    key = Secret(settings.OPENAI_API_KEY) if from_environment else row.api_key
    return Account(
        id=str(row.pk),
        slug=row.slug,
        kind=row.kind,
        base_url=row.base_url,
        api_key=key,
        max_concurrency=row.max_concurrency,
        max_tokens_field=row.max_tokens_field,  # type: ignore[arg-type]
        is_guarded=row.source != "environment",
    )
