"""The web chat's websocket. It never waits for a turn: it hands messages in and shows what the hub tells."""

from __future__ import annotations

import asyncio
import uuid
from typing import Any

import structlog
from django.db import Error
from django.utils import translation
from django.utils.translation import gettext as _

from bots.threads import in_thread
from channels_integrations.base import IncomingMessage
from channels_integrations.setup import Misconfigured, Setup, public_setup, setup_of
from conversations import (
    accept,
    chat_page,
    chats,
    identity,
    languages,
    metered,
    metrics,
    open_sockets,
    socket_frames,
    visitors,
)
from conversations.draft import Frame
from conversations.frames import message_frame
from conversations.limits import BadText, Bucket, clean_text
from conversations.models import Conversation
from conversations.runner import runner
from conversations.socket_door import Door, origin_allowed
from conversations.socket_view import View

log = structlog.get_logger(__name__)

HELLO_SECONDS = 10
MOST_REFUSALS = 100


class ChatConsumer(Door):
    """One socket of one visitor."""

    setup: Setup
    visitor = ""
    address = ""  # while it is counted

    async def connect(self) -> None:
        self.address = str((self.scope.get("client") or ("",))[0]) or "?"
        open_sockets.came(self.address)
        refusal = await self._refusal()
        if refusal:
            self.gone()
            await self.deny(refusal)
            return
        self.bucket, self.others = Bucket(), Bucket(rate=20, burst=60)
        self.refusals, self.over = 0, False
        self.language = languages.accepted(self.scope)
        self.view = View(self._tell, self._end)
        await self.accept()
        self.impatient = asyncio.create_task(self._await_hello())
        runner.hub.listen(self.setup.channel_id, self._hear)

    async def _refusal(self) -> int | None:
        """The status of HTTP that this handshake is refused with; None when it is welcome."""
        if not origin_allowed(self.scope):
            return 403
        if open_sockets.too_many(self.address):
            return 429
        slug = self.scope["url_route"]["kwargs"]["slug"]
        try:
            found = await in_thread(public_setup, slug, "webchat") if "\0" not in slug else None
        except Error:
            return 503
        if found is None:
            return 404
        self.setup = found
        return None

    def gone(self) -> None:
        """Counted no more, and heard no more."""
        if self.address:
            open_sockets.went(self.address)
            self.address = ""
        if hasattr(self, "impatient"):
            self.impatient.cancel()
            self.view.leave()
            runner.hub.leave_channel(self.setup.channel_id, self._hear)

    def _hear(self, setup: Setup) -> None:
        """Tell of a break that began or ended, or has another message."""
        before, self.setup = self.setup, setup
        if (before.paused, before.pause_message) != (setup.paused, setup.pause_message):
            with translation.override(self.language):
                self.view.put({"type": "paused", "text": chat_page.break_of(setup)})

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        if self.over:
            return  # what was on its way when we closed
        with translation.override(self.language):
            wait = self.others.wait()
            if wait:
                metrics.RATE_LIMITED.labels("socket").inc()
                await self._refuse(BadText("rate_limited", _("Too many frames. Please slow down.")), retry_after=wait)
                return
            try:
                await self._obey(socket_frames.read(text_data))
            except metered.SlowDown as slow:
                bad = BadText("rate_limited", _("That was quick. Please wait a moment."))
                await self._refuse(bad, id=socket_frames.id_of(text_data), retry_after=slow.seconds)
            except BadText as bad:
                await self._refuse(bad, id=socket_frames.id_of(text_data))
            except Error as error:
                log.warning("socket_database_away", error=type(error).__name__)
                away = BadText("unavailable", _("We cannot store messages right now. Please try again in a moment."))
                await self._refuse(away, id=socket_frames.id_of(text_data), retry_after=5)

    async def _obey(self, frame: Any) -> None:
        if not self.visitor and frame.type != "hello":
            raise BadText("bad_frame", "The first frame must be hello.")
        await getattr(self, f"on_{frame.type}")(frame)

    async def on_hello(self, frame: socket_frames.Hello) -> None:
        self.impatient.cancel()
        self.language = languages.known(frame.language) or self.language
        token = frame.visitor or visitors.cookie_in(dict(self.scope["headers"]))
        visitor = visitors.visitor_of(token)
        if visitor is None:
            token = visitors.new_token()
            visitor = visitors.visitor_of(token) or ""
        self.visitor, self.token = visitor, token
        if frame.identity is not None:
            await self._recognise(frame.identity)
        found = await in_thread(chats.find, self.setup, self.visitor, frame.conversation)
        await self._show(found, after=frame.after if found and str(found.pk) == str(frame.conversation) else 0)

    async def _recognise(self, who: socket_frames.Identity) -> None:
        """Take the site's word for who its visitor is, when it is signed; else they stay a stranger, and hear so."""
        try:
            await in_thread(identity.check, self.setup, who.user, who.hash)
        except (identity.BadIdentity, Misconfigured):
            log.warning("identity_refused", channel=self.setup.channel_slug)
            await self._refuse(BadText("bad_identity", "This identity is not signed with the channel's identity key."))
            return
        known = identity.Known(user=who.user, name=who.name[:200], language=self.language)
        self.visitor = await in_thread(identity.recognise, self.setup, self.visitor, known)

    async def on_message(self, frame: socket_frames.Say) -> None:
        accepted = await self._say(clean_text(frame.text), frame.id)
        row = accepted.message
        late = accepted.repeated and row.conversation.ended_at is not None  # said again after a reconnect
        if row.conversation_id != self.view.conversation and not late:
            await self._show(row.conversation, said=row.seq)
        if row.conversation_id == self.view.conversation:
            self.view.knows(row.seq)
        runner.announce(row.conversation_id, message_frame(row))
        await self._tell({"type": "ack", "id": frame.id, "message_id": str(accepted.message_id), "seq": accepted.seq})
        await runner.follow_up(accepted, "" if accepted.repeated else frame.text)

    async def on_press(self, frame: socket_frames.Press) -> None:
        here = self.view.conversation
        button = await in_thread(chats.button, here, frame.message_id, frame.button) if here else None
        if button is None:
            raise BadText("not_found", _("There is no such button."))
        accepted = await self._say(button.value or button.label, f"press:{frame.message_id}:{button.id}")
        row = accepted.message
        if row.conversation_id != self.view.conversation:
            await self._show(row.conversation)
        runner.announce(row.conversation_id, message_frame(row))
        await runner.follow_up(accepted, "" if accepted.repeated else row.text)

    async def _say(self, text: str, name: str) -> accept.Accepted:
        self._meter()
        incoming = IncomingMessage(
            event_id=f"{self.visitor}:{name}", chat_id=self.visitor, sender_id=self.visitor, text=text,
            language=self.language,
        )  # fmt: skip
        return await runner.accept(metered.say, self.setup, incoming, self.address)

    def _meter(self) -> None:
        """Raises metered.SlowDown, when there was too much of this lately."""
        wait = self.bucket.wait()
        if wait:
            metrics.RATE_LIMITED.labels("socket").inc()
            raise metered.SlowDown(wait)

    async def on_stop(self, frame: socket_frames.Bare) -> None:
        if self.view.conversation is not None:
            await runner.request_stop(self.view.conversation)

    async def on_human(self, frame: socket_frames.Bare) -> None:
        self._meter()
        who = (self.visitor, self.address, self.language)
        called = await in_thread(metered.call_person, self.setup, *who)
        if called is None:
            raise BadText("not_found", _("Nobody can be called here."))
        if called.pk != self.view.conversation:
            await self._show(called)
        await runner.hub.poll()  # told at once, here and to other sockets of this process

    async def on_new(self, frame: socket_frames.Bare) -> None:
        current = await in_thread(chats.find, self.setup, self.visitor)  # not the one looked at: that may be over
        if current is not None:
            await self._end_conversation(current.pk)
        await self._show(None)

    async def on_end(self, frame: socket_frames.Bare) -> None:
        if self.view.conversation is not None:
            await self._end_conversation(self.view.conversation)

    async def _end_conversation(self, conversation_id: uuid.UUID) -> None:
        if await in_thread(accept.end, conversation_id):
            runner.announce(conversation_id, {"type": "ended", "conversation": str(conversation_id)})

    async def on_delete(self, frame: socket_frames.Which) -> None:
        found = await self._found(frame.conversation)
        await runner.request_stop(found.pk)
        await in_thread(chats.erase, found)
        if found.pk == self.view.conversation:
            await self._show(await in_thread(chats.find, self.setup, self.visitor))
        told = {"type": "deleted", "conversation": str(found.pk)}
        runner.announce(found.pk, told)
        await self._tell(told)

    async def on_download(self, frame: socket_frames.Which) -> None:
        self._meter()
        name, text = await in_thread(chats.download, await self._found(frame.conversation))
        await self._tell({"type": "download", "conversation": str(frame.conversation), "name": name, "text": text})

    async def on_conversations(self, frame: socket_frames.Bare) -> None:
        items = await in_thread(chats.listing, self.setup, self.visitor)
        await self._tell({"type": "conversations", "items": items})

    async def on_open(self, frame: socket_frames.Which) -> None:
        await self._show(await self._found(frame.conversation))

    async def on_older(self, frame: socket_frames.Older) -> None:
        if self.view.conversation is not None:
            await self._tell(await in_thread(chats.older, self.view.conversation, frame.before))

    async def _found(self, conversation_id: uuid.UUID) -> Conversation:
        found = await in_thread(chats.exactly, self.setup, self.visitor, conversation_id)
        if found is None:
            raise BadText("not_found", _("There is no such conversation."))
        return found

    async def on_retry(self, frame: socket_frames.Retry) -> None:
        self._meter()
        here = self.view.conversation
        if here is None or not await in_thread(metered.again, self.setup, self.visitor, self.address, here, frame.turn):
            raise BadText("not_found", _("There is nothing to try again."))
        runner.ring(here, self.setup.channel_id)

    async def on_feedback(self, frame: socket_frames.Feedback) -> None:
        here = self.view.conversation
        if here is None or not await in_thread(chats.rate, here, frame.message_id, frame.value):
            raise BadText("not_found", _("There is no such answer."))

    async def on_ping(self, frame: socket_frames.Bare) -> None:
        await self._tell({"type": "pong"})

    async def _show(self, conversation: Conversation | None, *, after: int = 0, said: int | None = None) -> None:
        self.setup = await in_thread(setup_of, self.setup.channel_id)  # as it is now: sockets stay open
        await self.view.show(
            conversation, chat_page.ready(self.setup, self.token, conversation), after=after, said=said
        )

    async def _tell(self, frame: Frame) -> None:
        import orjson

        await self.send(text_data=orjson.dumps(frame).decode())

    async def _refuse(self, bad: BadText, *, id: str | None = None, retry_after: float | None = None) -> None:  # noqa: A002
        self.refusals += 1
        if self.refusals > MOST_REFUSALS:
            await self._end(1008)
            return
        wait = None if retry_after is None else round(retry_after, 1)
        await self._tell({"type": "error", "code": bad.code, "message": bad.reason, "retry_after": wait, "id": id})

    async def _await_hello(self) -> None:
        await asyncio.sleep(HELLO_SECONDS)
        await self._refuse(BadText("bad_frame", f"No hello came within {HELLO_SECONDS} s."))
        await self._end(1008)

    async def _end(self, code: int) -> None:
        self.over = True
        await self.close(code)
