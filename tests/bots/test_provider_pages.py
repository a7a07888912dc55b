"""A provider's and a model's pages: does it answer, what does it offer, what does it cost."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth import get_user_model
from django.test import Client
from django.urls import reverse
from hypothesis import given, settings
from hypothesis import strategies as st

from bots import environment, offers
from bots.models import AIModel, AIProvider, ModelPrice
from bots.models.price import dollars, nanodollars, plain
from bots.providers import openai_compatible
from bots.providers.openai_models import offered
from tests.config.test_admin import form_of
from tests.fakes.model_server import ModelServer, Reply

pytestmark = pytest.mark.django_db
ROUTER = {
    "id": "acme/large", "name": "Acme Large", "context_length": 131_072, "expiration_date": "2031-05-01",
    "pricing": {"prompt": "0.0000025", "completion": "0.00001", "input_cache_read": "0.000000075"},
    "architecture": {"input_modalities": ["text", "image"]}, "supported_parameters": ["tools", "reasoning"],
}  # fmt: skip


@pytest.fixture
def server() -> Iterator[ModelServer]:
    with ModelServer() as server:
        yield server


@pytest.fixture
def provider(server: ModelServer) -> AIProvider:
    return AIProvider.objects.create(slug="own", name="Own", base_url=server.base_url, api_key="sk-canary-77")


@pytest.fixture
def root(client: Client) -> Client:
    client.force_login(get_user_model().objects.create_superuser("root"))
    return client


def page(row: Any, name: str = "change") -> str:
    return reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_{name}", args=[row.pk])


def asked(client: Client, provider: AIProvider) -> tuple[bool, str]:
    answer = client.post(page(provider, "test"), headers={"Accept": "application/json"})
    assert answer.status_code == 200 and "canary" not in answer.content.decode()
    told = answer.json()
    return told["ok"], told["message"]


def test_a_connection_that_works_says_how_many_models_there_are(
    root: Client, provider: AIProvider, server: ModelServer
) -> None:
    assert asked(root, provider) == (True, "It works: the provider answers and offers 3 models.")
    assert server.headers[-1]["Authorization"] == "Bearer sk-canary-77"
    shown = root.post(page(provider, "test"), follow=True)
    assert shown.redirect_chain == [(page(provider), 302)] and b"offers 3 models" in shown.content
    assert root.get(page(provider, "test")).status_code == 405


@pytest.mark.parametrize(
    ("listing", "sentence"),
    [
        (Reply(status=401), "does not accept the key"), (Reply(status=403), "does not accept the key"),
        (Reply(status=404), "often ends in /v1"), (Reply(status=429), "credit"), (Reply(status=503), "HTTP 503"),
        (Reply(raw=[b"<html>hello</html>"]), "does not speak this protocol"),
        (Reply(raw=[b"[]"]), "does not speak this protocol"), (Reply(raw=[b'{"data": 5}']), "does not speak"),
        (Reply(raw=[b'{"models": []}']), "does not speak"), (Reply(hang=3), "no answer in"),
    ],
)  # fmt: skip
def test_each_failure_has_its_sentence(
    root: Client, provider: AIProvider, server: ModelServer, monkeypatch: Any, listing: Reply, sentence: str
) -> None:
    monkeypatch.setattr(offers, "SECONDS", 2.0)
    server.listing = listing
    ok, told = asked(root, provider)
    assert not ok and sentence in told
    back = root.get(page(provider, "models"), follow=True)
    assert back.redirect_chain == [(page(provider), 302)] and sentence in back.content.decode()


@pytest.mark.parametrize(
    ("address", "sentence"),
    [
        ("http://127.0.0.1:9/v1", "Nobody answers"), ("http://no-such-host.invalid/v1", "no such address"),
        ("http://10.0.0.1:9/v1", "PRIVATE_NETWORKS"),
    ],
)  # fmt: skip
def test_an_address_where_nobody_is(root: Client, provider: AIProvider, address: str, sentence: str) -> None:
    AIProvider.objects.update(base_url=address)
    ok, told = asked(root, provider)
    assert not ok and sentence in told


def test_a_name_that_leads_to_this_machine_is_refused_unless_allowed(
    root: Client, provider: AIProvider, server: ModelServer, settings: Any
) -> None:
    settings.PRIVATE_NETWORKS = []
    for host in ("127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "2130706433"):
        AIProvider.objects.update(base_url=server.base_url.replace("127.0.0.1", host))
        ok, told = asked(root, provider)
        assert not ok and ("PRIVATE_NETWORKS" in told or host == "2130706433"), host
    assert server.headers == []
    settings.PRIVATE_NETWORKS = ["127.0.0.1/32"]
    AIProvider.objects.update(base_url=server.base_url)
    server.listing = Reply(status=302, headers={"Location": "http://127.0.0.2:9/v1/models"})
    assert "PRIVATE_NETWORKS" in asked(root, provider)[1]


def test_a_key_that_cannot_be_read_says_so(root: Client, provider: AIProvider, settings: Any) -> None:
    from cryptography.fernet import Fernet

    settings.FIELD_ENCRYPTION_KEYS = [Fernet.generate_key().decode()]
    ok, told = asked(root, provider)
    assert not ok and "enter it anew" in told


def test_a_key_is_judged_also_where_the_list_is_open_to_everybody(
    root: Client, provider: AIProvider, server: ModelServer, monkeypatch: Any
) -> None:
    """As OpenRouter's is."""
    monkeypatch.setitem(openai_compatible.KEY_CHECKS, "127.0.0.1", "/key")
    server.key = "sk-another"
    assert "does not accept the key" in asked(root, provider)[1]
    server.key = "sk-canary-77"
    assert asked(root, provider)[0]


