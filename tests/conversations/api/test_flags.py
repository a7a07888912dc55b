"""Flags written by programs and by staff at the same time."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx2
import pytest
from django.contrib.auth import get_user_model
from django.db import connection

from bots.models import Workspace
from channels_integrations.models import FeatureFlag, FlagChange

pytestmark = pytest.mark.django_db(transaction=True)
LENGTH = "max_conversation_length"
LIST = "/api/v1/flags/"


def history() -> list[tuple[str | None, str | None]]:
    return list(FlagChange.objects.order_by("at").values_list("was", "became"))


def test_each_change_begins_where_the_one_before_ended(manager: httpx2.Client) -> None:
    url = f"{LIST}{manager.post(LIST, json={'name': LENGTH, 'value': 1}).json()['id']}/"
    workspace, grace = Workspace.default(), get_user_model().objects.create_user("grace")

    def put(value: int) -> int:
        try:
            FeatureFlag.objects.put(LENGTH, value, workspace_id=workspace.pk, channel_id=None, who=grace)
            return 200
        finally:
            connection.close()

    def patch(value: int) -> int:
        return manager.patch(url, json={"value": value}).status_code

    with ThreadPoolExecutor(4) as pool:
        asked = [pool.submit((put, patch)[value % 2], value) for value in range(2, 42)]
    assert {one.result() for one in asked} == {200}
    changes = dict(history())  # what each value became: all values are different
    chain: list[Any] = [None]
    while chain[-1] in changes:
        chain.append(changes.pop(chain[-1]))
    assert (len(chain), changes, chain[-1]) == (42, {}, FeatureFlag.objects.get().value)


def test_of_many_who_set_one_first_only_one_does(manager: httpx2.Client) -> None:
    with ThreadPoolExecutor(4) as pool:
        asked = [pool.submit(manager.post, LIST, json={"name": LENGTH, "value": value}) for value in range(1, 9)]
    answers = sorted(one.result().status_code for one in asked)
    assert answers == [201] + [400] * 7
    assert [was for was, _became in history()] == [None]
