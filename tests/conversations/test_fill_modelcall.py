"""Calls of before the reports' own columns are given them, batch after batch."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import pytest
from django.apps import apps

from conversations.models import ModelCall, Turn
from tests.conversations.admin.conftest import Shop

pytestmark = [pytest.mark.django_db, pytest.mark.embedded]


def test_older_calls_name_their_conversation_bot_and_channel(monkeypatch: pytest.MonkeyPatch) -> None:
    shop, other = Shop(), Shop("other")
    talks = [shop.talk("a", "b", "c", "d"), shop.talk("a", metadata={"test": True}), other.talk("a")]
    for turn in Turn.objects.all():
        shop.call(turn, 1)
    ModelCall.objects.update(conversation=None, bot=None, channel=None, is_test=False)
    migration: Any = import_module("conversations.migrations.0009_fill_modelcall")
    monkeypatch.setattr(migration, "BATCH", 2)
    migration.fill(apps, None)
    told = set(ModelCall.objects.values_list("conversation", "bot", "channel", "is_test"))
    assert told == {(talk.pk, talk.bot_id, talk.channel_id, talk.is_test) for talk in talks}


def test_a_stored_call_names_them_at_once() -> None:
    talk = Shop().talk("a", metadata={"test": True})
    call = Shop("other").call(Turn.objects.get(), 1)
    assert (call.conversation, call.bot, call.channel, call.is_test) == (talk, talk.bot, talk.channel, True)
