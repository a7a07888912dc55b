"""Accounts of the environment, followed at every start. Made, changed and switched off again: test_rows.py."""

from __future__ import annotations

from typing import Any

import pytest

from bots import catalog, environment
from bots.models import AIModel, AIProvider, ModelPrice, Workspace

pytestmark = [pytest.mark.django_db, pytest.mark.embedded]


@pytest.fixture
def openai(settings: Any) -> Any:
    settings.OPENAI_API_KEY, settings.DEFAULT_MODEL = "sk-canary-env", "openai/gpt-x"
    environment.sync()
    return settings


def rows() -> list[Any]:
    return [list(model.objects.order_by("pk").values()) for model in (AIProvider, AIModel, ModelPrice)]


def offered() -> list[str]:
    return [model.reference for model in catalog.models_of(Workspace.default().pk)]


def test_a_second_start_changes_nothing(openai: Any) -> None:
    before = rows()
    environment.sync()
    assert rows() == before


def test_a_start_with_nothing_set_offers_the_demo_for_nothing() -> None:
    environment.sync()
    assert offered() == ["demo/brief", "demo/demo"]
    model = catalog.find(Workspace.default().pk, "demo/demo")
    assert model is not None and model.price == catalog.Price(0, 0, 0)


def test_the_key_stays_in_the_environment_and_the_calls_have_it(openai: Any) -> None:
    row = AIProvider.objects.get(slug="openai")
    key = catalog.account_of(row).api_key
    assert key is not None and key.reveal() == "sk-canary-env"
    assert "canary" not in str(rows())
    openai.OPENAI_API_KEY = "sk-another"
    changed = catalog.account_of(row).api_key
    assert changed is not None and changed.reveal() == "sk-another"


def test_what_is_taken_away_is_offered_no_more_and_comes_back_with_it(openai: Any) -> None:
    assert "openai/gpt-x" in offered()
    openai.OPENAI_API_KEY = ""
    environment.sync()
    assert "openai/gpt-x" not in offered()
    openai.OPENAI_API_KEY = "sk-canary-env"
    environment.sync()
    assert "openai/gpt-x" in offered()
    assert AIModel.objects.filter(name="gpt-x").count() == 1


@pytest.mark.parametrize("default", ["demo/demo", "openai/", "openai", "other/gpt-x"])
def test_a_key_alone_makes_the_provider_and_no_model(settings: Any, default: str) -> None:
    settings.OPENAI_API_KEY, settings.DEFAULT_MODEL = "sk-x", default
    environment.sync()
    assert AIProvider.objects.get(slug="openai").is_active
    assert not AIModel.objects.filter(provider__slug="openai").exists()


def test_a_model_whose_name_has_a_slash_keeps_it(settings: Any) -> None:
    settings.OPENAI_API_KEY, settings.DEFAULT_MODEL = "sk-x", "openai/meta-llama/llama-4"
    environment.sync()
    assert "openai/meta-llama/llama-4" in offered()


def test_a_model_of_the_environment_costs_an_unknown_amount(openai: Any) -> None:
    model = catalog.find(Workspace.default().pk, "openai/gpt-x")
    assert model is not None and model.price is None


def test_what_staff_set_on_the_rows_of_a_model_outlives_a_start(openai: Any) -> None:
    AIModel.objects.filter(name="gpt-x").update(context_window=9_000, is_active=False)
    environment.sync()
    row = AIModel.objects.get(name="gpt-x")
    assert (row.context_window, row.is_active) == (9_000, False)


def test_a_workspaces_own_account_of_that_name_is_left_alone(settings: Any) -> None:
    own = AIProvider.objects.create(
        workspace=Workspace.default(), slug="openai", name="Ours", base_url="http://own/v1", api_key="sk-own"
    )
    settings.OPENAI_API_KEY = "sk-x"
    environment.sync()
    settings.OPENAI_API_KEY = ""
    environment.sync()
    own = AIProvider.objects.get(pk=own.pk)
    assert (own.source, own.is_active, own.api_key.reveal()) == ("admin", True, "sk-own")