def test_what_the_environment_gives_is_tested_and_read_only(root: Client, server: ModelServer, settings: Any) -> None:
    settings.OPENAI_API_KEY, settings.OPENAI_BASE_URL, settings.PRIVATE_NETWORKS = "sk-env", server.base_url, []
    settings.DEFAULT_MODEL = "openai/fake-small"
    environment.sync()
    openai, demo = AIProvider.objects.get(slug="openai"), AIProvider.objects.get(slug="demo")
    shown = root.get(page(openai)).content.decode()
    assert "This comes from the environment variable OPENAI_API_KEY; change it there." in shown
    assert "Test connection" in shown and "sk-env" not in shown
    assert "built in" in root.get(page(demo)).content.decode()
    assert asked(root, openai)[0] and server.headers[-1]["Authorization"] == "Bearer sk-env"
    assert asked(root, demo) == (True, "It works: the provider answers and offers 2 models.")
    root.post(page(openai, "models"), {"name": ["fake-large"]})
    assert AIModel.objects.get(name="fake-large").source == "admin"
    told = root.get(page(AIModel.objects.get(name="fake-small"))).content.decode()
    assert "environment variable DEFAULT_MODEL" in told


def test_ticked_models_are_added_with_what_the_list_tells(
    root: Client, provider: AIProvider, server: ModelServer
) -> None:
    AIModel.objects.create(provider=provider, name="known", context_window=7)
    server.offers = [
        ROUTER,
        {"id": "known"},
        {"id": "plain"},
        {"id": "not ticked"},
        {"id": "vllm", "max_model_len": 4096},
    ]
    shown = root.get(page(provider, "models")).content.decode()
    assert "131072" in shown and "$2.50 / $10.00" in shown
    assert 'value="known"' not in shown and 'value="plain"' in shown
    names = ["acme/large", "plain", "vllm", "known", "never offered"]
    assert root.post(page(provider, "models"), {"name": names}).status_code == 302
    assert set(AIModel.objects.values_list("name", flat=True)) == {"acme/large", "plain", "vllm", "known"}
    large, simple = AIModel.objects.get(name="acme/large"), AIModel.objects.get(name="plain")
    assert (large.label, large.context_window, large.can_see_images, large.can_reason, large.can_call_tools) == (
        "Acme Large", 131_072, True, True, True,
    )  # fmt: skip
    price = large.prices.get()
    assert (price.input_nanodollars, price.cached_nanodollars, price.output_nanodollars) == (
        2_500_000_000, 75_000_000, 10_000_000_000,
    )  # fmt: skip
    assert str(large.shutdown_date) == "2031-05-01"
    assert (simple.context_window, simple.prices.count()) == (32_000, 0)
    assert AIModel.objects.get(name="vllm").context_window == 4096
    assert AIModel.objects.get(name="known").context_window == 7
    assert LogEntry.objects.filter(object_id=str(large.pk)).count() == 1
    assert root.post(page(provider, "models"), {"name": names})["Location"] == page(provider, "models")
    assert AIModel.objects.count() == 4


