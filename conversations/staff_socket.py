"""The websocket of the page "Needs a person": who waits, what is said, and what the team answers."""

from __future__ import annotations

import asyncio
import uuid
from importlib import import_module
from typing import Annotated, Any, Literal

import structlog
from django.conf import settings
from django.contrib.auth import get_user
from django.db import Error
from django.http import HttpRequest
from django.http.cookie import parse_cookie
from pydantic import BaseModel, Field, TypeAdapter, ValidationError

from bots import roles
from bots.threads import in_thread
from conversations import metrics, ownership, staff_replies
from conversations.draft import Frame
from conversations.limits import BadText
from conversations.models import Conversation
from conversations.runner import runner
from conversations.socket_door import Door, origin_allowed
from conversations.socket_view import View

log = structlog.get_logger(__name__)

LOOK_SECONDS = 2.0  # between two looks at who waits
MOST_SHOWN = 100
SHOWN = ("chat_user__person", "channel", "assigned_to")
MAY_ANSWER = "conversations.change_conversation"


class Pick(BaseModel):
    type: Literal["open", "take", "hand_back", "typing"]
    conversation: uuid.UUID


class Reply(BaseModel):
    type: Literal["reply"]
    conversation: uuid.UUID
    text: str


Said = Annotated[Pick | Reply, Field(discriminator="type")]
_frames: TypeAdapter[Any] = TypeAdapter(Said)


class StaffConsumer(Door):
    """One socket of one member of staff. They see and answer what their roles allow, asked anew with every frame."""

    async def connect(self) -> None:
        self.user = None
        try:
            self.user = await in_thread(staff_of, dict(self.scope["headers"]))
        except Error:
            await self.deny(503)
            return
        if not origin_allowed(self.scope) or self.user is None:
            await self.deny(404)
            return
        self.view = View(self._tell, self._end)
        self.told: list[Frame] | None = None
        await self.accept()
        metrics.SOCKETS.labels("staff").inc()
        self.looking = asyncio.create_task(self._look())

    def gone(self) -> None:
        """Looks no more."""
        if hasattr(self, "looking"):
            metrics.SOCKETS.labels("staff").dec()
            self.looking.cancel()
            self.view.leave()

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        try:
            frame = _frames.validate_json(text_data or "")
            conversation = await in_thread(mine, self.user, frame.conversation)
            await getattr(self, f"on_{frame.type}")(conversation, frame)
        except ValidationError:
            await self._refuse("bad_frame", "This frame is not understood.")
        except Conversation.DoesNotExist:
            await self._refuse("not_found", "There is no such conversation.")
        except ownership.Over:
            await self._refuse("over", "This conversation is over.")
        except BadText as bad:
            await self._refuse(bad.code, bad.reason)
        except Error as error:
            log.warning("socket_database_away", error=type(error).__name__)
            await self._refuse("unavailable", "We cannot store messages right now. Please try again in a moment.")

    async def on_open(self, conversation: Conversation, frame: Pick) -> None:
        await self.view.show(conversation, described(conversation))

    async def on_take(self, conversation: Conversation, frame: Pick) -> None:
        await in_thread(ownership.take, conversation.pk, self.user)
        await self._look_now()

    async def on_hand_back(self, conversation: Conversation, frame: Pick) -> None:
        await in_thread(ownership.hand_back, conversation.pk, self.user)
        await self._look_now()

    async def on_reply(self, conversation: Conversation, frame: Reply) -> None:
        await in_thread(staff_replies.reply, conversation.pk, self.user, frame.text)
        runner.ring_delivery(conversation.pk)
        await runner.hub.poll()  # shown at once, here and to visitors of this process
        await self._look_now()

    async def on_typing(self, conversation: Conversation, frame: Pick) -> None:
        runner.announce(conversation.pk, {"type": "typing"})

    async def _look(self) -> None:
        while True:
            try:
                await self._look_now()
            except Error as error:
                log.warning("socket_database_away", error=type(error).__name__)
            await asyncio.sleep(LOOK_SECONDS)

    async def _look_now(self) -> None:
        items = await in_thread(queue, self.user)
        if items != self.told:
            self.told = items
            await self._tell({"type": "queue", "items": items})

    async def _tell(self, frame: Frame) -> None:
        import orjson

        await self.send(text_data=orjson.dumps(frame).decode())

    async def _refuse(self, code: str, message: str) -> None:
        await self._tell({"type": "error", "code": code, "message": message})

    async def _end(self, code: int) -> None:
        await self.close(code)


def staff_of(headers: dict[bytes, bytes]) -> Any:
    """The member of staff whom the session cookie names and who may answer somewhere; None for anybody else."""
    cookies = parse_cookie(headers.get(b"cookie", b"").decode("latin-1"))
    key = cookies.get(settings.SESSION_COOKIE_NAME)
    if not key:
        return None
    request = HttpRequest()
    request.session = import_module(settings.SESSION_ENGINE).SessionStore(key)
    user = get_user(request)
    return user if user.is_active and user.is_staff and user.has_perm(MAY_ANSWER) else None


def mine(user: Any, conversation_id: uuid.UUID) -> Conversation:
    """The conversation, if the user may answer in its workspace today. Raises Conversation.DoesNotExist."""
    fresh = _anew(user)
    rows = Conversation.objects.for_actor(fresh).filter(erased_at=None)
    found: Conversation = rows.select_related(*SHOWN).get(pk=conversation_id)
    if not roles.in_workspace(fresh, found.workspace_id, MAY_ANSWER):
        raise Conversation.DoesNotExist
    return found


def queue(user: Any) -> list[Frame]:
    """Who waits for a person, longest first, then what the team is answering."""
    owners = (Conversation.Owner.WAITING, Conversation.Owner.HUMAN)
    rows = (
        Conversation.objects.for_actor(_anew(user))
        .filter(owner__in=owners, ended_at=None)
        .select_related(*SHOWN)
        .order_by("-owner", "waiting_since")[:MOST_SHOWN]
    )
    return [described(row) for row in rows]


def _anew(user: Any) -> Any:
    """The user as they are now: rights that were taken away are gone."""
    return type(user)._default_manager.get(pk=user.pk)


def described(row: Conversation) -> Frame:
    """A line of the list, and the head of an opened conversation."""
    return {
        "type": "opened",
        "id": str(row.pk),
        "title": row.title,
        "person": str(row.chat_user.person),
        "channel": row.channel.name,
        "owner": row.owner,
        "assigned_to": row.assigned_to.get_username() if row.assigned_to else None,
        "waiting_since": row.waiting_since.isoformat() if row.waiting_since else None,
        "ended": row.ended_at is not None,
    }
