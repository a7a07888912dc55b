"""Tokens for staff: given for a password, short, renewed once each, signed with one algorithm."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import httpx2
import jwt
import pytest
from django.conf import settings
from django.contrib import admin
from django.contrib.auth import get_user_model
from django.core.cache import cache
from rest_framework_simplejwt.token_blacklist.models import OutstandingToken

from bots.models import Membership, Workspace
from channels_integrations.models import ChannelConfig
from tests.conversations.api.conftest import Program

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.embedded]
PASSWORD = "a long password"
TOKEN = "/api/v1/auth/token/"
Role = Membership.Role


def staff(name: str, *roles: tuple[Workspace, str], **more: Any) -> Any:
    user = get_user_model().objects.create_user(name, password=PASSWORD, **{"is_staff": True, **more})
    for workspace, role in roles:
        user.memberships.create(workspace=workspace, role=role)
    return user


def pair(address: str, name: str, password: str = PASSWORD) -> httpx2.Response:
    return httpx2.post(f"{address}{TOKEN}", json={"username": name, "password": password}, timeout=20)


@dataclass
class Staff:
    """Calls with a token."""

    address: str
    token: str

    def call(self, method: str, path: str, **more: Any) -> httpx2.Response:
        headers = {"Authorization": f"Bearer {self.token}"}
        return httpx2.request(method, f"{self.address}{path}", headers=headers, timeout=20, **more)

    def get(self, path: str) -> httpx2.Response:
        return self.call("GET", path)

    def post(self, path: str, json: Any) -> httpx2.Response:
        return self.call("POST", path, json=json)

    def patch(self, path: str, json: Any) -> httpx2.Response:
        return self.call("PATCH", path, json=json)

    def delete(self, path: str) -> httpx2.Response:
        return self.call("DELETE", path)


def entered(address: str, name: str) -> Staff:
    return Staff(address, pair(address, name).json()["access"])


def test_a_password_brings_a_pair_that_opens_reading_and_managing(address: str) -> None:
    staff("ada", (Workspace.default(), Role.ADMINISTRATOR))
    tokens = pair(address, "ada").json()
    ends = {kind: jwt.decode(text, options={"verify_signature": False})["exp"] for kind, text in tokens.items()}
    assert 14 * 60 < ends["access"] - time.time() < 15 * 60 + 5
    assert 23 * 3600 < ends["refresh"] - time.time() < 24 * 3600 + 5
    client = Staff(address, tokens["access"])
    for noun in ("bots", "channels", "flags", "models", "conversations"):
        assert client.get(f"/api/v1/{noun}/").status_code == 200, noun
    made = client.post("/api/v1/bots/", json={"slug": "shop", "name": "Shop", "prompt": "Sell."})
    assert made.status_code == 201, made.text
    assert client.patch("/api/v1/bots/shop/", json={"prompt": "Mend."}).json()["prompt_version"] == 2
    assert client.delete("/api/v1/bots/shop/").status_code == 204
    body = {"message": "hello", "session": {"user_id": "u"}, "bot": "demo"}
    assert client.post("/api/v1/chat/", json=body).status_code == 403
    assert Staff(address, tokens["refresh"]).get("/api/v1/bots/").status_code == 401


def test_roles_say_what_a_token_opens(address: str, theirs: ChannelConfig) -> None:
    ours = Workspace.default()
    staff("operator", (ours, Role.OPERATOR))
    staff("both", (ours, Role.ADMINISTRATOR), (theirs.workspace, Role.ANALYST))
    staff("root", is_superuser=True)
    operator, both, root = (entered(address, name) for name in ("operator", "both", "root"))
    assert [row["name"] for row in operator.get("/api/v1/bots/").json()["results"]] == ["Demo"]
    assert operator.get("/api/v1/flags/").status_code == 403
    assert operator.patch("/api/v1/bots/demo/", json={"name": "Mine"}).status_code == 403
    assert operator.get(f"/api/v1/bots/{theirs.bot_id}/").status_code == 404
    assert len(both.get("/api/v1/bots/").json()["results"]) == 2
    assert both.get("/api/v1/bots/demo/").status_code == 409  # each workspace has one
    their_bot = f"/api/v1/bots/{theirs.bot_id}/"
    assert both.patch(their_bot, json={"name": "Mine"}).status_code == 403
    theirs.workspace.flags.create(name="enable_tools", value="true")
    assert both.get("/api/v1/flags/").json()["results"] == []  # no flags for analysts
    assert both.post("/api/v1/bots/", json={"slug": "s", "name": "S"}).json()["workspace"] == str(ours.pk)
    assert root.patch(their_bot, json={"name": "Root's"}).status_code == 200
    assert "workspace" in root.post("/api/v1/bots/", json={"slug": "r", "name": "R"}).json()["errors"]
    there = root.post("/api/v1/bots/", json={"slug": "r", "name": "R", "workspace": str(theirs.workspace_id)})
    assert there.status_code == 201
    assert root.patch("/api/v1/models/demo/brief/", json={"label": "Short"}).status_code == 200


def test_who_is_no_staff_gets_no_token(address: str) -> None:
    staff("ada", (Workspace.default(), Role.OPERATOR))
    staff("customer", (Workspace.default(), Role.OPERATOR), is_staff=False)
    staff("gone", (Workspace.default(), Role.OPERATOR), is_active=False)
    staff("idle")
    refused = [pair(address, "ada", "wrong"), *(pair(address, name) for name in ("customer", "gone", "idle", "nobody"))]
    assert [answer.status_code for answer in refused] == [401] * 5
    assert len({answer.text for answer in refused}) == 1  # nothing tells them apart
    assert refused[0].headers["www-authenticate"].startswith("Bearer")
    assert refused[0].headers["content-type"] == "application/problem+json"
    for body in ({}, {"username": "ada"}, {"username": ["a"], "password": {}}, {"username": "ada", "password": ""}):
        assert httpx2.post(f"{address}{TOKEN}", json=body).status_code == 400


def test_tries_are_counted_by_account(address: str) -> None:
    staff("ada", (Workspace.default(), Role.OPERATOR))
    answers = [pair(address, name, "wrong") for name in ("ada", "ADA") * 6]
    assert [answer.status_code for answer in answers] == [401] * 10 + [429] * 2
    assert int(answers[-1].headers["retry-after"]) > 0
    assert pair(address, "ada").status_code == 429
    assert pair(address, "other", "wrong").status_code == 401
    forged = {"X-Forwarded-For": "10.1.2.3"}
    answer = httpx2.post(f"{address}{TOKEN}", json={"username": "ada", "password": "x"}, headers=forged)
    assert answer.status_code == 429
    cache.clear()
    assert pair(address, "ada").status_code == 200


def test_a_refresh_token_is_good_once(address: str) -> None:
    staff("ada", (Workspace.default(), Role.OPERATOR))
    first = pair(address, "ada").json()
    url = f"{address}{TOKEN}refresh/"
    second = httpx2.post(url, json={"refresh": first["refresh"]})
    assert second.status_code == 200
    assert Staff(address, second.json()["access"]).get("/api/v1/bots/").status_code == 200
    again = httpx2.post(url, json={"refresh": first["refresh"]})
    assert (again.status_code, again.headers["content-type"]) == (401, "application/problem+json")
    assert httpx2.post(url, json={"refresh": second.json()["refresh"]}).status_code == 200
    for bad in (first["access"], "x", "a.b.c", "x" * 1_999):
        assert httpx2.post(url, json={"refresh": bad}).status_code == 401
    assert {row.token for row in OutstandingToken.objects.all()} == {""}


def test_a_token_ends_with_the_account_and_its_password(address: str) -> None:
    user = staff("ada", (Workspace.default(), Role.OPERATOR))
    tokens = pair(address, "ada").json()
    client = Staff(address, tokens["access"])

    def status() -> list[int]:
        renewed = httpx2.post(f"{address}{TOKEN}refresh/", json={"refresh": tokens["refresh"]})
        return [client.get("/api/v1/bots/").status_code, renewed.status_code]

    for change, opened in (({"is_staff": False}, 403), ({"is_active": False}, 401)):
        get_user_model().objects.filter(pk=user.pk).update(**change)
        assert status() == [opened, 401]
        get_user_model().objects.filter(pk=user.pk).update(is_staff=True, is_active=True)
    tokens = pair(address, "ada").json()
    client = Staff(address, tokens["access"])
    assert client.get("/api/v1/bots/").status_code == 200
    user.set_password("another password")
    user.save()
    assert status() == [401, 401]
    user.delete()
    assert status() == [401, 401]


def test_only_our_algorithm_and_our_signature_count(address: str) -> None:
    user = staff("ada", (Workspace.default(), Role.OPERATOR))
    good = pair(address, "ada").json()["access"]
    claims = jwt.decode(good, settings.SECRET_KEY, algorithms=["HS256"])
    forged = [
        jwt.encode(claims, "", algorithm="none"),
        jwt.encode(claims, settings.SECRET_KEY * 2, algorithm="HS512"),
        jwt.encode(claims, settings.SECRET_KEY, algorithm="HS384"),
        jwt.encode(claims, "x" * 64, algorithm="HS256"),
        jwt.encode({**claims, "exp": time.time() - 1}, settings.SECRET_KEY, algorithm="HS256"),
        jwt.encode({"user_id": str(user.pk)}, settings.SECRET_KEY, algorithm="HS256"),
        good[:-2], good + "x", good.replace(".", "..", 1), "a.b.c", "." * 2, "x" * 3_000 + "..",
    ]  # fmt: skip
    for text in forged:
        answer = Staff(address, text).get("/api/v1/bots/")
        assert (answer.status_code, answer.headers["content-type"]) == (401, "application/problem+json"), text
    assert Staff(address, good).get("/api/v1/bots/").status_code == 200


def test_keys_and_tokens_stand_side_by_side_and_no_page_shows_tokens(address: str, program: Program) -> None:
    assert program("read").get("/api/v1/bots/").status_code == 200
    assert not [model for model in admin.site._registry if model._meta.app_label == "token_blacklist"]
