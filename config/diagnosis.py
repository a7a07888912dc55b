"""What `doctor` asks: settings, stores, tables, providers. One finding each, with the mend."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from django.conf import settings
from django.core import checks
from django.db import DatabaseError

from bots import offers, shutdown
from bots.models import AIProvider
from bots.offers import NoAnswer
from channels_integrations import connecting
from channels_integrations.base import DiagnosableAdapter, Finding, adapters
from channels_integrations.models import ChannelConfig
from config import health, stores
from config.stores import StoreAway
from conversations.listeners import unheard
from conversations.undone import undone


def diagnose() -> Iterator[Finding]:
    """Findings as they come: nothing further is asked of a database that is away."""
    yield from _settings()
    database = _asked("database", stores.reach_database, stores.database_address())
    yield database
    yield _asked("redis", stores.ask_redis, stores.redis_address() or "not used: one process keeps everything itself")
    if settings.CELERY_BROKER_URL:
        yield _asked("broker", stores.ask_broker, "answers, and keeps what it is given")
    if not database.ok:
        return
    tables = _asked("tables", health.ask_migrations, "as this code wants them")
    yield tables
    if tables.ok:
        yield _asked("default model", health.ask_default_model, "is there and in use")
        yield _asked("overdue", health.ask_undone, "nothing waits")
        yield from _dead()
        yield from _providers()
        yield from _endings()
        yield from _channels()


def _settings() -> Iterator[Finding]:
    faults = checks.run_checks()
    for fault in faults:
        serious = fault.is_serious()
        yield Finding(check="settings", ok=not serious, message=str(fault.msg), mend=str(fault.hint or ""))
    if not faults:
        yield Finding(check="settings", ok=True, message="nothing to mend")


def _dead() -> Iterator[Finding]:
    for kind, state in undone().items():
        mend = f"manage.py replay_dead_letters {kind} --list tells why; without --list they are tried again."
        if state.dead:
            yield Finding(check=f"dead {kind}", ok=True, message=f"{state.dead} were given up", mend=mend)


def _asked(check: str, question: Callable[[], None], good: str) -> Finding:
    try:
        question()
    except StoreAway as away:
        message, _full_stop, mend = str(away).rstrip(".").rpartition(". ")
        return Finding(check=check, ok=False, message=message or str(away), mend=mend and f"{mend}.")
    return Finding(check=check, ok=True, message=good)


def _providers() -> Iterator[Finding]:
    try:
        rows = list(AIProvider.objects.filter(is_active=True, archived_at=None).order_by("slug"))
    except DatabaseError as error:
        yield Finding(check="providers", ok=False, message=type(error).__name__, mend="Run manage.py migrate.")
        return
    for row in rows:
        yield _provider(row)


def _provider(row: AIProvider) -> Finding:
    check = f"provider {row.slug}"
    try:
        count = len(offers.offered_by(row))
    except NoAnswer as failure:
        return Finding(check=check, ok=False, message=failure.reason, mend=failure.mend)
    return Finding(check=check, ok=True, message=f"answers and offers {count} models")


def _endings() -> Iterator[Finding]:
    for ending in shutdown.endings():
        mend = "Choose another on the model's page in the admin: Replace this model everywhere."
        message = f"{ending} Used by {ending.users}."
        yield Finding(check=f"model {ending.model.reference}", ok=not ending.is_over, message=message, mend=mend)


def _channels() -> Iterator[Finding]:
    kinds = [kind for kind, cls in adapters.items() if issubclass(cls, DiagnosableAdapter)]
    for channel in ChannelConfig.objects.filter(kind__in=kinds, is_active=True, archived_at=None).order_by("slug"):
        for finding in connecting.diagnose(channel):
            yield replace(finding, check=f"channel {channel.slug}: {finding.check}")
    if silent := unheard():
        mend = "Start `manage.py run_gateway` beside the web process; `make run` listens by itself."
        yield Finding(check="gateway", ok=False, message=f"Nobody listens to {', '.join(silent[:5])}.", mend=mend)
