"""Rows of bots: credentials that open only where they belong, prompts that are never changed, who may see what."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import FieldError
from django.db import connection, transaction
from django.forms.models import model_to_dict

from bots import environment
from bots.fields import Unreadable, new_id
from bots.models import AIModel, AIProvider, ApiKey, Bot, Membership, PromptVersion, Workspace
from bots.secret import Secret
from channels_integrations.models import ChannelConfig

pytestmark = [pytest.mark.django_db, pytest.mark.embedded]
CANARY = "sk-canary-7131"


def provider(slug: str = "own", **more: Any) -> AIProvider:
    return AIProvider.objects.create(slug=slug, name=slug, api_key=CANARY, **more)


def raw(row: AIProvider) -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT api_key FROM bots_aiprovider WHERE slug = %s", [row.slug])
        return str(cursor.fetchone()[0])


def move(text: str, row: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute("UPDATE bots_aiprovider SET api_key = %s WHERE slug = %s", [text, row.slug])


def test_a_credential_is_unreadable_at_rest_and_starred_everywhere() -> None:
    row = AIProvider.objects.get(pk=provider().pk)
    assert row.api_key.reveal() == CANARY
    assert CANARY not in raw(row)
    shown = [
        repr(row.api_key),
        str(row.api_key),
        f"{row.api_key:>20}",
        repr(row.__dict__),
        repr(row),
    ]
    assert not any(CANARY in text for text in shown)
    assert model_to_dict(row)["api_key"] == ""
    assert (bool(Secret("")), Secret("a") == Secret("a")) == (False, True)
    row.name = "Renamed"
    row.save()
    assert AIProvider.objects.get(pk=row.pk).api_key.reveal() == CANARY


def test_a_ciphertext_opens_in_its_own_row_only(settings: Any) -> None:
    one, other = provider("one"), provider("other")
    move(raw(one), other)
    with pytest.raises(Unreadable, match="another row"):
        _ = AIProvider.objects.get(slug="other").api_key
    move("gAAAA-broken", other)
    with pytest.raises(Unreadable, match="no key"):
        _ = AIProvider.objects.get(slug="other").api_key
    sealed = ChannelConfig._meta.get_field("credentials").seal(ChannelConfig(pk=one.pk), Secret("x"))
    move(sealed, one)
    with pytest.raises(Unreadable, match="another row"):
        _ = AIProvider.objects.get(slug="one").api_key


def test_a_credential_cannot_be_searched_or_written_around_its_row() -> None:
    row = provider()
    with pytest.raises(FieldError):
        AIProvider.objects.filter(api_key="x").exists()
    with pytest.raises(FieldError), transaction.atomic():
        AIProvider.objects.filter(pk=row.pk).update(api_key=Secret("x"))
    assert AIProvider.objects.filter(api_key__isnull=False).exists()


def test_ids_grow_with_time() -> None:
    ids = [new_id() for _ in range(2_000)]
    assert ids == sorted(ids)
    assert {i.version for i in ids} == {7}
    assert len(set(ids)) == len(ids)


def test_a_prompt_is_a_version_a_change_and_none_is_ever_altered() -> None:
    bot = Bot.objects.create(workspace=Workspace.default(), slug="b", name="B")
    assert bot.prompt == ""
    first = bot.write_prompt("one")
    assert bot.write_prompt("one") == first
    assert bot.write_prompt("two").number == 2
    assert Bot.objects.get().prompt == "two"
    first.text = "forged"
    with pytest.raises(TypeError, match="never changed"):
        first.save()
    assert list(PromptVersion.objects.values_list("number", "text")) == [(2, "two"), (1, "one")]


def actors() -> dict[str, Any]:
    """Two workspaces, and everybody who may ask."""
    ours, theirs = Workspace.default(), Workspace.objects.create(name="Theirs")
    users = get_user_model().objects
    operator = users.create_user("operator", is_staff=True)
    Membership.objects.create(user=operator, workspace=ours)
    outsider = users.create_user("outsider", is_staff=True)
    customer = users.create_user("customer")
    Membership.objects.create(user=customer, workspace=ours)
    gone = users.create_superuser("gone", is_active=False)
    return {
        "key": ApiKey.issue(workspace=ours, name="k", scopes=["read"])[0],
        "their key": ApiKey.issue(workspace=theirs, name="k", scopes=["read"])[0],
        "superuser": users.create_superuser("root"), "operator": operator, "outsider": outsider, "customer": customer,
        "gone": gone, "anonymous": AnonymousUser(), "nobody": None,
    }  # fmt: skip


def test_everybody_sees_their_own_workspaces_rows() -> None:
    who = actors()
    ours, theirs = Workspace.objects.get(pk=who["key"].workspace_id), Workspace.objects.get(name="Theirs")
    for workspace in (ours, theirs):
        bot = Bot.objects.create(workspace=workspace, slug="b", name=workspace.name)
        bot.write_prompt("x")
        provider(f"of-{workspace.name.lower()}", workspace=workspace)
    shared = provider("shared")
    AIModel.objects.create(provider=shared, name="m")
    expected = {
        "key": 1, "their key": 1, "superuser": 2, "operator": 1, "outsider": 0, "customer": 0, "gone": 0,
        "anonymous": 0, "nobody": 0,
    }  # fmt: skip
    for name, count in expected.items():
        assert Bot.objects.for_actor(who[name]).count() == count, name
        assert PromptVersion.objects.for_actor(who[name]).count() == count, name
    mine = set(AIProvider.objects.for_actor(who["key"]).values_list("slug", flat=True))
    assert {"of-default", "shared"} <= mine
    assert "of-theirs" not in mine
    assert "of-theirs" not in set(AIProvider.objects.for_actor(who["operator"]).values_list("slug", flat=True))
    for name in ("customer", "gone", "anonymous", "nobody"):
        assert not AIProvider.objects.for_actor(who[name]).exists(), name
        assert not AIModel.objects.for_actor(who[name]).exists(), name


def test_accounts_of_the_environment_follow_it(settings: Any) -> None:
    settings.OPENAI_API_KEY, settings.DEFAULT_MODEL = "sk-env", "openai/gpt-x"
    environment.sync()
    environment.sync()
    row = AIProvider.objects.get(slug="openai")
    assert (row.source, row.is_active, row.api_key) == ("environment", True, None)
    assert [model.reference for model in AIModel.objects.filter(provider=row)] == ["openai/gpt-x"]
    settings.OPENAI_BASE_URL = "http://127.0.0.1:11434/v1"
    environment.sync()
    row.refresh_from_db()
    assert row.base_url == "http://127.0.0.1:11434/v1"
    settings.OPENAI_API_KEY, settings.DEFAULT_MODEL = "", "demo/demo"
    environment.sync()
    row.refresh_from_db()
    assert not row.is_active
    assert isinstance(row.pk, uuid.UUID)
