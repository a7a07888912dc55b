"""How long a question of staff may keep the database busy."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import OperationalError, connection, transaction

MILLISECONDS = 20_000  # of one statement
CANCELED = "57014"  # https://www.postgresql.org/docs/current/errcodes-appendix.html: query_canceled


class TooSlow(Exception):
    """The database took longer than it may; nothing was read."""


@contextmanager
def limited() -> Iterator[None]:
    """Statements in here end after 20 s. Raises TooSlow.

    On PostgreSQL only: SQLite knows no such limit, and a transaction there would keep its one writer out.
    """
    if connection.vendor != "postgresql":
        yield
        return
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            # As SET LOCAL. PostgreSQL cannot know how few days there are: it would sort all calls to add them up.
            settings = "SELECT set_config('statement_timeout', %s, true), set_config('enable_sort', 'off', true)"
            cursor.execute(settings, [str(MILLISECONDS)])
            yield
    except OperationalError as fault:
        if getattr(fault.__cause__, "sqlstate", None) != CANCELED:
            raise
        raise TooSlow from fault
