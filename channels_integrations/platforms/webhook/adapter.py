"""Any program that speaks JSON over signed webhooks, both ways. The platform to copy for a new one: see README.md."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, TypeAdapter, ValidationError

from bots import outside
from channels_integrations.base import (
    Capabilities,
    ChannelError,
    InboundEvent,
    IncomingMessage,
    OutboundMessage,
    SendingAdapter,
    Unreadable,
    WebhookAdapter,
    adapter,
)
from channels_integrations.platforms.webhook import signature

THREE_DAYS = 3 * 24 * 3600
MOST_EVENTS = 1_000  # of one call
BUSY = {408, 425, 429}


def _usable(secret: SecretStr) -> SecretStr:
    signature.key_of(secret.get_secret_value())
    return secret


class Config(BaseModel):
    """What staff fill in."""

    model_config = ConfigDict(extra="forbid")

    secret: Annotated[SecretStr, AfterValidator(_usable)] = Field(
        title="Signing secret", description="`whsec_` and 24 to 64 bytes in base64; both sides sign with it."
    )
    url: str = Field(
        default="",
        max_length=500,
        title="Address for replies",
        description="Called for every reply. Empty: none is sent.",
    )


class Event(BaseModel):
    """An entry of a call."""

    model_config = ConfigDict(extra="ignore", strict=True)

    id: str = Field(min_length=1, max_length=150)
    chat_id: str = Field(min_length=1, max_length=200)
    sender_id: str = Field(min_length=1, max_length=200)
    sender_name: str = Field(default="", max_length=200)
    text: str


_event: TypeAdapter[Event] = TypeAdapter(Event)


@adapter
class Webhook(SendingAdapter, WebhookAdapter):
    kind = "webhook"
    label = "Webhook"
    Config = Config
    capabilities = Capabilities(
        max_length=20_000,
        resend="keyed",
        waits=(5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400),
        keep_trying=THREE_DAYS,
    )

    def verify(self, headers: Mapping[str, str], body: bytes) -> None:
        signature.check(self._key, headers, body)

    def parse(self, body: bytes) -> list[InboundEvent | Unreadable]:
        """`{"events": [{"id", "chat_id", "sender_id", "sender_name"?, "text"}]}`, or one such event alone."""
        try:
            told = json.loads(body)
        except (ValueError, RecursionError):
            raise ValueError("the body is no JSON") from None
        entries = told.get("events") if isinstance(told, dict) and "events" in told else [told]
        if not isinstance(entries, list) or len(entries) > MOST_EVENTS:
            raise ValueError(f"events must be a list of at most {MOST_EVENTS}")
        return [_read(entry) for entry in entries]

    async def send(self, message: OutboundMessage) -> str:
        if not self.config.url:
            raise ChannelError("this channel has no address for replies", permanent=True)
        body = json.dumps({
            "type": "message", "id": message.idempotency_key, "chat_id": message.chat_id, "text": message.text,
            "format": message.format, "reply_to": message.reply_to,
        }).encode()  # fmt: skip
        headers = signature.sign(self._key, message_id=message.idempotency_key, timestamp=int(time.time()), body=body)
        try:
            answer = await outside.post(
                self.config.url, body=body, headers={**headers, "content-type": "application/json"}
            )
        except outside.Refused as error:
            raise ChannelError(str(error), permanent=True) from None
        except outside.Unreachable as error:
            raise ChannelError(str(error), permanent=False) from None
        except outside.Broken as error:
            raise ChannelError(f"the connection broke ({error})", permanent=False, ambiguous=True) from None
        if 200 <= answer.status < 300:
            return message.idempotency_key
        raise _refusal(answer)

    @property
    def _key(self) -> bytes:
        return signature.key_of(self.config.secret.get_secret_value())


def _read(entry: Any) -> InboundEvent | Unreadable:
    try:
        event = _event.validate_python(entry)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        return Unreadable(f"{'.'.join(map(str, first['loc']))}: {first['msg']}")
    return IncomingMessage(
        event_id=event.id, chat_id=event.chat_id, sender_id=event.sender_id, sender_name=event.sender_name,
        text=event.text,
    )  # fmt: skip


def _refusal(answer: outside.Response) -> ChannelError:
    """A 4xx is meant, but for those that ask for patience; a 5xx or a redirect may pass."""
    permanent = 400 <= answer.status < 500 and answer.status not in BUSY
    wait = answer.headers.get("retry-after", "")
    retry_after = float(wait) if wait.isascii() and wait.isdecimal() and len(wait) < 7 else None
    return ChannelError(f"HTTP {answer.status}", permanent=permanent, retry_after=retry_after)
