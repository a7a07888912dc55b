"""`deploy/` and docs/metrics.md name what a product that really runs tells, and nothing else."""

from __future__ import annotations

import json
import re
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.conf import settings
from prometheus_client.parser import text_string_to_metric_families
from websockets.sync.client import connect

from conversations import metrics
from tests import promql
from tests.fakes.model_server import ModelServer, Reply
from tests.fakes.telegram_server import TOKEN, TelegramServer
from tests.fakes.webhook_receiver import SECRET, Receiver, signed
from tests.product import Product, free_port, serve

ROOT = Path(__file__).resolve().parent.parent
DASHBOARD = json.loads((ROOT / "deploy/grafana/switchboard.json").read_text())
ALERTS = [rule for group in yaml.safe_load((ROOT / "deploy/prometheus/alerts.yml").read_text())["groups"]
          for rule in group["rules"]]  # fmt: skip
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
EXPRESSIONS = [target["expr"] for panel in PANELS for target in panel["targets"]] + [rule["expr"] for rule in ALERTS]
DECLARED = {
    metric._name: set(metric._labelnames) for metric in vars(metrics).values() if hasattr(metric, "_labelnames")
}
MADE_BY_PROMETHEUS = {"up"}
SETUP = """
import json
from bots.models import AIModel, AIProvider, ApiKey, Bot, Workspace
from channels_integrations.models import ChannelConfig
workspace = Workspace.default()
model = AIModel.objects.create(provider=AIProvider.objects.get(slug="openai"), name="fake-small")
broken = Bot.objects.create(workspace=workspace, slug="broken", name="Broken", model=model)
hook = ChannelConfig(workspace=workspace, bot=Bot.objects.get(slug="demo"), kind="webhook", slug="hook", name="Hook",
                     config={"url": "%s"})
hook.credentials = json.dumps({"secret": "%s"})
hook.save()
print(hook.pk, ApiKey.issue(workspace=workspace, name="test", scopes=["chat"])[1])
"""


class Told:
    """What a process tells: its families, and the labels of each series."""

    def __init__(self, text: str) -> None:
        self.families = {family.name: family for family in text_string_to_metric_families(text)}
        self.series: dict[str, set[str]] = {}
        self.values: dict[str, float] = {}
        for family in self.families.values():
            for sample in family.samples:
                self.series.setdefault(sample.name, set()).update(sample.labels)
                self.values[sample.name] = self.values.get(sample.name, 0) + sample.value

    def faults(self, expression: str) -> list[str]:
        """What this expression names and nobody tells."""
        wanted = promql.metrics(expression) - MADE_BY_PROMETHEUS
        known = set[str]().union(*(self.series.get(name, set()) for name in wanted))
        return [*sorted(wanted - self.series.keys()), *sorted(promql.labels(expression) - known)]


def read(url: str) -> str:
    with urllib.request.urlopen(url, timeout=20) as answer:  # noqa: S310  our own server
        return str(answer.read().decode())


def post(url: str, body: bytes, headers: dict[str, str]) -> int:
    request = urllib.request.Request(url, body, {"Content-Type": "application/json", **headers})  # noqa: S310
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return int(error.code)


def use(product: Product, receiver: Receiver, model: ModelServer) -> None:
    """Turns with and without a tool, one that fails, one on a platform that is sent its answers."""
    hook, key = product.run(SETUP % (receiver.url, SECRET)).split()
    time.sleep(settings.CONFIGURATION_SECONDS + 0.5)  # until it is in force
    asked = [("demo", "hello", 200), ("demo", "What is 12 * (3 + 4)?", 200), ("broken", "hello", 502)]
    model.script(Reply(status=401))
    for number, (bot, text, status) in enumerate([*asked, ("broken", "hello", 200)]):
        body = {"bot": bot, "message": text, "session": {"platform": "test", "user_id": f"{number}"}}
        headers = {"Authorization": f"Bearer {key}", "Idempotency-Key": uuid.uuid4().hex}
        assert post(f"{product.address}/api/v1/chat/", json.dumps(body).encode(), headers) == status
    call = json.dumps({"id": "1", "chat_id": "c", "sender_id": "p", "text": "/human"}).encode()
    address = f"{product.address}/webhooks/webhook/{hook}/"
    assert post(address, call, {}) == 401
    assert post(address, call, signed(call)) == 200
    end = time.monotonic() + 20
    while not receiver.taken():
        assert time.monotonic() < end, "the webhook was not answered"
        time.sleep(0.1)
    time.sleep(0.5)  # until it is written down that it was taken


@pytest.fixture(scope="module")
def told() -> Iterator[Told]:
    """After some use, with an open chat."""
    port = free_port()
    with ModelServer() as model, Receiver() as receiver, TelegramServer() as telegram, serve(
        PRIVATE_NETWORKS="127.0.0.0/8", OPENAI_API_KEY="sk-test", OPENAI_BASE_URL=model.base_url,
        METRICS_PORT=str(port), TELEGRAM_BOT_TOKEN=TOKEN, TELEGRAM_API_BASE_URL=telegram.origin,
        GATEWAY_SECONDS="1",
    ) as product:  # fmt: skip
        use(product, receiver, model)
        with connect(product.address.replace("http", "ws") + "/ws/chat/demo/"):
            text = read(f"{product.address}/metrics")
            assert set(Told(read(f"http://127.0.0.1:{port}/")).families) == set(Told(text).families)
        yield Told(text)


