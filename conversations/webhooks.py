"""The door of platforms that call us: look at the signature, store the bytes, say so; the rest comes later."""

from __future__ import annotations

import uuid

import structlog
from django.core.exceptions import RequestDataTooBig
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.views.decorators.csrf import csrf_exempt

from bots import crash
from bots.threads import in_reserve
from channels_integrations.base import BadSignature, WebhookAdapter
from channels_integrations.setup import Misconfigured, adapter_of, channel_in_use
from conversations import doorbell, events, metrics
from conversations.api.problems import problem_response

log = structlog.get_logger(__name__)


@csrf_exempt
async def webhook(request: HttpRequest, kind: str, channel_id: uuid.UUID) -> HttpResponseBase:
    """POST: 200 when the bytes are stored, also again, or concern nobody here; 401, 404, 413; 503 while they cannot be.

    GET: a challenge.
    """
    try:
        adapter = await in_reserve(_adapter, kind, channel_id)
        if adapter is None:
            return problem_response(404, "not_found", "There is no such webhook.")
        if request.method == "GET":
            return _challenged(adapter, request)
        if request.method != "POST":
            return problem_response(405, "method_not_allowed", "Use POST.")
        body = request.body
        adapter.verify({name.lower(): value for name, value in request.headers.items()}, body)
        outcome = await _taken(adapter, channel_id, body)
    except BadSignature as error:
        metrics.WEBHOOKS.labels(kind, "refused").inc()
        log.warning("webhook_refused", channel=str(channel_id), reason=str(error))
        return problem_response(401, "bad_signature", "The signature is missing, wrong or too old.")
    except RequestDataTooBig:
        return problem_response(413, "too_large", "The body is too large.")
    except DatabaseError as error:
        log.warning("webhook_database_away", error=type(error).__name__)
        response = problem_response(503, "unavailable", "This cannot be stored right now. Please send it again.")
        response["Retry-After"] = "5"
        return response
    crash.point("webhook stored")
    metrics.WEBHOOKS.labels(kind, outcome).inc()
    if outcome == "stored":
        await doorbell.ring_channel(channel_id)
    return HttpResponse(status=200)


def _adapter(kind: str, channel_id: uuid.UUID) -> WebhookAdapter | None:
    """The channel's adapter; None where there is none in use that takes webhooks: unset secrets close the door."""
    if not channel_in_use(channel_id, kind):
        return None
    try:
        adapter = adapter_of(channel_id)
    except Misconfigured as error:
        log.warning("channel_misconfigured", channel=str(channel_id), reason=str(error))
        return None
    return adapter if isinstance(adapter, WebhookAdapter) else None


async def _taken(adapter: WebhookAdapter, channel_id: uuid.UUID, body: bytes) -> str:
    """What became of a genuine body: stored, repeated, or ignored."""
    if not adapter.concerns_us(body):
        return "ignored"
    return "stored" if await in_reserve(events.store, channel_id, body) else "repeated"


def _challenged(adapter: WebhookAdapter, request: HttpRequest) -> HttpResponseBase:
    answer = adapter.challenge({name: str(value) for name, value in request.GET.items()})
    if answer is None:
        return problem_response(405, "method_not_allowed", "Use POST.")
    return HttpResponse(answer, content_type="text/plain")
