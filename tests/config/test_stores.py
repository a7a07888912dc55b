"""What the stores are told when we connect."""

from __future__ import annotations

import pytest
from django.db import connection

pytestmark = pytest.mark.django_db


def test_a_transaction_that_its_process_fell_asleep_in_ends_by_itself() -> None:
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has one process")
    with connection.cursor() as cursor:
        cursor.execute("SHOW idle_in_transaction_session_timeout")
        assert cursor.fetchone() == ("15s",)
