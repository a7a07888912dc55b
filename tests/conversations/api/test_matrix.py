"""Every address of the product, as the URLconf has it: who is refused where. A new one without an entry here fails."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from django.urls import URLPattern, get_resolver

from bots.models import Workspace
from channels_integrations.models import ChannelConfig, FeatureFlag
from conversations.models import ChatUser, Conversation, Message, Person
from conversations.routing import websocket_urlpatterns
from tests.conversations.api.conftest import Program
from tests.conversations.api.test_tokens import entered, pair, staff

pytestmark = pytest.mark.django_db(transaction=True)
API = "api/v1/"
# Open to everybody, by design: what each shows is tested where it is.
PUBLIC = {
    "", "health", "ready", "metrics", "favicon.ico", "api/schema/", "api/docs/", "chat/<slug:slug>/",
    "chat/<slug:slug>/frame/", "chat/<slug:slug>/picture/", "webhooks/<slug:kind>/<uuid:channel_id>/",
    "api/v1/auth/token/", "api/v1/auth/token/refresh/",
}  # fmt: skip
# tests/config/test_roles.py and tests/analytics/test_access.py go through these.
STAFF = ("admin/", "analytics/")
LISTS = {f"{API}{noun}/" for noun in ("bots", "channels", "flags", "models", "conversations")}
DOORS = {f"{API}chat/", "v1/models", "v1/chat/completions"}  # what is asked for stands in the body
BODIES: dict[str, Any] = {
    f"{API}conversations/<uuid:pk>/messages/": {"message": "hello"},
    f"{API}messages/<uuid:pk>/feedback/": {"value": 1},
}
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


def routes() -> Iterator[str]:
    """Every address as a pattern; a place of staff pages once."""

    def walk(pattern: Any, before: str) -> Iterator[str]:
        here = before + str(pattern.pattern)
        if isinstance(pattern, URLPattern) or here in STAFF:
            yield here
        else:
            for inner in pattern.url_patterns:
                yield from walk(inner, here)

    for pattern in get_resolver().url_patterns:
        yield from walk(pattern, "")


@pytest.fixture
def others(theirs: ChannelConfig) -> dict[str, list[str]]:
    """What stands in another workspace, by the address it has there."""
    person = Person.objects.create(workspace=theirs.workspace, name="Ada")
    user = ChatUser.objects.create(channel=theirs, person=person, external_id="u")
    talk = Conversation.objects.create(
        workspace=theirs.workspace, channel=theirs, bot=theirs.bot, chat_id="u", chat_user=user
    )
    said = Message.objects.create(conversation=talk, channel=theirs, seq=1, role="assistant", text="canary")
    flag = FeatureFlag.objects.create(workspace=theirs.workspace, name="enable_tools", value="true")
    theirs.bot.slug = "unlike-ours"
    theirs.bot.save()
    names = {
        f"{API}bots/<str:name>/": [theirs.bot_id, "unlike-ours"],
        f"{API}channels/<str:name>/": [theirs.pk, theirs.slug],
        f"{API}flags/<str:name>/": [flag.pk],
        f"{API}models/<path:name>/": [theirs.bot.model_id, "own/large"],
        f"{API}conversations/<uuid:pk>/": [talk.pk],
        f"{API}conversations/<uuid:pk>/messages/": [talk.pk],
        f"{API}conversations/<uuid:pk>/end/": [talk.pk],
        f"{API}messages/<uuid:pk>/feedback/": [said.pk],
        "v1/models/<str:name>": ["unlike-ours"],
    }
    return {route: [_filled(route, str(name)) for name in found] for route, found in names.items()}


def _filled(route: str, name: str) -> str:
    before, _open, rest = route.partition("<")
    return f"/{before}{name}{rest.partition('>')[2]}"


def test_no_address_is_forgotten(others: dict[str, list[str]]) -> None:
    assert set(routes()) == PUBLIC | set(STAFF) | LISTS | DOORS | others.keys()
    assert [str(pattern.pattern) for pattern in websocket_urlpatterns] == ["ws/chat/<str:slug>/", "ws/staff/", ""]


def test_another_workspaces_object_is_not_there(program: Program, address: str, others: dict[str, list[str]]) -> None:
    staff("ada", (Workspace.default(), "administrator"))
    key, person = program("chat", "read", "manage"), entered(address, "ada")
    leaks = []
    for route, path, method in tries(others):
        body = {} if method in ("GET", "DELETE") else {"json": BODIES.get(route, {})}
        for answer, enough in (
            (key.request(method, path, **body), {404, 405}),
            (person.call(method, path, **body), {401, 403, 404, 405}),  # tokens do not open every door
        ):
            if answer.status_code not in enough or "canary" in answer.text:
                leaks.append((method, path, answer.status_code, answer.text))
    assert leaks == []
    assert not Message.objects.exclude(text="canary").exists()
    assert Conversation.objects.get().ended_at is None


def test_lists_keep_to_ones_own(program: Program, others: dict[str, list[str]]) -> None:
    key = program("chat", "read", "manage")
    known = {path.rstrip("/").rpartition("/")[2] for paths in others.values() for path in paths} - {"large"}
    for route in sorted(LISTS):
        answer = key.get(f"/{route}")
        assert answer.status_code == 200
        assert [name for name in known if f'"{name}"' in answer.text] == []


def test_without_a_scope_or_a_key_nothing_opens(program: Program, address: str, others: dict[str, list[str]]) -> None:
    everything = others | {route: [f"/{route}"] for route in LISTS | DOORS}
    nothing, leaks = program(), []
    with httpx2.Client(base_url=address, timeout=20) as nobody:
        for _route, path, method in tries(everything):
            for who, enough in ((nothing, {403, 404, 405}), (nobody, {401, 405})):
                answer = who.request(method, path)
                if answer.status_code not in enough:
                    leaks.append((method, path, answer.status_code, answer.text))
    assert leaks == []


def test_staff_without_a_role_get_no_token(address: str) -> None:
    staff("eve")
    assert pair(address, "eve").status_code == 401


def tries(places: dict[str, list[str]]) -> Iterator[tuple[str, str, str]]:
    """Every address with every method."""
    return ((route, path, method) for route, paths in places.items() for path in paths for method in METHODS)
