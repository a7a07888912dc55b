"""Shapes of requests and answers."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from conversations.frames import message_body
from conversations.limits import LONGEST_TEXT, BadText, clean_text
from conversations.models import Conversation, Message


class TextField(serializers.CharField):
    """The text of a message: what every door refuses is refused here too."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"max_length": LONGEST_TEXT, "trim_whitespace": False, **kwargs})

    def to_internal_value(self, data: Any) -> str:
        try:
            return clean_text(super().to_internal_value(data))
        except BadText as bad:
            raise serializers.ValidationError(bad.reason, code=bad.code) from None


class SessionSerializer(serializers.Serializer):
    """Who speaks where, in the caller's own words."""

    platform = serializers.SlugField(max_length=40, default="api")
    user_id = serializers.CharField(max_length=100)
    chat_id = serializers.CharField(max_length=100, required=False)


class ChatSerializer(serializers.Serializer):
    message = TextField()
    session = SessionSerializer()
    bot = serializers.CharField(max_length=60)


class StartSerializer(serializers.Serializer):
    bot = serializers.CharField(max_length=60)
    user = serializers.CharField(max_length=100)
    message = TextField(required=False)


class SaySerializer(serializers.Serializer):
    message = TextField()


class FeedbackSerializer(serializers.Serializer):
    value = serializers.ChoiceField([1, 0, -1])


class UsageSerializer(serializers.Serializer):
    prompt_tokens = serializers.IntegerField()
    completion_tokens = serializers.IntegerField()
    cost_usd = serializers.CharField(allow_null=True)


class AnswerSerializer(serializers.Serializer):
    """What sending a message brings. `reply` is null while a person owns the conversation."""

    conversation_id = serializers.UUIDField()
    message_id = serializers.UUIDField()
    reply = serializers.CharField(allow_null=True)
    model = serializers.CharField(allow_null=True)
    usage = UsageSerializer()


class ConversationSerializer(serializers.ModelSerializer):
    bot = serializers.CharField(source="bot.slug")
    user = serializers.CharField(source="chat_user.external_id")
    status = serializers.CharField()
    created_at = serializers.DateTimeField(source="started_at")

    class Meta:
        model = Conversation
        fields: tuple[str, ...] = ("id", "bot", "user", "title", "status", "owner", "created_at", "last_activity")


class StartedSerializer(ConversationSerializer):
    """What starting brings; beside it the answer, when a message was given."""

    class Meta(ConversationSerializer.Meta):
        fields = ("id", "bot", "user", "status", "created_at")


class MessageSerializer(serializers.ModelSerializer):
    class Meta:
        model = Message
        fields = ("id", "seq", "turn", "role", "text", "model_used", "feedback", "created_at")

    def to_representation(self, instance: Message) -> dict[str, Any]:
        return message_body(instance)
