"""A report may not keep the database busy for ever."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.db import OperationalError, ProgrammingError, connection, transaction
from django.test import Client

from analytics import patience
from tests.analytics.conftest import Place

postgresql = pytest.mark.skipif("connection.vendor != 'postgresql'", reason="SQLite knows no such limit")


@contextmanager
def locked(table: str) -> Iterator[None]:
    """While this holds nobody can read the table."""
    held, done = threading.Event(), threading.Event()

    def hold() -> None:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
            held.set()
            done.wait(20)
        connection.close()

    thread = threading.Thread(target=hold)
    thread.start()
    assert held.wait(10)
    try:
        yield
    finally:
        done.set()
        thread.join()


@postgresql
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("path", ["", "day.csv", "conversations/", "conversations.csv"])
def test_what_takes_too_long_is_told_in_a_sentence(
    shop: Place, staff: Client, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    monkeypatch.setattr(patience, "MILLISECONDS", 100)
    with locked("conversations_modelcall"):
        page = staff.get(f"/analytics/{path}")
    assert page.status_code == 503
    assert b"This report took too long and was stopped." in page.content
    assert staff.get(f"/analytics/{path}").status_code == 200


@postgresql
@pytest.mark.django_db(transaction=True)
def test_the_limit_ends_with_the_report() -> None:
    with connection.cursor() as cursor:
        with patience.limited():
            cursor.execute("SHOW statement_timeout")
            assert cursor.fetchone() == ("20s",)
        cursor.execute("SHOW statement_timeout")
        assert cursor.fetchone() == ("0",)


@pytest.mark.django_db(transaction=True)
@pytest.mark.embedded
def test_another_fault_is_not_called_slowness() -> None:
    with pytest.raises((OperationalError, ProgrammingError)), patience.limited(), connection.cursor() as cursor:
        cursor.execute("SELECT * FROM no_such_table")
