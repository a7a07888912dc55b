"""A provider is added by choosing its service: what stays empty is filled in, what cannot be known is asked for."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.test import Client
from django.urls import reverse

from bots import environment
from bots.models import AIProvider, Membership, Workspace
from bots.presets import PRESETS
from bots.providers.base import clients

pytestmark = pytest.mark.django_db
ADD = "admin:bots_aiprovider_add"


@pytest.fixture
def root(client: Client) -> Client:
    client.force_login(get_user_model().objects.create_superuser("root"))
    return client


def add(client: Client, **boxes: str) -> Any:
    """What the form with only these boxes filled in answers."""
    return client.post(reverse(ADD), {"max_concurrency": "50", "is_active": "on", **boxes})


def errors(page: Any) -> dict[str, Any]:
    return dict(page.context["adminform"].form.errors)


@pytest.mark.parametrize("key", PRESETS)
def test_each_service_is_whole(key: str, root: Client, settings: Any) -> None:
    settings.PRIVATE_NETWORKS = ["127.0.0.0/8", "::1"]
    preset = PRESETS[key]
    assert preset.kind in clients and preset.hint and preset.label
    boxes = {"preset": key, "api_key": "sk-canary"}
    if preset.asks_address:
        assert "base_url" in errors(add(root, **boxes))
        boxes |= {"base_url": "https://mine.openai.azure.com/openai/v1/"}
    if key == "custom":
        assert {"slug", "name"} <= set(errors(add(root, **boxes)))
        boxes |= {"slug": "mine", "name": "Mine"}
    assert add(root, **boxes).status_code == 302
    row = AIProvider.objects.get()
    assert (row.kind, row.max_tokens_field) == (preset.kind, preset.max_tokens_field)
    assert row.slug and row.name and row.base_url == (boxes.get("base_url") or preset.base_url)
    assert row.api_key.reveal() == "sk-canary"


@pytest.mark.parametrize("key", PRESETS)
def test_a_key_is_asked_for_only_where_it_is_needed(key: str, root: Client) -> None:
    boxes = {"preset": key, "slug": "own", "name": "Own", "base_url": "https://models.example/v1"}
    page = add(root, **boxes)
    assert "api_key" in errors(page) if PRESETS[key].needs_key else page.status_code == 302
    if PRESETS[key].needs_key:
        assert str(PRESETS[key].hint) in str(errors(page)["api_key"][0])


def test_what_is_written_goes_before_the_service(root: Client) -> None:
    boxes = {"slug": "mine", "name": "Mine", "base_url": "https://proxy.example/v1", "max_tokens_field": "max_tokens"}
    assert add(root, preset="openai", api_key="sk", **boxes).status_code == 302
    row = AIProvider.objects.get()
    assert {name: getattr(row, name) for name in boxes} == boxes


def test_a_name_that_is_taken_gets_a_number(root: Client, settings: Any) -> None:
    settings.OPENAI_API_KEY = "sk-env"
    environment.sync()
    page = root.get(reverse(ADD))
    told = json.loads(page.context["adminform"].form.fields["preset"].widget.attrs["data-presets"])
    assert told["openai"]["slug"] == "openai-2" and told["azure"]["slug"] == "azure"
    assert add(root, preset="openai", api_key="sk").status_code == 302
    assert AIProvider.objects.filter(slug="openai-2").exists()
    assert "slug" in errors(add(root, preset="openai", api_key="sk", slug="openai"))


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("http://localhost:11434/v1", "127.0.0.0/8,::1"), ("http://127.0.0.1:11434/v1", "127.0.0.0/8,::1"),
        ("http://[::1]:8000/v1", "127.0.0.0/8,::1"), ("http://192.168.1.5:8000/v1", "192.168.1.5"),
        ("http://169.254.169.254/latest", "169.254.169.254"),
    ],
)  # fmt: skip
def test_a_private_address_says_which_setting_allows_it(
    root: Client, settings: Any, address: str, network: str
) -> None:
    settings.PRIVATE_NETWORKS = []
    told = str(errors(add(root, preset="ollama", base_url=address))["base_url"])
    assert f"PRIVATE_NETWORKS={network}" in told
    settings.PRIVATE_NETWORKS = network.split(",")
    assert add(root, preset="ollama", base_url=address).status_code == 302


def test_the_services_own_address_is_judged_too(root: Client, settings: Any) -> None:
    settings.PRIVATE_NETWORKS = []
    assert "PRIVATE_NETWORKS" in str(errors(add(root, preset="ollama"))["base_url"])


@pytest.mark.parametrize(
    "address",
    ["models.example/v1", "ftp://models.example", "https://me:secret@models.example/v1", "https://<resource>.example",
     "https://models.example/v1?key=1", "javascript:alert(1)", "https://models.example:99999/v1"],
)  # fmt: skip
def test_what_is_no_address_is_a_form_error(root: Client, address: str) -> None:
    page = add(root, preset="custom", slug="own", name="Own", base_url=address)
    assert page.status_code == 200 and "base_url" in errors(page)


def test_a_host_without_a_dot_is_an_address(root: Client) -> None:
    assert add(root, preset="vllm", base_url="http://gpu-box:8000/v1").status_code == 302


def test_a_kept_key_is_not_sent_to_another_host(root: Client) -> None:
    add(root, preset="openai", api_key="sk-canary")
    row = AIProvider.objects.get()
    page = reverse("admin:bots_aiprovider_change", args=[row.pk])
    boxes = {
        "name": "Own",
        "slug": "openai",
        "kind": row.kind,
        "max_tokens_field": "max_tokens",
        "max_concurrency": "9",
    }
    assert root.post(page, {**boxes, "base_url": "https://api.openai.com/v2"}).status_code == 302
    assert "api_key" in errors(root.post(page, {**boxes, "base_url": "https://elsewhere.example/v1"}))
    moved = root.post(page, {**boxes, "base_url": "https://elsewhere.example/v1", "api_key": "sk-other"})
    assert moved.status_code == 302


def test_an_administrator_gives_models_to_their_own_workspace_alone(client: Client) -> None:
    user = get_user_model().objects.create_user("ann", is_staff=True)
    Membership.objects.create(user=user, workspace=Workspace.default(), role="administrator")
    other = Workspace.objects.create(name="Other")
    Membership.objects.create(user=user, workspace=other, role="operator")
    places = {"mine": Workspace.default(), "shared": None, "theirs": other}
    rows = {name: AIProvider.objects.create(workspace=home, slug=name, name=name) for name, home in places.items()}
    client.force_login(user)
    box = client.get(reverse("admin:bots_aimodel_add")).context["adminform"].form.fields["provider"]
    assert list(box.queryset) == [rows["mine"]]


def test_an_administrators_provider_belongs_to_their_workspace(client: Client) -> None:
    user = get_user_model().objects.create_user("ann", is_staff=True)
    Membership.objects.create(user=user, workspace=Workspace.default(), role="administrator")
    client.force_login(user)
    assert add(client, preset="openai", api_key="sk").status_code == 302
    assert AIProvider.objects.get().workspace == Workspace.default()
    other = Workspace.objects.create(name="Other")
    Membership.objects.create(user=user, workspace=other, role="operator")
    boxes = {"preset": "openrouter", "api_key": "sk"}
    for workspace in ("", str(other.pk)):
        assert "workspace" in errors(add(client, **boxes, workspace=workspace))
    assert add(client, **boxes, workspace=str(Workspace.default().pk)).status_code == 302
