"""A message of ours as the parts that its platform is to be sent. `delivery.py` sends them."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db.models import DateTimeField, ExpressionWrapper
from django.db.models.functions import Now

from channels_integrations.base import Adapter, SendingAdapter
from channels_integrations.rendering.rich import Rich
from channels_integrations.setup import Misconfigured, adapter_of
from conversations.models import Delivery, Message


def parts_of(adapter: Adapter, text: str, buttons: Sequence[Mapping[str, str]] = ()) -> list[Delivery]:
    """Unsaved rows for a message's text, in order; none where the platform is not sent anything.

    Its buttons stand under the last part, where the platform has any.
    """
    if not isinstance(adapter, SendingAdapter):
        return []
    able = adapter.capabilities
    expires = later(able.keep_trying)
    said = [part for part in adapter.parts(text) if part.text.strip()]
    rows = [Delivery(part=number, payload=_payload(part), expires_at=expires) for number, part in enumerate(said)]
    if rows and buttons and able.buttons:
        rows[-1].payload["buttons"] = list(buttons)
    return rows


def _payload(part: Rich) -> dict[str, Any]:
    spans = [dataclasses.astuple(span) for span in part.spans]
    return {"text": part.text, **({"spans": spans} if spans else {})}


def put(message: Message) -> list[Delivery]:
    """The stored parts of a stored message; none where there is nothing to send, or the channel is not set up."""
    try:
        parts = parts_of(adapter_of(message.channel_id), message.text)
    except Misconfigured:
        return []  # said by every check of the channel; the message is kept
    for part in parts:
        part.message = message
    return Delivery.objects.bulk_create(parts)


def later(seconds: float) -> Any:
    """So many seconds from the database's now."""
    end: datetime | Any = Now() + timedelta(seconds=seconds)
    return ExpressionWrapper(end, output_field=DateTimeField())
