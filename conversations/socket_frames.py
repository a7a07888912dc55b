"""What a web chat client may say. Each frame is checked here; what fails has a code a program can act on."""

from __future__ import annotations

import json
import uuid
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from conversations.limits import LONGEST_FRAME, BadText

EventId = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[\x21-\x7e]+$")]


class _Frame(BaseModel):
    model_config = ConfigDict(extra="ignore", strict=False)


class Hello(_Frame):
    type: Literal["hello"]
    visitor: str | None = None
    conversation: Any = None
    after: int = Field(default=0, ge=0, le=2**31)


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


class Open(_Frame):
    type: Literal["open"]
    conversation: uuid.UUID


class Feedback(_Frame):
    type: Literal["feedback"]
    message_id: uuid.UUID
    value: Literal[1, -1, 0]


class Bare(_Frame):
    type: Literal["stop", "new", "conversations", "ping"]


Said = Annotated[Hello | Say | Press | Retry | Open | Feedback | Bare, Field(discriminator="type")]
_adapter: TypeAdapter[Any] = TypeAdapter(Said)


def read(text: str | None) -> Any:
    """The frame. Raises BadText with a code of the protocol."""
    if text is None:
        raise BadText("bad_frame", "Frames are JSON text.")
    if len(text) > LONGEST_FRAME or len(text.encode("utf-8", "replace")) > LONGEST_FRAME:
        raise BadText("too_large", f"A frame may have {LONGEST_FRAME:,} bytes.")
    try:
        return _adapter.validate_python(json.loads(text))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"][1:]) or "type"
        raise BadText("bad_frame", f"{place}: {first['msg']}") from None
    except (ValueError, RecursionError):
        raise BadText("bad_frame", "This frame is no JSON object.") from None


def id_of(text: str | None) -> str | None:
    """The `id` of a frame that may be broken, so that its error can name it."""
    try:
        found = json.loads(text[:LONGEST_FRAME]) if text else None
    except (ValueError, RecursionError):
        return None
    value = found.get("id") if isinstance(found, dict) else None
    return value if isinstance(value, str) and len(value) <= 64 else None
