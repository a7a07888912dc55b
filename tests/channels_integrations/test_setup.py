"""What is remembered of a channel."""

from __future__ import annotations

import pytest

from bots import remember
from bots.models import Bot
from channels_integrations.setup import Setup, public_setup
from tests.conversations.conftest import demo, nothing_remembered

__all__ = ["demo", "nothing_remembered"]
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.embedded]


def test_what_is_found_by_its_address_is_no_older_than_the_rest(demo: Setup) -> None:
    assert public_setup("demo", "webchat") == demo
    Bot.objects.update(greeting="Which bicycle?")
    for cache in remember._caches:
        cache.pop(((demo.channel_id,), ()), None)  # what is known by the channel's id has run out, and nothing else
    found = public_setup("demo", "webchat")
    assert found is not None and found.greeting == "Which bicycle?"
    assert public_setup("demo", "webhook") is None
