"""An empty database after each test with `transaction=True`, hundreds of times in a run.

Django truncates every table, then announces a finished `migrate`, after which content types, permissions and the roles'
groups are made anew: a quarter of a second. Here these are left where they are, unless a test has changed them, and the
other tables are emptied by DELETE, which costs next to nothing where there are no rows.
"""

from __future__ import annotations

from typing import Any

from django.core.management import call_command
from django.db import connection, transaction
from django.test import TransactionTestCase

MADE_BY_MIGRATE = {"django_content_type", "auth_permission", "auth_group", "auth_group_permissions"}
NEVER_EMPTIED = {"django_migrations", *MADE_BY_MIGRATE}
_made: dict[str, list[Any]] = {}


def install() -> None:
    """Let it be done so from now on."""
    TransactionTestCase._fixture_teardown = lambda _case: empty()  # type: ignore[attr-defined]


def empty() -> None:
    """As a database is right after `migrate`, less what migrations themselves put in. First, Django does it."""
    if _made and _made_by_migrate() == _made:
        _delete_rows()
    else:
        call_command("flush", verbosity=0, interactive=False, reset_sequences=False)
        _made.update(_made_by_migrate())


def _made_by_migrate() -> dict[str, list[Any]]:
    made = {}
    with connection.cursor() as cursor:
        for table in MADE_BY_MIGRATE:
            cursor.execute(f"SELECT * FROM {table} ORDER BY id")  # noqa: S608
            made[table] = cursor.fetchall()
    return made


def _delete_rows() -> None:
    """Foreign keys are looked at when all are gone. As TRUNCATE does, it waits for whoever is still writing."""
    tables = [table for table in connection.introspection.django_table_names() if table not in NEVER_EMPTIED]
    with transaction.atomic(), connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(f"LOCK TABLE {', '.join(tables)} IN EXCLUSIVE MODE")
        for table in tables:
            cursor.execute(f"DELETE FROM {table}")  # noqa: S608
