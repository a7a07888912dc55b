"""Accounts that the environment gives, as rows. Followed at every start; what is gone there is switched off here."""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings
from django.db import transaction

from bots.models import AIModel, AIProvider, ModelPrice
from bots.models.provider import Source
from bots.remember import forget

DEMO_MODELS = {"demo": "Demo (built in)", "brief": "Demo, brief (built in)"}


Follower = Callable[..., None]  # takes `retire`
_followers: list[Follower] = []


def also(follower: Follower) -> None:
    """Have `follower(retire=…)` called at each sync too: for accounts of what a higher app knows."""
    _followers.append(follower)


def sync(*, retire: bool = True) -> None:
    """Make the rows say what the environment says. Changes nothing when it says the same as before.

    `retire`: switch off what it no longer gives; not for commands, whose shell may know less than the server's.
    """
    with transaction.atomic():
        demo = _provider("demo", name="Demo (built in)", kind="demo", base_url="")
        for name, label in DEMO_MODELS.items():
            _free(_model(demo, name, label))
        if settings.OPENAI_API_KEY:
            openai = _provider("openai", name="OpenAI", kind="openai_compatible", base_url=settings.OPENAI_BASE_URL)
            slug, _slash, name = settings.DEFAULT_MODEL.partition("/")
            if slug == "openai" and name:
                _model(openai, name, name)
        elif retire:
            AIProvider.objects.filter(slug="openai", source=Source.ENVIRONMENT).update(is_active=False)
        for follower in _followers:
            follower(retire=retire)
    forget()


def _provider(slug: str, **values: str) -> AIProvider:
    row, _made = AIProvider.objects.update_or_create(
        slug=slug, workspace=None, defaults={**values, "source": Source.ENVIRONMENT, "is_active": True}
    )
    return row


def _model(provider: AIProvider, name: str, label: str) -> AIModel:
    row, _made = AIModel.objects.get_or_create(
        provider=provider, name=name, defaults={"label": label, "source": Source.ENVIRONMENT}
    )
    return row


def _free(model: AIModel) -> None:
    """The demo costs nothing, and that is known."""
    if not model.prices.exists():
        ModelPrice.objects.create(model=model, input_nanodollars=0, output_nanodollars=0)
