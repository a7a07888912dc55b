"""REST: conversations to start, continue, read and end."""

from __future__ import annotations

import math
import uuid
from collections.abc import AsyncGenerator
from typing import Any, cast

import orjson
from django.db.models import QuerySet
from django.http import Http404, StreamingHttpResponse
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import generics, status
from rest_framework.exceptions import APIException, Throttled
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from bots.models import ApiKey, Bot
from bots.threads import in_thread
from channels_integrations.base import IncomingMessage
from channels_integrations.setup import Setup, channel_for, setup_of
from conversations import accept, notices, pauses, rates
from conversations.api import idempotency, reach, serializers, waiting
from conversations.api.async_view import AsyncAPIView
from conversations.api.authentication import actor, caller
from conversations.api.pagination import BySeq
from conversations.api.problems import problem
from conversations.models import Conversation, Message
from conversations.runner import runner

PAUSED_SECONDS = 60  # after which a program may look whether the channel is switched on again


class ModelFailed(APIException):
    status_code: int = status.HTTP_502_BAD_GATEWAY
    default_code = "model_failed"

    def __init__(self, detail: str, turn_id: str) -> None:
        super().__init__(detail)
        self.extra = {"turn_id": turn_id}


class TooLate(ModelFailed):
    status_code = status.HTTP_504_GATEWAY_TIMEOUT
    default_code = "no_answer_yet"


class Paused(APIException):
    status_code = status.HTTP_503_SERVICE_UNAVAILABLE
    default_code = "channel_paused"
    wait = PAUSED_SECONDS

    def __init__(self, setup: Setup) -> None:
        super().__init__(notices.paused(setup.pause_message))


class Ended(APIException):
    status_code = status.HTTP_409_CONFLICT
    default_detail = "This conversation is over. Start another."
    default_code = "conversation_ended"


class EventStream(BaseRenderer):
    """Claims `text/event-stream`, so that asking for it is no 406; the stream itself is no DRF response."""

    media_type = "text/event-stream"
    format = "sse"
    charset = None

    def render(self, data: Any, accepted_media_type: str | None = None, renderer_context: Any = None) -> bytes:
        return b"event: error\ndata: " + orjson.dumps({"type": "error", **(data or {})}, default=str) + b"\n\n"


def bots_of(key: ApiKey) -> QuerySet[Bot]:
    """Bots in use that this key may talk to."""
    return reach.bots_within(key).filter(is_active=True)


def conversations_of(who: reach.Caller) -> QuerySet[Conversation]:
    """Conversations with bots that the caller reaches."""
    return reach.conversations_within(who).select_related("bot", "chat_user")


def api_setup(key: ApiKey, slug: str) -> Setup:
    """The `api` channel of the bot. Raises Http404."""
    bot = bots_of(key).filter(slug=slug).first()
    if bot is None:
        raise Http404
    return setup_of(channel_for(bot, "api"))


class Sending(AsyncAPIView):
    """Views that hand a message in and wait for its answer, or stream it."""

    renderer_classes = [JSONRenderer, EventStream]

    async def send(self, setup: Setup, incoming: IncomingMessage, **more: Any) -> Any:
        """The answer as a response: JSON, or an event stream when that was asked for."""
        try:
            accepted = await runner.accept(_accept, caller(self.request), setup, incoming, **more)
        except accept.Ended:
            raise Ended from None
        if accepted.repeated and accepted.fingerprint != incoming.raw["fingerprint"]:
            raise idempotency.OtherBody
        if accepted.paused:
            raise Paused(setup)
        if self.request.accepted_renderer.format == "sse":
            return StreamingHttpResponse(self._events(accepted, incoming.text), content_type="text/event-stream")
        try:
            outcome = await waiting.answered(accepted, incoming.text)
        except waiting.NoAnswer as none:
            raise TooLate(str(none), str(accepted.turn_id)) from None
        if outcome is not None and outcome.failed:
            raise ModelFailed(outcome.message.text, str(accepted.turn_id))
        return _answer(accepted, outcome)

    async def _events(self, accepted: accept.Accepted, text: str) -> AsyncGenerator[bytes, None]:
        try:
            async for item in waiting.frames(accepted, text):
                if not isinstance(item, waiting.Answered):
                    yield f"event: {item['type']}\n".encode() + b"data: " + orjson.dumps(item) + b"\n\n"
        except waiting.NoAnswer as none:
            body = problem(504, "no_answer_yet", str(none), turn_id=str(accepted.turn_id))
            yield b"event: error\ndata: " + orjson.dumps({"type": "error", **body}) + b"\n\n"

    def incoming(self, text: str, *, chat_id: str, user_id: str) -> IncomingMessage:
        """The message as an event of ours."""
        return IncomingMessage(
            event_id=idempotency.event_id(self.request),
            chat_id=chat_id,
            sender_id=user_id,
            text=text,
            raw={"fingerprint": idempotency.fingerprint(self.request)},
        )

    def valid(self, serializer: type[Any]) -> dict[str, Any]:
        checked = serializer(data=self.request.data)
        checked.is_valid(raise_exception=True)
        return dict(checked.validated_data)


class Chat(Sending):
    """Continue the session's conversation, or begin it."""

    @extend_schema(request=serializers.ChatSerializer, responses=serializers.AnswerSerializer)
    async def post(self, request: Request) -> Any:
        asked = self.valid(serializers.ChatSerializer)
        session = asked["session"]
        setup = await in_thread(api_setup, caller(request), asked["bot"])
        user = f"{session['platform']}:{session['user_id']}"
        chat = f"{session['platform']}:{session.get('chat_id') or session['user_id']}"
        answer = await self.send(setup, self.incoming(asked["message"], chat_id=chat, user_id=user))
        return Response(answer) if isinstance(answer, dict) else answer


