"""What a test with `transaction=True` leaves behind, the next one does not find."""

from __future__ import annotations

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group, Permission
from django.db import connection

from bots import roles
from bots.models import Bot, Membership, Workspace
from tests import emptying

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.embedded]


def rows() -> dict[str, int]:
    """How many each table has, of those that have any."""
    counts = {}
    with connection.cursor() as cursor:
        for table in connection.introspection.django_table_names(only_existing=True):
            cursor.execute(f"SELECT count(*) FROM {table}")  # noqa: S608
            counts[table] = cursor.fetchone()[0]
    return {table: count for table, count in counts.items() if count}


@pytest.fixture
def emptied() -> dict[str, int]:
    """The rows after a test that made some, as they are for the one after it."""
    workspace = Workspace.default()
    Bot.objects.create(workspace=workspace, slug="left", name="Left").write_prompt("You were left behind.")
    user = get_user_model().objects.create_user("left")
    user.groups.add(Group.objects.all()[0])
    user.user_permissions.add(Permission.objects.all()[0])
    Membership.objects.create(user=user, workspace=workspace, role="operator")
    emptying.empty()
    return rows()


@pytest.mark.parametrize("time", ["once", "again"])
def test_only_what_migrate_makes_is_left(emptied: dict[str, int], time: str) -> None:
    assert emptied.keys() == emptying.MADE_BY_MIGRATE


def test_what_migrate_makes_is_made_anew_where_a_test_has_changed_it(emptied: dict[str, int]) -> None:
    Group.objects.all().delete()
    Permission.objects.filter(codename="view_bot").update(name="Changed")
    emptying.empty()
    assert rows() == emptied
    assert Permission.objects.get(codename="view_bot").name == "Can view bot"
    assert {group.name for group in Group.objects.all()} == {str(Membership.Role(role).label) for role in roles.TABLE}
