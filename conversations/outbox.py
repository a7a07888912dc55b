"""A message of ours as the parts that its platform is to be sent. `delivery.py` sends them."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db.models import DateTimeField, ExpressionWrapper
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from channels_integrations.base import Adapter, Button, SendingAdapter
from channels_integrations.rendering.rich import Rich
from channels_integrations.setup import Misconfigured, adapter_of
from conversations.models import Delivery, Message

MOST_PARTS = 10  # of one answer; the rest comes when it is asked for
OFFER = "offer"  # in the payload of the part that says so
BEGUN = "begun_as"  # in a first part's payload: the key of a placeholder that may stand in its place already


def parts_of(
    adapter: Adapter, text: str, buttons: Sequence[Mapping[str, str]] = (), *, reply_to: str = "", placed: str = "",
    begun_as: str = "", not_before: float = 0,
) -> list[Delivery]:  # fmt: skip
    """Unsaved rows for a message's text, in order; none where the platform is not sent anything.

    Its buttons stand under the last part, where the platform has any. `placed`: the platform's id of a message that
    becomes the first part; `begun_as`: the key of one that may be there; `not_before`: by time.monotonic(), when the
    platform may be asked again.
    """
    if not isinstance(adapter, SendingAdapter):
        return []
    said = _said(adapter, text)
    payloads = [_payload(part, reply_to) for part in said[:MOST_PARTS]]
    if len(said) > MOST_PARTS:
        told, button = offer()
        payloads.append({**_payload(Rich(told), reply_to), OFFER: True})
        buttons = [*buttons, dataclasses.asdict(button)]
    if payloads and buttons and adapter.capabilities.buttons:
        payloads[-1]["buttons"] = list(buttons)
    expires = later(adapter.capabilities.keep_trying)
    rows = [Delivery(part=number, payload=payload, expires_at=expires) for number, payload in enumerate(payloads)]
    if rows:
        rows[0].platform_id = placed
        if begun_as and not placed and adapter.capabilities.resend == "keyed":
            rows[0].payload[BEGUN] = begun_as
        rows[0].run_after = later(max(0.0, not_before - time.monotonic())) if not_before else Now()
    return rows


def release(message: Message) -> bool | None:
    """Sends on a message that was too long for one go. Whether there is still more; None when all of it was sent."""
    adapter = adapter_of(message.channel_id)
    said = _said(adapter, message.text) if isinstance(adapter, SendingAdapter) else []
    rows = list(message.deliveries.order_by("part"))
    place = sum(OFFER not in row.payload for row in rows)
    parts = [
        Delivery(message=message, part=len(rows) + number, payload=_payload(part, ""),
                 expires_at=later(adapter.capabilities.keep_trying))
        for number, part in enumerate(said[place : place + MOST_PARTS])
    ]  # fmt: skip
    Delivery.objects.bulk_create(parts)
    return place + MOST_PARTS < len(said) if parts else None


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


def _said(adapter: SendingAdapter, text: str) -> list[Rich]:
    return [part for part in adapter.parts(text) if part.text.strip()]


def offer() -> tuple[str, Button]:
    """What stands under the last part of an answer that is longer."""
    return _("There is more. Say /more to read on."), Button(id="more", label=_("Read on"), value="/more")


def _payload(part: Rich, reply_to: str) -> dict[str, Any]:
    spans = [dataclasses.astuple(span) for span in part.spans]
    return {
        "text": part.text, **({"spans": spans} if spans else {}), **({"reply_to": reply_to} if reply_to else {}),
    }  # fmt: skip
