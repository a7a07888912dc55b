"""An e-mail to the team when somebody has waited for a person too long."""

from __future__ import annotations

import asyncio
import smtplib
import uuid
from dataclasses import dataclass
from datetime import timedelta

import structlog
from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.mail import send_mail
from django.db.models.functions import Now
from django.urls import reverse

from bots.models import Membership
from bots.threads import in_thread
from conversations.models import Conversation

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Reminder:
    """Who waits, and who is told."""

    title: str
    channel: str
    to: tuple[str, ...]


async def remind() -> None:
    """Tell whoever may answer, once for each who waits. Sending holds no database thread."""
    for reminder in await in_thread(due) if settings.EMAIL_URL and settings.PERSON_WAIT_MINUTES else ():
        try:
            await asyncio.to_thread(send, reminder)
        except (OSError, smtplib.SMTPException) as error:
            log.warning("reminder_not_sent", error=type(error).__name__)


def due() -> list[Reminder]:
    """Those who have waited too long and of whom nobody was told: told by this process, whatever others do."""
    late = Conversation.objects.filter(
        owner=Conversation.Owner.WAITING, ended_at=None, reminded_at=None,
        waiting_since__lt=Now() - timedelta(minutes=settings.PERSON_WAIT_MINUTES),
    ).select_related("channel")  # fmt: skip
    ours = [row for row in late[:50] if _claim(row)]
    found = [Reminder(row.title, row.channel.name, _team(row.workspace_id)) for row in ours]
    return [reminder for reminder in found if reminder.to]


def _claim(row: Conversation) -> bool:
    return bool(Conversation.objects.filter(pk=row.pk, reminded_at=None).update(reminded_at=Now()))


def send(reminder: Reminder) -> None:
    """Raises OSError or SMTPException."""
    base = settings.PUBLIC_URL or f"http://127.0.0.1:{settings.PORT}"
    send_mail(
        subject="Somebody waits for a person",
        message=(
            f"On {reminder.channel}, somebody has waited for a person for {settings.PERSON_WAIT_MINUTES} minutes:\n\n"
            f"    {reminder.title}\n\nAnswer here: {base}{reverse('admin:needs_a_person')}\n"
        ),
        from_email=None,
        recipient_list=list(reminder.to),
    )


def _team(workspace_id: uuid.UUID) -> tuple[str, ...]:
    roles = (Membership.Role.ADMINISTRATOR, Membership.Role.OPERATOR)
    members = Membership.objects.filter(workspace=workspace_id, role__in=roles).values("user")
    users = get_user_model().objects.filter(pk__in=members, is_active=True, is_staff=True).exclude(email="")
    return tuple(users.order_by("email").values_list("email", flat=True))
