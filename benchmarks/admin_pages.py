"""How long staff wait: python -m benchmarks.admin_pages

Every list, filter, search, form and history page of the admin, the start page, the team's page and the reports, over
100,000 conversations and 1,000,000 messages in a private PostgreSQL, as a superuser and as an operator. Exit code 1
where one takes longer than 300 ms. With DATABASE_URL and REDIS_URL those stores are filled, once, and kept.
"""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from statistics import median
from typing import Any

from tests.devservices import services

LIMIT_MS, TIMES = 300, 3
REPORTS = [
    "/analytics/", "/analytics/?period=today", "/analytics/?period=90", "/analytics/conversations/",
    "/analytics/conversations/?period=today", "/analytics/bot.csv",
]  # fmt: skip
SEARCHES = ["Ada", "visitor-77777", "nobody is called so"]


@dataclass(frozen=True, slots=True)
class Measured:
    """A page: median of the milliseconds, the slowest statement of the last time and its milliseconds, how many."""

    who: str
    page: str
    ms: float
    queries: int
    slowest_ms: float
    slowest: str


def prepare() -> None:
    """The schema, two workspaces with bots, channels and models, and the crowd; an operator of both, and root."""
    from django.core.management import call_command
    from django.db import connection, transaction

    from benchmarks.crowd import fill
    from conversations.models import Conversation

    call_command("migrate", verbosity=0)
    if Conversation.objects.exists():
        return
    began = time.monotonic()
    with transaction.atomic():
        fill(places())
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
    print(f"filled in {time.monotonic() - began:.0f} s", flush=True)


def places() -> list[tuple[Any, Any, Any, bool]]:
    """(workspace, bot, channel, whether it is sent to) of two workspaces, and who works there."""
    from django.contrib.auth import get_user_model

    from bots.models import AIModel, AIProvider, Bot, Membership, Workspace
    from channels_integrations.models import ChannelConfig

    found: list[tuple[Any, Any, Any, bool]] = []
    grace = get_user_model().objects.create_user("grace", is_staff=True)
    get_user_model().objects.create_superuser("root")
    provider = AIProvider.objects.create(slug="own", name="Own", kind="demo")
    for name in ("big", "small", "old"):
        AIModel.objects.create(provider=provider, name=name)
    for number in range(2):
        workspace = Workspace.objects.create(name=f"Shop {number}") if number else Workspace.default()
        Membership.objects.create(user=grace, workspace=workspace, role=Membership.Role.OPERATOR)
        for bot_number in range(6 if not number else 2):
            bot = Bot.objects.create(workspace=workspace, slug=f"bot-{bot_number}", name=f"Bot {bot_number}")
            bot.write_prompt("You sell parcels.")
            for kind in ("webchat", "webhook"):
                slug = f"{kind}-{number}-{bot_number}"
                channel = ChannelConfig.objects.create(workspace=workspace, bot=bot, kind=kind, slug=slug, name=slug)
                found.append((workspace.pk, bot.pk, channel.pk, kind == "webhook"))
    return found


def pages(user: Any) -> Iterator[str]:
    """Every address that the admin knows and that this member of staff may open, with filters and searches."""
    from django.contrib import admin
    from django.test import RequestFactory
    from django.urls import reverse

    yield reverse("admin:index")
    yield reverse("admin:needs_a_person")
    for model, of_model in admin.site._registry.items():
        name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        request = RequestFactory().get(reverse(f"{name}_changelist"))
        request.user = user
        if not of_model.has_view_or_change_permission(request):
            continue
        yield request.path
        listing = of_model.get_changelist_instance(request)
        yield from (f"{request.path}?{query}" for query in _queries(listing))
        yield reverse(f"{name}_add")
        oldest = model._default_manager.order_by("pk").values_list("pk", flat=True)[:1]
        for pk in dict.fromkeys([*[row.pk for row in listing.result_list[:1]], *oldest]):
            yield from (reverse(f"{name}_{page}", args=[pk]) for page in ("change", "history"))
    yield from REPORTS


def _queries(listing: Any) -> list[str]:
    """The second page, a late one, each choice of each filter, and searches."""
    found = ["p=2", "p=500"]
    for spec in listing.filter_specs:
        found += [choice["query_string"].lstrip("?") for choice in spec.choices(listing)]
    if listing.search_fields:
        found += [f"q={text}" for text in SEARCHES]
    return [query for query in dict.fromkeys(found) if query]


def measure(client: Any, who: str, page: str) -> Measured | None:
    """None for a page that is not shown to them."""
    from django.db import connection

    statements: list[tuple[float, str]] = []

    def timed(execute: Any, sql: Any, params: Any, many: Any, context: Any) -> Any:
        began = time.perf_counter()
        try:
            return execute(sql, params, many, context)
        finally:
            statements.append((time.perf_counter() - began, str(sql)))

    taken = []
    for _ in range(TIMES):
        statements.clear()
        began = time.perf_counter()
        with connection.execute_wrapper(timed):
            answer = client.get(page)
        taken.append((time.perf_counter() - began) * 1000)
        if answer.status_code in (403, 404):
            return None
        assert answer.status_code == 200, (page, answer.status_code)
    slowest = max(statements, default=(0.0, ""))
    return Measured(who, page, median(taken), len(statements), slowest[0] * 1000, slowest[1])


def run() -> int:
    """Prints the table, slowest first."""
    import tests.environment  # noqa: F401  as the tests: no .env, no accounts

    os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
    import django

    django.setup()
    logging.disable()  # pages that are refused are tried too
    from django.contrib.auth import get_user_model
    from django.test import Client

    prepare()
    found = []
    only = sys.argv[1:]
    for who in ("root", "grace"):
        client = Client(SERVER_NAME="127.0.0.1", raise_request_exception=False)
        user = get_user_model().objects.get(username=who)
        client.force_login(user)
        wanted = [page for page in dict.fromkeys(pages(user)) if not only or any(part in page for part in only)]
        found += [measured for page in wanted if (measured := measure(client, who, page))]
    found.sort(key=lambda one: -one.ms)
    for one in found:
        slow = " ".join(one.slowest.split())[:140] if one.slowest_ms > LIMIT_MS / 3 else ""
        print(f"{one.ms:7.0f} ms {one.queries:3d} queries, slowest {one.slowest_ms:6.0f} ms  {one.who:5s} {one.page}")
        print(f"{'':12s}{slow}\n" if slow else "", end="")
    late = sum(one.ms > LIMIT_MS for one in found)
    print(f"{len(found)} pages, {late} above {LIMIT_MS} ms; slowest {found[0].ms:.0f} ms")
    return int(late > 0)


def main() -> int:
    """In a process of its own, since the settings are read from the environment."""
    if os.environ.get("ADMIN_PAGES"):
        return run()
    with services() as addresses:
        command = [sys.executable, "-m", "benchmarks.admin_pages", *sys.argv[1:]]
        return subprocess.call(command, env=os.environ | addresses | {"ADMIN_PAGES": "1"})


if __name__ == "__main__":
    raise SystemExit(main())
