"""Bots, channels, flags and models over REST: read with `read`, changed with `manage`, in one's own workspace."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from bots.models import AIModel, AIProvider, Bot, ModelPrice, PromptVersion
from bots.models.provider import Source
from channels_integrations.base import adapters
from channels_integrations.models import ChannelConfig, FeatureFlag, FlagChange, config_of
from channels_integrations.setup import setup_of
from tests.conversations.api.conftest import Program

pytestmark = pytest.mark.django_db(transaction=True)
SECRET = "whsec_" + base64.b64encode(b"canary" * 6).decode()
BOT = {"slug": "shop", "name": "Shop", "prompt": "You sell bicycles.", "model": "demo/brief", "tools": ["calculate"]}
HOOK = {"bot": "demo", "kind": "webhook", "slug": "hook", "name": "Hook"}


def errors(answer: Any, status: int = 400) -> dict[str, Any]:
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json"), answer.text
    found: dict[str, Any] = answer.json()["errors"]
    return found


def test_a_bot_is_made_read_changed_and_archived(manager: Any) -> None:
    made = manager.post("/api/v1/bots/", json={**BOT, "parameters": {"temperature": 0.2}, "suggestions": ["Open?"]})
    assert made.status_code == 201, made.text
    body = made.json()
    assert {name: body[name] for name in BOT} == BOT
    assert (body["prompt_version"], body["is_active"], body["parameters"]) == (1, True, {"temperature": 0.2})
    url = f"/api/v1/bots/{body['id']}/"
    assert manager.get(url).json() == manager.get("/api/v1/bots/shop/").json() == body
    changed = manager.patch("/api/v1/bots/shop/", json={"prompt": "You mend bicycles.", "model": None, "tools": []})
    assert changed.status_code == 200, changed.text
    now = changed.json()
    assert (now["prompt"], now["prompt_version"], now["model"], now["tools"]) == ("You mend bicycles.", 2, None, [])
    assert (now["name"], now["suggestions"]) == ("Shop", ["Open?"])
    assert manager.patch(url, json={"prompt": "You mend bicycles."}).json()["prompt_version"] == 2
    assert manager.patch(url, json=now).json().keys() == now.keys()
    assert manager.delete(url).status_code == 204
    assert [call(url).status_code for call in (manager.get, manager.delete)] == [404, 404]
    assert Bot.objects.get(slug="shop").archived_at is not None
    assert "slug" in errors(manager.post("/api/v1/bots/", json=BOT))
    assert PromptVersion.objects.filter(bot__slug="shop").count() == 2


def test_a_changed_bot_is_in_force_at_once(manager: Any) -> None:
    channel = ChannelConfig.objects.get(slug="demo")
    assert setup_of(channel.pk).prompt.startswith("You are friendly")
    assert manager.patch("/api/v1/bots/demo/", json={"prompt": "Be brief."}).status_code == 200
    assert setup_of(channel.pk).prompt == "Be brief."


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"tools": ["calculate", "rm_rf"]}, "tools"), ({"model": "demo/none"}, "model"), ({"model": "demo"}, "model"),
        ({"slug": "a b"}, "slug"), ({"slug": "demo"}, "slug"), ({"name": ""}, "name"),
        ({"parameters": []}, "parameters"),
        ({"suggestions": "a"}, "suggestions"), ({"promt": "x"}, "promt"), ({"is_active": "perhaps"}, "is_active"),
        ({"workspace": "01910000-0000-7000-8000-000000000000"}, "workspace"), ({"prompt": "x" * 50_001}, "prompt"),
    ],
)  # fmt: skip
def test_a_fault_of_a_bot_names_its_field(manager: Any, wrong: dict[str, Any], field: str) -> None:
    assert list(errors(manager.post("/api/v1/bots/", json={**BOT, **wrong}))) == [field]
    assert Bot.objects.count() == 1


def test_an_unknown_tool_is_named(manager: Any) -> None:
    told = errors(manager.patch("/api/v1/bots/demo/", json={"tools": ["rm_rf"]}))["tools"][0]
    assert "rm_rf" in told and "calculate" in told


def test_numbers_that_no_store_takes_are_refused(manager: Any) -> None:
    for number in ("1e999", "-1e999", "NaN"):
        body = f'{{"slug": "s", "name": "n", "parameters": {{"x": {number}}}}}'
        answer = manager.post("/api/v1/bots/", content=body, headers={"Content-Type": "application/json"})
        assert answer.status_code == 400
    big = {"slug": "s", "name": "n", "parameters": {"x": 10**30}}
    assert manager.post("/api/v1/bots/", json=big, headers={"Idempotency-Key": "big"}).status_code == 201


def test_the_same_idempotency_key_makes_one_row(manager: Any, program: Program) -> None:
    for url, body in (
        ("/api/v1/bots/", BOT),
        ("/api/v1/channels/", {**HOOK, "config": {"secret": SECRET}}),
        ("/api/v1/flags/", {"name": "enable_tools", "value": False}),
    ):
        headers = {"Idempotency-Key": f"k{url}"}
        first, second = (manager.post(url, json=body, headers=headers) for _ in "ab")
        assert (first.status_code, first.json()) == (second.status_code, second.json()) == (201, first.json())
        assert manager.post(url, json={**body, "extra": 1}, headers=headers).status_code == 422
    assert manager.post("/api/v1/bots/", json=BOT, headers={"Idempotency-Key": "a b"}).status_code == 400
    other = program("manage").post("/api/v1/bots/", json=BOT, headers={"Idempotency-Key": "k/api/v1/bots/"})
    assert "slug" in errors(other)


def test_a_channels_secrets_are_taken_and_never_given_back(manager: Any) -> None:
    missing = errors(manager.post("/api/v1/channels/", json=HOOK))
    assert list(missing["config"]) == ["secret"]
    body = {**HOOK, "config": {"secret": SECRET, "url": "https://shop.example/replies"}, "default_model": "demo/brief"}
    made = manager.post("/api/v1/channels/", json=body)
    assert made.status_code == 201, made.text
    assert SECRET not in made.text
    assert (made.json()["config"], made.json()["secrets"]) == ({"url": body["config"]["url"]}, ["secret"])  # type: ignore[index]
    row = ChannelConfig.objects.get(slug="hook")
    assert config_of(row).secret.get_secret_value() == SECRET and SECRET not in str(row.config)
    url = f"/api/v1/channels/{row.pk}/"
    changed = manager.patch(url, json={"config": {"url": None}, "name": "Renamed", "is_active": False}).json()
    assert (changed["config"], changed["secrets"], changed["name"]) == ({}, ["secret"], "Renamed")
    refused = manager.patch(url, json={"config": {"secret": None}})
    assert list(errors(refused)["config"]) == ["secret"]
    assert list(errors(manager.patch(url, json={"config": {"sectret": SECRET}}))["config"]) == ["sectret"]
    short = manager.patch(url, json={"config": {"secret": "whsec_canary"}})
    assert list(errors(short)["config"]) == ["secret"] and "whsec_canary" not in short.text
    row.refresh_from_db()
    assert config_of(row).secret.get_secret_value() == SECRET
    assert all(SECRET not in manager.get(place).text for place in (url, "/api/v1/channels/"))
    assert manager.delete("/api/v1/channels/hook/").status_code == 204
    assert ChannelConfig.objects.get(slug="hook").archived_at is not None
    assert manager.get(url).status_code == 404


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"bot": "none"}, "bot"), ({"kind": "pigeon"}, "kind"), ({"slug": "demo"}, "slug"), ({"config": 5}, "config"),
        ({"config": {"accent": "blue"}}, "config"), ({"config": {"sites": [1]}}, "config"),
        ({"default_model": "own/large"}, "default_model"), ({"workspace_id": "x"}, "workspace_id"),
    ],
)  # fmt: skip
def test_a_fault_of_a_channel_names_its_field(manager: Any, wrong: dict[str, Any], field: str) -> None:
    body = {"bot": "demo", "kind": "webchat", "slug": "second", "name": "Second"}
    assert list(errors(manager.post("/api/v1/channels/", json={**body, **wrong}))) == [field]
    assert manager.post("/api/v1/channels/", json=body).status_code == 201


def test_a_channel_stays_on_its_platform(manager: Any) -> None:
    assert "kind" in errors(manager.patch("/api/v1/channels/demo/", json={"kind": "webhook"}))
    assert manager.patch("/api/v1/channels/demo/", json={"kind": "webchat", "prompt": "Be kind."}).status_code == 200


def test_a_channel_whose_platform_is_gone_can_be_read_and_archived(manager: Any) -> None:
    ChannelConfig.objects.filter(slug="demo").update(kind="pigeon", config={"ring": "gold"})
    shown = manager.get("/api/v1/channels/demo/").json()
    assert (shown["kind"], shown["config"], shown["secrets"]) == ("pigeon", {}, [])
    assert "kind" in errors(manager.patch("/api/v1/channels/demo/", json={"config": {}}))
    assert manager.delete("/api/v1/channels/demo/").status_code == 204


def test_a_platforms_check_may_stumble_over_a_type(manager: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def stumble(*_: Any, **__: Any) -> None:
        raise AttributeError("'int' object has no attribute 'strip'")

    monkeypatch.setattr(adapters["webchat"].Config, "model_validate", stumble)
    assert list(errors(manager.patch("/api/v1/channels/demo/", json={"config": {"sites": [1]}}))) == ["config"]


def test_options_tell_what_may_be_written(manager: Any) -> None:
    for noun in ("bots", "channels", "flags", "models", "bots/demo", "channels/demo"):
        assert manager.options(f"/api/v1/{noun}/").status_code == 200


def test_a_flag_is_set_changed_and_taken_away(manager: Any) -> None:
    channel = ChannelConfig.objects.get(slug="demo")
    wide = manager.post("/api/v1/flags/", json={"name": "max_conversation_length", "value": 7})
    assert wide.status_code == 201, wide.text
    here = manager.post("/api/v1/flags/", json={"name": "enable_tools", "value": False, "channel": "demo"}).json()
    assert (wide.json()["channel"], here["channel"], here["value"]) == (None, "demo", False)
    flags = setup_of(channel.pk).flags
    assert (flags["max_conversation_length"], flags["enable_tools"]) == (7, False)
    url = f"/api/v1/flags/{wide.json()['id']}/"
    assert manager.patch(url, json={"value": 9}).json()["value"] == 9
    assert setup_of(channel.pk).flags["max_conversation_length"] == 9
    for wrong, field in (
        ({"value": "9"}, "value"), ({"value": True}, "value"), ({"value": -1}, "value"), ({"value": 10**30}, "value"),
        ({"value": 1.5}, "value"), ({"value": None}, "value"), ({"channel": "demo"}, "channel"),
        ({"name": "enable_tools"}, "name"),
    ):  # fmt: skip
        assert list(errors(manager.patch(url, json=wrong))) == [field]
    again = manager.post("/api/v1/flags/", json={"name": "max_conversation_length", "value": 8})
    assert list(errors(again)) == ["name"]
    assert list(errors(manager.post("/api/v1/flags/", json={"name": "nope", "value": 1}))) == ["name"]
    assert manager.delete(url).status_code == 204
    assert setup_of(channel.pk).flags["max_conversation_length"] == 100
    assert [flag["name"] for flag in manager.get("/api/v1/flags/").json()["results"]] == ["enable_tools"]


def test_who_changed_a_flag_is_known(manager: Any) -> None:
    made = manager.post("/api/v1/flags/", json={"name": "max_conversation_length", "value": 7}).json()
    url = f"/api/v1/flags/{made['id']}/"
    for value in (9, 9):
        manager.patch(url, json={"value": value})
    assert manager.patch(url, json={"value": 0}).status_code == 400
    manager.delete(url)
    changes = list(FlagChange.objects.order_by("id").values_list("was", "became", "by"))
    assert changes == [(None, "7", "API key p"), ("7", "9", "API key p"), ("9", None, "API key p")]


def test_a_channel_takes_a_break(manager: Any) -> None:
    channel, url = ChannelConfig.objects.get(slug="demo"), "/api/v1/channels/demo/"
    assert manager.get(url).json()["is_paused"] is False
    paused = manager.patch(url, json={"is_paused": True, "pause_message": "Back soon."}).json()
    assert (paused["is_paused"], paused["pause_message"]) == (True, "Back soon.")
    assert (setup_of(channel.pk).paused, setup_of(channel.pk).pause_message) == (True, "Back soon.")
    since = ChannelConfig.objects.get(slug="demo").paused_at
    manager.patch(url, json={"is_paused": True})
    assert ChannelConfig.objects.get(slug="demo").paused_at == since
    assert manager.patch(url, json={"is_paused": False}).json()["is_paused"] is False
    assert list(errors(manager.patch(url, json={"pause_message": "x" * 1001}))) == ["pause_message"]


def test_a_model_tells_what_it_can_and_costs(manager: Any, program: Program) -> None:
    AIModel.objects.filter(name="demo").update(source=Source.ENVIRONMENT)
    own = AIModel.objects.create(provider=AIProvider.objects.create(slug="own", name="Own"), name="org/large")
    ModelPrice.objects.create(model=own, input_nanodollars=2_500_000_000, output_nanodollars=10_000_000_000)
    AIModel.objects.create(provider=own.provider, name="new", source=Source.ADMIN)
    listed = {row["id"]: row for row in manager.get("/api/v1/models/").json()["results"]}
    assert set(listed) == {"demo/demo", "demo/brief", "own/org/large", "own/new"}
    assert listed["own/new"]["price"] is None  # unknown, which is not zero
    assert (listed["demo/demo"]["price"]["input_usd"], listed["demo/demo"]["source"]) == ("0", "environment")
    row = listed["own/org/large"]
    assert (row["price"]["input_usd"], row["price"]["output_usd"]) == ("2.5", "10")
    assert row["abilities"] == {"tools": True, "images": False, "reasoning": False}
    assert (row["provider"], row["context_window"], row["shutdown_date"]) == ("own", 32_000, None)
    change = {"label": "Large", "is_active": False, "parameters": {"temperature": 0}}
    changed = manager.patch("/api/v1/models/own/org/large/", json=change)
    assert changed.status_code == 200, changed.text
    assert {name: changed.json()[name] for name in change} == change
    assert manager.get(f"/api/v1/models/{own.pk}/").json()["name"] == "Large"
    assert program("read").get("/api/v1/models/own/org/large/").status_code == 404
    refused = manager.patch("/api/v1/models/demo/demo/", json={"label": "Mine"})
    assert (refused.status_code, refused.json()["code"]) == (409, "read_only")
    assert "environment" in refused.json()["detail"]
    assert manager.delete("/api/v1/models/own/org/large/").status_code == 405


def test_scopes_open_what_they_name(program: Program) -> None:
    reader, chatter, manager = program("read"), program("chat"), program("manage")
    for noun in ("bots", "channels", "flags", "models"):
        assert reader.get(f"/api/v1/{noun}/").status_code == manager.get(f"/api/v1/{noun}/").status_code == 200
        if noun != "models":
            assert reader.post(f"/api/v1/{noun}/", json={}).status_code == 403
        assert reader.patch(f"/api/v1/{noun}/x/", json={}).status_code == 403
        assert reader.delete(f"/api/v1/{noun}/x/").status_code in (403, 405)
    assert [chatter.get(f"/api/v1/{noun}/").status_code for noun in ("channels", "flags")] == [403, 403]
    assert set(chatter.get("/api/v1/bots/").json()["results"][0]) == {
        "slug", "name", "description", "greeting", "suggestions",
    }  # fmt: skip
    assert set(chatter.get("/api/v1/models/").json()["results"][0]) == {"id", "name"}
    Bot.objects.update(is_active=False)
    assert [len(who.get("/api/v1/bots/").json()["results"]) for who in (reader, manager)] == [0, 1]


def test_lists_are_paged(manager: Any) -> None:
    for number in range(5):
        assert manager.post("/api/v1/bots/", json={"slug": f"b{number}", "name": "B"}).status_code == 201
    seen, url = [], "/api/v1/bots/?limit=2"
    while url:
        page = manager.get(url).json()
        seen += [row["slug"] for row in page["results"]]
        url = page["next"]
    assert seen == ["b4", "b3", "b2", "b1", "b0", "demo"]


def test_another_workspaces_rows_are_not_there(manager: Any, theirs: ChannelConfig) -> None:
    flag = FeatureFlag.objects.create(workspace=theirs.workspace, name="enable_tools", value="true")
    places = (
        f"bots/{theirs.bot_id}", f"channels/{theirs.pk}", "channels/theirs", f"flags/{flag.pk}",
        f"models/{theirs.bot.model_id}", "models/own/large",
    )  # fmt: skip
    for place in places:
        url = f"/api/v1/{place}/"
        assert manager.get(url).status_code == manager.patch(url, json={"name": "Mine"}).status_code == 404, place
        assert manager.delete(url).status_code in (404, 405), place
    for noun in ("bots", "channels", "flags", "models"):
        assert "heirs" not in manager.get(f"/api/v1/{noun}/").text
    assert manager.get("/api/v1/bots/demo/").json()["name"] == "Demo"
    assert "model" in errors(manager.patch("/api/v1/bots/demo/", json={"model": "own/large"}))
    assert "channel" in errors(
        manager.post("/api/v1/flags/", json={"name": "enable_tools", "value": True, "channel": "theirs"})
    )
    assert "workspace" in errors(manager.post("/api/v1/bots/", json={**BOT, "workspace": str(theirs.workspace_id)}))
    shared = AIModel.objects.get(name="brief")
    refused = manager.patch(f"/api/v1/models/{shared.pk}/", json={"label": "Mine"})
    assert (refused.status_code, refused.json()["code"]) == (403, "permission_denied")


def test_a_key_limited_to_some_bots_keeps_to_them(manager: Any, program: Program) -> None:
    manager.post("/api/v1/bots/", json=BOT)
    manager.post("/api/v1/channels/", json={"bot": "shop", "kind": "webchat", "slug": "shop", "name": "Shop"})
    hidden = manager.post("/api/v1/flags/", json={"name": "enable_tools", "value": True}).json()
    manager.post("/api/v1/flags/", json={"name": "enable_tools", "value": True, "channel": "demo"})
    limited = program("read", "manage", bots=[Bot.objects.get(slug="shop")])
    listed = {noun: limited.get(f"/api/v1/{noun}/").json()["results"] for noun in ("bots", "channels", "flags")}
    assert [[row.get("slug") for row in rows] for rows in listed.values()] == [["shop"], ["shop"], []]
    for place in ("bots/demo", "channels/demo", f"flags/{hidden['id']}"):
        assert limited.patch(f"/api/v1/{place}/", json={}).status_code == 404
    assert limited.patch("/api/v1/bots/shop/", json={"greeting": "Hi"}).status_code == 200
    assert limited.post("/api/v1/bots/", json={**BOT, "slug": "third"}).status_code == 403
    assert limited.post("/api/v1/flags/", json={"name": "enable_commands", "value": True}).status_code == 403
    assert limited.patch("/api/v1/models/demo/brief/", json={"label": "Mine"}).status_code == 403
    own = {"name": "enable_commands", "value": True, "channel": "shop"}
    assert limited.post("/api/v1/flags/", json=own).status_code == 201
    assert "channel" in errors(limited.post("/api/v1/flags/", json={**own, "channel": "demo"}))
    assert "bot" in errors(limited.post("/api/v1/channels/", json={**HOOK, "config": {"secret": SECRET}}))
    assert "bot" in errors(limited.patch("/api/v1/channels/shop/", json={"bot": "demo"}))
