"""What a web chat client may say. Each frame is checked here; what fails has a code a program can act on."""

from __future__ import annotations

import json
import uuid
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter, ValidationError

from conversations.limits import LONGEST_FRAME, BadText

EventId = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[\x21-\x7e]+$")]


def _text_or_none(value: object) -> str | None:
    return value if isinstance(value, str) else None


class _Frame(BaseModel):
    model_config = ConfigDict(extra="ignore", strict=False)


class Identity(_Frame):
    """A site's user: `hash` is the hex HMAC-SHA256 of `user` with the channel's identity key."""

    user: str
    hash: str
    name: str = ""


class Hello(_Frame):
    type: Literal["hello"]
    visitor: str | None = None
    conversation: Annotated[str | None, BeforeValidator(_text_or_none)] = None
    after: int = Field(default=0, ge=0, le=2**31)
    identity: Identity | None = None
    language: Annotated[str | None, BeforeValidator(_text_or_none)] = None


class Say(_Frame):
    type: Literal["message"]
    id: EventId
    text: str


class Press(_Frame):
    type: Literal["press"]
    message_id: uuid.UUID
    button: str


class Retry(_Frame):
    type: Literal["retry"]
    turn: uuid.UUID


class Which(_Frame):
    type: Literal["open", "delete", "download"]
    conversation: uuid.UUID


class Older(_Frame):
    type: Literal["older"]
    before: int = Field(ge=1, le=2**31)


class Feedback(_Frame):
    type: Literal["feedback"]
    message_id: uuid.UUID
    value: Literal[1, -1, 0]


class Bare(_Frame):
    type: Literal["stop", "human", "new", "end", "conversations", "ping"]


Said = Annotated[Hello | Say | Press | Retry | Which | Older | Feedback | Bare, Field(discriminator="type")]
_adapter: TypeAdapter[Any] = TypeAdapter(Said)
_event_id: TypeAdapter[str] = TypeAdapter(EventId)
TYPES = "hello message press stop human retry new end conversations open older download delete feedback ping".split()


def read(text: str | None) -> Any:
    """The frame. Raises BadText with a code of the protocol."""
    if text is None:
        raise BadText("bad_frame", "Frames are JSON text.")
    if len(text) > LONGEST_FRAME or len(text.encode("utf-8", "replace")) > LONGEST_FRAME:
        raise BadText("too_large", f"A frame may have {LONGEST_FRAME:,} bytes.")
    try:
        return _adapter.validate_python(json.loads(text))
    except ValidationError as error:
        raise BadText("bad_frame", _fault(error)) from None
    except (ValueError, RecursionError):
        raise BadText("bad_frame", "This frame is no JSON object.") from None


def _fault(error: ValidationError) -> str:
    """What is wrong with which field. A foreign type is not quoted: it may be anything."""
    first = error.errors(include_url=False, include_input=False)[0]
    if first["type"].startswith("union_tag"):
        return f"type must be one of {', '.join(TYPES)}."
    place = ".".join(str(part) for part in first["loc"][1:])
    return f"{place}: {first['msg']}" if place else "This frame is no JSON object."


def id_of(text: str | None) -> str | None:
    """The `id` of a frame that may be broken, so that its error can name it; None for one that fits nothing."""
    try:
        found = json.loads(text) if text and len(text) <= LONGEST_FRAME else None
        return _event_id.validate_python(found["id"]) if isinstance(found, dict) and "id" in found else None
    except (ValueError, RecursionError):
        return None
