"""Whether somebody listens to a channel, in words for staff."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _

from channels_integrations import connecting
from channels_integrations.models import Listener

SILENT = timedelta(seconds=30)


def listening(channel: Any) -> str:
    """That the channel is connected, or why it is not."""
    row: Listener | None = getattr(channel, "listener", None)
    gateway = row.gateway if row else None
    on = _("On, as %(account)s.") % {"account": channel.account} if channel.account else _("On.")
    if row is None or gateway is None or timezone.now() - gateway.beat_at > SILENT:
        if channel.account and connecting.is_heard(channel.pk, channel.kind):
            return on
        return _(
            "Nobody listens to it yet. That begins within seconds; if it does not, whoever runs the server has to "
            "start “manage.py run_gateway”."
        )
    if row.state == Listener.State.LISTENING:
        return on
    if row.state == Listener.State.WAITING:
        return _("The platform cannot be reached. It is tried again soon.")
    return _("It is connecting.")