def test_every_expression_names_what_is_told(told: Told) -> None:
    assert len(EXPRESSIONS) > 40
    assert {expression: faults for expression in EXPRESSIONS if (faults := told.faults(expression))} == {}


@pytest.mark.parametrize(
    ("expression", "fault"),
    [
        ("sum(rate(switchboard_turn_total[5m])) > 1", "switchboard_turn_total"),
        ('max(switchboard_overdue_seconds{sort="turns"})', "sort"),
        ("sum by (bot) (rate(switchboard_turns_total{state=\"done\"}[$__rate_interval])) / 60", "bot"),
        ("histogram_quantile(0.95, sum by (le) (rate(switchboard_turn_seconds_buckets[5m])))",
         "switchboard_turn_seconds_buckets"),
        ("up == 0 or absent(process_memory_bytes)", "process_memory_bytes"),
    ],
)  # fmt: skip
def test_a_name_that_does_not_exist_is_found(told: Told, expression: str, fault: str) -> None:
    assert told.faults(expression) == [fault]


def test_the_numbers_are_those_of_what_happened(told: Told) -> None:
    def value(metric: str, **labels: str) -> float:
        samples = [sample for family in told.families.values() for sample in family.samples if sample.name == metric]
        return sum(sample.value for sample in samples if labels.items() <= sample.labels.items())

    assert value("switchboard_turns_total", state="done", platform="api", model="demo/demo") == 2
    assert value("switchboard_turns_total", state="failed", model="openai/fake-small") == 1
    assert value("switchboard_turns_total", state="done", platform="webhook", channel="hook", model="none") == 1
    assert value("switchboard_model_calls_total", model="demo/demo", error="") == 3  # one asked for a tool
    assert value("switchboard_provider_errors_total", provider="openai", error="bad_key") == 1
    assert value("switchboard_unpriced_calls_total", bot="broken", model="openai/fake-small") == 2
    assert value("switchboard_tokens_total", model="openai/fake-small", kind="input") == 12
    assert value("switchboard_turn_seconds_count", model="demo/demo") == 2
    assert value("switchboard_first_token_seconds_count", model="demo/demo") == 3
    assert value("switchboard_deliveries_total", state="sent", channel="hook") == 1
    assert value("switchboard_webhooks_total", outcome="refused") == 1
    assert value("switchboard_needs_a_person", owner="waiting") == 1
    assert 0 < value("switchboard_longest_wait_seconds") < 60
    assert value("switchboard_open_sockets", kind="chat") == 1
    assert value("switchboard_listeners", platform="telegram", state="listening") == 1
    assert value("switchboard_database_up") == 1


def test_the_docs_list_every_metric_of_ours_with_its_labels(told: Told) -> None:
    rows = re.findall(
        r"^\| `(switchboard_\w+)` \| (\w+)[^|]* \|([^|]*)\|", (ROOT / "docs/metrics.md").read_text(), re.MULTILINE
    )
    documented = {name: (kind, set(labels.replace(" ", "").split(",")) - {""}) for name, kind, labels in rows}
    found = {}
    for family in told.families.values():
        if family.name.startswith("switchboard_"):
            name = f"{family.name}_total" if family.type == "counter" else family.name
            told_of = set().union(*(sample.labels for sample in family.samples)) - {"le"}
            found[name] = (family.type, told_of or DECLARED.get(family.name, set()))
    assert documented == found


def test_each_alert_says_what_it_is_and_what_to_do() -> None:
    headings = re.findall(r"^## (\w+)$", (ROOT / "docs/alerts.md").read_text(), re.MULTILINE)
    assert [rule["alert"] for rule in ALERTS] == headings
    for rule in ALERTS:
        assert rule["annotations"]["runbook"] == f"docs/alerts.md#{rule['alert'].lower()}"
        assert rule["annotations"]["summary"].endswith(".")
        assert rule["labels"]["severity"] in {"critical", "warning", "info"}
        assert re.fullmatch(r"\d+m", rule["for"])


def test_what_an_alert_tells_of_is_there() -> None:
    for rule in ALERTS:
        named = set(re.findall(r"\$labels\.(\w+)", rule["annotations"]["summary"]))
        assert named <= promql.labels(rule["expr"]) | {"instance"}, rule["alert"]


def test_the_dashboard_has_its_rows_and_loads_anywhere() -> None:
    rows = [panel["title"] for panel in DASHBOARD["panels"] if panel["type"] == "row"]
    assert rows == ["Customers", "Speed", "Money", "Engine", "Processes"]
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(ids) == len(set(ids))
    (source,) = DASHBOARD["templating"]["list"]
    assert (source["type"], source["query"]) == ("datasource", "prometheus")
    for panel in PANELS:
        assert panel["description"], panel["title"]
        sources: list[Any] = [panel["datasource"], *(target["datasource"] for target in panel["targets"])]
        assert {each["uid"] for each in sources} == {"${" + source["name"] + "}"}
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24


def test_legends_name_labels_that_are_there(told: Told) -> None:
    for target in (target for panel in PANELS for target in panel["targets"]):
        named = set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]))
        known = promql.labels(target["expr"]) | promql.SCRAPED
        assert named <= known, target["expr"]
