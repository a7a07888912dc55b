"""A model that its provider ends, while somebody uses it: told of wherever staff look."""

from __future__ import annotations

import io
import json
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from bots import environment, shutdown
from bots.models import AIModel, AIProvider, Bot, Membership, Workspace
from conversations.seed import seed_demo

pytestmark = pytest.mark.django_db


@pytest.fixture
def root(client: Client) -> Client:
    client.force_login(get_user_model().objects.create_superuser("root"))
    return client


def page(model: AIModel) -> str:
    return reverse("admin:bots_aimodel_change", args=[model.pk])


def test_a_model_that_ends_is_told_of_on_its_page_in_the_list_on_the_start_page_and_by_doctor(
    root: Client, transactional_db: None
) -> None:
    environment.sync()
    seed_demo()
    own = AIProvider.objects.create(workspace=Workspace.default(), slug="own", name="Own", kind="demo")
    ends = {"gone": -3, "soon": 20, "later": 60, "unused": 5}
    today = timezone.localdate()
    for name, days in ends.items():
        model = AIModel.objects.create(provider=own, name=name, shutdown_date=today + timedelta(days=days))
        if name != "unused":
            Bot.objects.create(workspace=Workspace.default(), slug=name, name=name, model=model)
    start = root.get(reverse("admin:index")).content.decode()
    assert "own/gone" in start and "own/soon" in start and "in 20 days" in start and "bots: 1" in start
    assert "own/later" not in start and "own/unused" not in start
    out = io.StringIO()
    with pytest.raises(CommandError, match="failed"):
        call_command("doctor", "--json", stdout=out)
    found = {finding["check"]: finding for finding in json.loads(out.getvalue())}
    assert not found["model own/gone"]["ok"] and found["model own/soon"]["ok"]
    assert "Replace this model" in found["model own/soon"]["mend"]
    assert not {"model own/later", "model own/unused"} & set(found)
    listed = root.get(reverse("admin:bots_aimodel_changelist")).content.decode()
    assert listed.count('class="ending"') == 3
    assert "The provider ended it" in root.get(page(AIModel.objects.get(name="gone"))).content.decode()
    assert "The provider end" not in root.get(page(AIModel.objects.get(name="later"))).content.decode()


def test_the_default_model_counts_as_used(root: Client, settings: Any) -> None:
    environment.sync()
    AIModel.objects.filter(name="demo").update(shutdown_date=timezone.localdate())
    assert "default model" in root.get(reverse("admin:index")).content.decode()


def test_each_day_has_its_sentence() -> None:
    today = timezone.localdate()
    told = [shutdown.sentence(today + timedelta(days=days)) for days in (-1, 0, 1, 30)]
    for text, part in zip(told, ("ended", "today", "in 1 day.", "in 30 days."), strict=True):
        assert part in text
    assert [shutdown.is_near(today + timedelta(days=days)) for days in (-400, 30, 31)] == [True, True, False]
    assert shutdown.sentence(None) == "" and not shutdown.is_near(None)


def test_what_another_workspace_uses_is_no_ones_business_here(client: Client) -> None:
    shared = AIProvider.objects.create(slug="shared", name="Shared", kind="demo")
    model = AIModel.objects.create(provider=shared, name="gone", shutdown_date=timezone.localdate())
    other = Workspace.objects.create(name="Other")
    Bot.objects.create(workspace=other, slug="b", name="b", model=model)
    user = get_user_model().objects.create_user("ann", is_staff=True)
    membership = Membership.objects.create(user=user, workspace=Workspace.default(), role="administrator")
    client.force_login(user)
    assert "shared/gone" not in client.get(reverse("admin:index")).content.decode()
    membership.workspace = other
    membership.save()
    assert "shared/gone" in client.get(reverse("admin:index")).content.decode()
