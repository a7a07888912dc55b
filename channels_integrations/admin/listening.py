"""Whether somebody listens to a channel, in words for staff."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _

from channels_integrations import connecting
from channels_integrations.models import Listener

SILENT = timedelta(seconds=30)


def listening(channel: Any) -> str:
    """That the channel is connected, or why it is not."""
    rows = [row for row in channel.listeners.all() if row.shard < channel.shards and _is_held(row)]
    states = Counter(row.state for row in rows)
    on = _("On, as %(account)s.") % {"account": channel.account} if channel.account else _("On.")
    if not rows:
        if channel.account and connecting.is_heard(channel.pk, channel.kind):
            return on
        return _(
            "Nobody listens to it yet. That begins within seconds; if it does not, whoever runs the server has to "
            "start “manage.py run_gateway”."
        )
    made = states[Listener.State.LISTENING]
    if made == channel.shards:
        return on
    if made:
        return _(
            "%(made)d of its %(all)d connections to the platform are made, the others follow. Until then not everybody "
            "is heard."
        ) % {"made": made, "all": channel.shards}
    if states[Listener.State.WAITING]:
        return _("The platform cannot be reached. It is tried again soon.")
    return _("It is connecting.")


def _is_held(row: Listener) -> bool:
    return row.gateway is not None and timezone.now() - row.gateway.beat_at <= SILENT