def test_a_list_without_models_says_so(root: Client, provider: AIProvider, server: ModelServer) -> None:
    """Ollama's, before the first was pulled, is null."""
    server.offers = None
    assert "offers no models" in root.get(page(provider, "models")).content.decode()


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.sampled_from(["1e-6", "-1"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from([*ROUTER, "prompt", "completion", "input_modalities", "data"]), inner)
    ),
    max_leaves=12,
)


@given(ANYTHING)
@settings(max_examples=200, deadline=None)
def test_whatever_a_list_holds_it_is_read_or_refused(junk: Any) -> None:
    for body in (junk, {"data": junk}, {"data": [junk, {"id": "x", "pricing": junk, "architecture": junk}]}):
        try:
            found = offered(body)
        except ValueError:
            continue
        assert all(0 < len(offer.name) <= 150 for offer in found)


def prices_of(model: AIModel) -> list[tuple[int, int | None, int]]:
    rows = model.prices.order_by("valid_from")
    return list(rows.values_list("input_nanodollars", "cached_nanodollars", "output_nanodollars"))


def priced(root: Client, model: AIModel, **boxes: str) -> Any:
    """The form of a model with one more price in it."""
    data = form_of(root.get(page(model)))
    number = int(data["prices-TOTAL_FORMS"])
    data = {key: value for key, value in data.items() if not key.startswith("prices-") or "_FORMS" in key}
    data |= {f"prices-{number}-{name}": value for name, value in boxes.items()}
    return root.post(page(model), {**data, "prices-TOTAL_FORMS": number + 1})


def test_prices_are_dollars_and_a_price_that_held_stays(root: Client, provider: AIProvider) -> None:
    model = AIModel.objects.create(provider=provider, name="m")
    day = {"valid_from_0": "2026-01-01", "valid_from_1": "00:00"}
    assert priced(root, model, **day, input_dollars="0.075", output_dollars="0.000000001").status_code == 302
    assert prices_of(model) == [(75_000_000, None, 1)]
    later = {"valid_from_0": "2026-02-01", "valid_from_1": "00:00"}
    saved = priced(root, model, **later, input_dollars="2.5", cached_dollars="0", output_dollars="10")
    assert saved.status_code == 302
    assert prices_of(model) == [(75_000_000, None, 1), (2_500_000_000, 0, 10_000_000_000)]
    shown = root.get(page(model)).content.decode()
    assert "$0.075" in shown and "as input" in shown and "nanodollars" not in shown
    assert "$2.50 / $10.00" in root.get(reverse("admin:bots_aimodel_changelist")).content.decode()


@pytest.mark.parametrize("amount", ["-1", "0.0000000001", "1000001", "NaN", "1e999", "free", ""])
def test_a_price_that_is_none_is_a_form_error(root: Client, provider: AIProvider, amount: str) -> None:
    model = AIModel.objects.create(provider=provider, name="m")
    day = {"valid_from_0": "2026-01-01", "valid_from_1": "00:00"}
    refused = priced(root, model, **day, input_dollars=amount, output_dollars="1")
    assert refused.status_code == 200 and prices_of(model) == []


@given(st.integers(0, 10**15))
@settings(deadline=None)
def test_dollars_come_back_as_they_were(stored: int) -> None:
    assert nanodollars(Decimal(plain(stored))) == stored
    assert dollars(stored) == Decimal(plain(stored))


def test_free_models_cost_nothing_and_that_is_known(root: Client, provider: AIProvider, server: ModelServer) -> None:
    server.offers = [{"id": "free", "pricing": {"prompt": "0", "completion": "0"}},
                     {"id": "auto", "pricing": {"prompt": "-1", "completion": "-1"}}]  # fmt: skip
    root.post(page(provider, "models"), {"name": ["free", "auto"]})
    assert ModelPrice.objects.get().model.name == "free"
