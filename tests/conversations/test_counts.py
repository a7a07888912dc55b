"""What a turn costs, in counts: statements, transactions, frames, bytes. Times are not the same everywhere, these are.

A figure that grows here is paid for in every turn of everybody. `make bench` has the times.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created

from bots import threads
from bots.models import AIModel, AIProvider
from bots.remember import forget
from channels_integrations.setup import Setup
from conversations.runner import runner
from tests.conversations.socket_client import Client, clients
from tests.fakes.model_server import ModelServer, Reply, chunk, event

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.embedded]

WORDS = [f"word{number} " for number in range(20)]
USAGE = {"choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": 20}}
AT_ONCE = b"".join(
    (*(chunk({"content": word}) for word in WORDS), chunk({}, "stop"), event(USAGE), b"data: [DONE]\n\n")
)
EDGES = {"BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT", "RELEASE"}


class Asked:
    """What all threads' connections were asked."""

    def __init__(self) -> None:
        self.connections: set[BaseDatabaseWrapper] = set()

    def note(self, connection: BaseDatabaseWrapper, **_: Any) -> None:
        connection.force_debug_cursor = True
        self.connections.add(connection)

    def take(self) -> list[str]:
        """The statements since the last time."""
        found = [str(query["sql"]).lstrip() for each in self.connections for query in tuple(each.queries_log)]
        for each in self.connections:
            each.queries_log.clear()
        return [sql for sql in found if sql]


@pytest.fixture
def asked() -> Iterator[Asked]:
    log = Asked()
    threads.shutdown()  # so that each thread's connection is a new one
    connection_created.connect(log.note)
    yield log
    connection_created.disconnect(log.note)
    for each in log.connections:
        each.force_debug_cursor = False


@pytest.fixture
def model(demo: Setup, settings: Any) -> Iterator[ModelServer]:
    """A model that says twenty words in one write."""
    with ModelServer() as server:
        provider = AIProvider.objects.create(slug="fake", name="Fake", base_url=server.base_url)
        AIModel.objects.create(provider=provider, name="quick")
        settings.DEFAULT_MODEL = "fake/quick"
        forget()
        server.script(*(Reply(raw=[AT_ONCE], finish=None, usage=None, done=False) for _ in range(4)))
        yield server


async def turns(one: Client, asked: Asked) -> list[tuple[int, int, list[dict[str, Any]]]]:
    """(statements, transactions, frames) of three turns, after one that fills the caches."""
    found = []
    await one.ask("hello")
    for _ in range(3):
        asked.take()
        one.frames.clear()
        assert await one.ask("where is my parcel?") == "".join(WORDS).strip()
        statements = asked.take()
        work = [sql for sql in statements if sql.split()[0] not in EDGES]
        found.append((len(work), statements.count("COMMIT"), list(one.frames)))
    return found


async def test_a_turn_on_a_socket_takes_no_more_than_it_did(demo: Setup, model: ModelServer, asked: Asked) -> None:
    async with clients() as client:
        found = await turns(await client().hello(), asked)
    # The smallest of three: what sweeps and polls beside a turn only ever adds.
    statements, commits = (2, 0) if connection.vendor == "postgresql" else (10, 2)  # there each is a transaction
    assert min(asked_for for asked_for, *_ in found) <= statements
    assert min(ended for _, ended, _ in found) == commits
    kinds = [[frame["type"] for frame in frames] for *_, frames in found]
    assert ["ack", "start", "delta", "block", "message"] in kinds
    sizes = [sum(len(json.dumps(frame, separators=(",", ":"))) for frame in frames) for *_, frames in found]
    assert min(sizes) <= 1_400


async def test_what_this_process_told_is_not_asked_for_again(demo: Setup, model: ModelServer, asked: Asked) -> None:
    async with clients() as client:
        one = await client().hello()
        await one.ask("hello")
        await runner.hub.poll()
        await one.ask("where is my parcel?")
        asked.take()
        await runner.hub.poll()
        assert not [sql for sql in asked.take() if 'FROM "conversations_message"' in sql]