class Conversations(Sending, generics.ListAPIView):
    """Conversations of this key's bots, newest first; POST starts one."""

    rows = Conversation
    serializer_class = serializers.ConversationSerializer

    def get_queryset(self) -> Any:
        return conversations_of(actor(self.request)) if self.request.auth else Conversation.objects.none()

    async def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:  # type: ignore[override]
        return await in_thread(self.list, request)

    @extend_schema(request=serializers.StartSerializer, responses={201: serializers.StartedSerializer})
    async def post(self, request: Request) -> Any:
        asked = self.valid(serializers.StartSerializer)
        setup = await in_thread(api_setup, caller(request), asked["bot"])
        event = idempotency.event_id(request)
        chat = f"conversation:{event}"
        made = await in_thread(_started, setup, chat, asked["user"])
        described = serializers.StartedSerializer(made).data
        if "message" not in asked:
            return Response(described, status=status.HTTP_201_CREATED)
        incoming = self.incoming(asked["message"], chat_id=chat, user_id=asked["user"])
        answer = await self.send(setup, incoming)
        if not isinstance(answer, dict):
            return answer
        return Response({**described, **answer}, status=status.HTTP_201_CREATED)


class OneConversation(generics.RetrieveAPIView):
    """A conversation."""

    rows = Conversation
    serializer_class = serializers.ConversationSerializer
    queryset = Conversation.objects.none()

    def get_object(self) -> Conversation:
        return _conversation(actor(self.request), self.kwargs["pk"])


class Messages(Sending, generics.ListAPIView):
    """A conversation's messages, oldest first; POST continues it."""

    rows = Conversation
    serializer_class = serializers.MessageSerializer
    pagination_class = BySeq

    def get_queryset(self) -> Any:
        if not self.request.auth:
            return Message.objects.none()
        return Message.objects.filter(conversation=_conversation(actor(self.request), self.kwargs["pk"]))

    async def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:  # type: ignore[override]
        return await in_thread(self.list, request)

    @extend_schema(request=serializers.SaySerializer, responses=serializers.AnswerSerializer)
    async def post(self, request: Request, pk: uuid.UUID) -> Any:
        conversation = await in_thread(_conversation, caller(request), pk)
        asked = self.valid(serializers.SaySerializer)
        setup = await in_thread(setup_of, conversation.channel_id)
        user = conversation.chat_user.external_id
        incoming = self.incoming(asked["message"], chat_id=conversation.chat_id, user_id=user)
        answer = await self.send(setup, incoming, conversation_id=conversation.pk)
        return Response(answer) if isinstance(answer, dict) else answer


class End(APIView):
    """End a conversation; ending it again changes nothing."""

    @extend_schema(request=None, responses=serializers.ConversationSerializer)
    def post(self, request: Request, pk: uuid.UUID) -> Response:
        conversation = _conversation(caller(request), pk)
        accept.end(conversation.pk)
        conversation.refresh_from_db()
        return Response(serializers.ConversationSerializer(conversation).data)


class Feedback(APIView):
    """Rate an answer: 1, 0 or -1."""

    @extend_schema(request=serializers.FeedbackSerializer, responses={204: None})
    def post(self, request: Request, pk: uuid.UUID) -> Response:
        checked = serializers.FeedbackSerializer(data=request.data)
        checked.is_valid(raise_exception=True)
        answers = Message.objects.filter(pk=pk, role=Message.Role.ASSISTANT)
        if not answers.filter(conversation__in=conversations_of(caller(request))).update(
            feedback=checked.validated_data["value"]
        ):
            raise Http404
        return Response(status=status.HTTP_204_NO_CONTENT)


def _conversation(who: reach.Caller, pk: uuid.UUID) -> Conversation:
    return get_object_or_404(conversations_of(who), pk=pk)


def _started(setup: Setup, chat_id: str, user: str) -> Conversation:
    """The conversation of this start; a repeated start finds the one it made."""
    known = Conversation.objects.filter(channel_id=setup.channel_id, chat_id=chat_id).order_by("id").first()
    made = known or accept.start(setup, chat_id=chat_id, sender_id=user, sender_name=user, anew=False)
    return cast(Conversation, Conversation.objects.select_related("bot", "chat_user").get(pk=made.pk))


def _accept(key: ApiKey, setup: Setup, incoming: IncomingMessage, **more: Any) -> accept.Accepted:
    """Raises Throttled while the key or its person says too much."""
    own = int(setup.flags["messages_per_minute"])
    wait = rates.wait_to_call(key)
    wait = wait or rates.wait_to_say(channel_id=setup.channel_id, person=incoming.sender_id, own=own)
    if wait:
        raise Throttled(math.ceil(wait), "Too many messages. Please wait.")
    accepted = accept.accept(setup, incoming, claim=True, **more)
    if accepted.paused and accepted.repeated and not setup.paused:
        message = pauses.take_up(accepted.message_id)
        return accept.Accepted(message=message, turn_id=message.turn_id, repeated=True)
    return accepted


def _answer(accepted: accept.Accepted, outcome: waiting.Answered | None) -> dict[str, Any]:
    return {
        "conversation_id": str(accepted.conversation_id),
        "message_id": str(outcome.message.pk if outcome else accepted.message_id),
        "reply": outcome.message.text if outcome else None,
        "model": outcome.message.model_used or None if outcome else None,
        "usage": outcome.usage if outcome else {"prompt_tokens": 0, "completion_tokens": 0, "cost_usd": None},
    }
