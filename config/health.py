"""Is this process alive, and can it work? `/health` and `/ready`."""

from __future__ import annotations

import time
from collections.abc import Callable

from django.conf import settings
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, JsonResponse

from bots import catalog
from bots.models import Workspace
from bots.threads import in_thread
from config import stores
from config.stores import StoreAway
from conversations.undone import ALARM_SECONDS, overdue

_right = False
NOT_FATAL = {"redis", "broker", "undone"}  # without them everything goes on, slower


async def health(request: HttpRequest) -> JsonResponse:
    """200 as long as this process answers."""
    return JsonResponse({"status": "ok"})


async def ready(request: HttpRequest) -> JsonResponse:
    """200 when it can work, also degraded; 503 when not. Each dependency with its time."""
    checks = await in_thread(ask_all)
    failed = {name for name, check in checks.items() if not check["ok"]}
    status = "down" if failed - NOT_FATAL else "degraded" if failed else "ok"
    return JsonResponse({"status": status, "checks": checks}, status=503 if status == "down" else 200)


def ask_all() -> dict[str, dict[str, object]]:
    """Each dependency's state: `{"ok", "ms", "detail"}`."""
    found = {"database": _ask(stores.ask_database)}
    if found["database"]["ok"]:
        found["migrations"] = _ask(ask_migrations)
        if found["migrations"]["ok"]:
            found["model"] = _ask(ask_default_model)
        if found["migrations"]["ok"]:
            found["undone"] = _ask(ask_undone)
    if settings.REDIS_URL:
        found["redis"] = _ask(stores.ask_redis)
    if settings.CELERY_BROKER_URL:
        found["broker"] = _ask(stores.ask_broker)
    return found


def ask_undone() -> None:
    """Raises StoreAway when something should have been done a minute ago and was not."""
    late = {kind: seconds for kind, seconds in overdue().items() if seconds > ALARM_SECONDS}
    if late:
        told = ", ".join(f"{kind} since {seconds:.0f} s" for kind, seconds in late.items())
        raise StoreAway(f"Overdue: {told}. Is a web process or worker running, and its database quick?")


def ask_migrations() -> None:
    """Raises StoreAway when the tables are not those of this code; asked until they are, since they stay so."""
    global _right
    if _right:
        return
    executor = MigrationExecutor(connection)
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        raise StoreAway("The tables are older than the code. Run manage.py migrate.")
    _right = True


def ask_default_model() -> None:
    """Raises StoreAway when DEFAULT_MODEL names no model in use."""
    if catalog.find(Workspace.default().pk, settings.DEFAULT_MODEL) is None:
        raise StoreAway(f"DEFAULT_MODEL is {settings.DEFAULT_MODEL!r}, which is no model in use.")


def _ask(question: Callable[[], None]) -> dict[str, object]:
    began = time.monotonic()
    try:
        question()
        ok, detail = True, ""
    except StoreAway as away:
        ok, detail = False, str(away)
    return {"ok": ok, "ms": round((time.monotonic() - began) * 1000, 1), "detail": detail}
