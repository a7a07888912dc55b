"""What a provider offers: asked for through its own client, told in plain words when it fails, taken over as rows."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from datetime import date
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from bots import catalog
from bots.fields import Unreadable
from bots.models import AIModel, AIProvider, ModelPrice
from bots.providers import pool
from bots.providers.base import NO_SUCH_HOST, ErrorCode, OfferedModel, ProviderError
from bots.remember import forget

SECONDS = 15.0
ADDRESS_MEND = gettext_lazy("Check its address and this machine's way out.")
REASONS: dict[ErrorCode, tuple[Any, Any]] = {
    "bad_key": (
        gettext_lazy("The provider does not accept the key."),
        gettext_lazy("Set its API key anew: the provider does not accept this one."),
    ),
    "unreachable": (gettext_lazy("Nobody answers at this address."), ADDRESS_MEND),
    "timeout": (gettext_lazy("There was no answer in time."), ADDRESS_MEND),
    "unknown_model": (
        gettext_lazy("There is no list of models at this address."),
        gettext_lazy("Check its address: there is no model API there. It often ends in /v1."),
    ),
    "malformed": (
        gettext_lazy("What answers at this address does not speak this protocol."),
        gettext_lazy("Check its address: what answers there does not speak this protocol. It often ends in /v1."),
    ),
    "rate_limited": (
        gettext_lazy("The provider takes no more calls at the moment: too many, or the credit is used up."),
        gettext_lazy("Look at the account's limits and credit there, then try again."),
    ),
    "refused": (
        gettext_lazy("The address leads to this machine or to a private network, which is not allowed."),
        gettext_lazy(
            "Whoever runs the server allows it with PRIVATE_NETWORKS, for example 127.0.0.0/8,::1 for this machine."
        ),
    ),
}
OTHER = gettext_lazy("Look at the provider's own status page, then try again.")


class NoAnswer(Exception):
    """A provider could not be asked: `reason` and `mend` are sentences for whoever set it up."""

    def __init__(self, reason: str, mend: str) -> None:
        super().__init__(f"{reason} {mend}")
        self.reason, self.mend = reason, mend


def offered_by(provider: AIProvider) -> list[OfferedModel]:
    """The models of a provider's own list. Raises NoAnswer. Goes over the network: never in a transaction."""
    try:
        return asyncio.run(_ask(provider))
    except Unreadable as error:
        raise NoAnswer(str(error), _("Add the key that sealed it, or enter it anew.")) from None
    except ProviderError as error:
        raise _told(error) from None
    except TimeoutError:
        late = _("There was no answer in %(seconds)d seconds.") % {"seconds": SECONDS}
        raise NoAnswer(late, str(ADDRESS_MEND)) from None


async def _ask(provider: AIProvider) -> list[OfferedModel]:
    async with asyncio.timeout(SECONDS):
        try:
            return await pool.client_for(catalog.account_of(provider)).models()
        finally:
            await pool.aclose()


def _told(error: ProviderError) -> NoAnswer:
    if error.detail == NO_SUCH_HOST:
        return NoAnswer(_("There is no such address: nobody knows its host."), _("Check its address for a slip."))
    reason, mend = REASONS.get(error.code, ("", OTHER))
    return NoAnswer(str(reason) or _("The provider failed: %(detail)s.") % {"detail": error.detail}, str(mend))


def adopt(provider: AIProvider, offers: Iterable[OfferedModel]) -> list[AIModel]:
    """Rows of the offers that had none in use here, with the limits and prices that the provider tells."""
    with transaction.atomic():
        found = [row for offer in offers if (row := _adopt(provider, offer)) is not None]
    forget()
    return found


def _adopt(provider: AIProvider, offer: OfferedModel) -> AIModel | None:
    told = {
        name: value
        for name in ("context_window", "can_call_tools", "can_see_images", "can_reason")
        if (value := getattr(offer, name)) is not None
    }
    ends = offer.shutdown_date and date.fromisoformat(offer.shutdown_date)
    row, made = AIModel.objects.get_or_create(
        provider=provider, name=offer.name, defaults={**told, "label": offer.label, "shutdown_date": ends}
    )
    if not made and row.archived_at is None:
        return None
    if not made:
        AIModel.objects.filter(pk=row.pk).update(archived_at=None, is_active=True)
    if offer.price is not None and not row.prices.exists():
        price = offer.price
        ModelPrice.objects.create(
            model=row, input_nanodollars=price.input, cached_nanodollars=price.cached, output_nanodollars=price.output
        )
    return row
