"""The ledger of an answer: the turn, the model calls and tool calls it took. Rows here are never edited by hand."""

from __future__ import annotations

from typing import Any, Self

from django.db import models
from django.db.models import Case, Q, Value, When
from django.db.models.functions import Now

from bots.fields import IdField
from bots.models import AIModel, Bot, PromptVersion
from bots.models.workspace import ScopedQuerySet
from channels_integrations.models import ChannelConfig
from conversations.models.conversation import Conversation

OPEN = ("queued", "running", "waiting")
GIVEN_UP = ("stopped", "failed", "dead")
TO_TRY_AGAIN = ("dead",)  # of those; a person was told of the others, and asks again


class TurnQuerySet(ScopedQuerySet):
    workspace_path = "conversation__workspace"

    def stop(self, reason: str) -> None:
        """The running ones end with what was said so far, those that wait are not answered."""
        queued = Q(state=Turn.State.QUEUED)  # in one statement: what is claimed meanwhile is not missed
        self.filter(finished_at=None, state__in=(Turn.State.QUEUED, Turn.State.RUNNING)).update(
            stop_requested=Case(When(queued, then="stop_requested"), default=Value(True)),
            reason=Case(When(queued, then=Value(reason)), default="reason"),
            finished_at=Case(When(queued, then=Now()), default="finished_at"),
            state=Case(When(queued, then=Value(Turn.State.STOPPED)), default="state"),
        )


class Turn(models.Model):
    """The bot's duty to answer. Queued when its message is stored, and open until it has exactly one outcome."""

    class State(models.TextChoices):
        QUEUED = "queued"
        RUNNING = "running"
        WAITING = "waiting"
        DONE = "done"
        STOPPED = "stopped"
        FAILED = "failed"
        DEAD = "dead"

    id = IdField()
    conversation = models.ForeignKey(Conversation, on_delete=models.PROTECT, related_name="turns", db_index=False)
    state = models.CharField(max_length=10, choices=State, default=State.QUEUED)
    attempts = models.PositiveSmallIntegerField(default=0)
    first_seq = models.PositiveIntegerField()
    stop_requested = models.BooleanField(default=False)
    reason = models.CharField(max_length=300, blank=True)
    run_after = models.DateTimeField(db_default=Now())
    created_at = models.DateTimeField(db_default=Now())
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    objects = TurnQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["conversation", "first_seq"], name="one_turn_a_message")]
        indexes = [
            models.Index(fields=["run_after"], name="turn_open", condition=Q(state__in=OPEN)),
            models.Index(fields=["state", "id"], name="turn_given_up", condition=Q(state__in=GIVEN_UP)),
        ]

    def __str__(self) -> str:
        return f"{self.state}, from message {self.first_seq}"

    @property
    def is_open(self) -> bool:
        return self.state in OPEN


class LedgerQuerySet(ScopedQuerySet):
    workspace_path = "turn__conversation__workspace"


class ModelCallQuerySet(ScopedQuerySet):
    workspace_path = "bot__workspace"


def _said_again(to: Any) -> Any:
    """What the turn's conversation says too: copied when the call is stored, checked and kept there."""
    return models.ForeignKey(
        to, null=True, on_delete=models.DO_NOTHING, related_name="+", db_index=False, db_constraint=False
    )


class ModelCall(models.Model):
    """One call of a model: tokens, time, and the cost at the price of that moment (null: unknown, not zero).

    It names its conversation, bot and channel itself, and whether it was a test: so reports join nothing.
    """

    id = IdField()
    conversation = _said_again(Conversation)
    bot = _said_again(Bot)
    channel = _said_again(ChannelConfig)
    is_test = models.BooleanField(default=False, db_default=False)
    turn = models.ForeignKey(Turn, on_delete=models.PROTECT, related_name="model_calls")
    model = models.ForeignKey(AIModel, null=True, on_delete=models.PROTECT, related_name="+", db_index=False)
    model_name = models.CharField(max_length=200)
    level = models.CharField(max_length=15)
    prompt_version = models.ForeignKey(
        PromptVersion, null=True, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    attempt = models.PositiveSmallIntegerField()
    round = models.PositiveSmallIntegerField()
    first_seq = models.PositiveIntegerField(null=True)
    last_seq = models.PositiveIntegerField(null=True)
    input_tokens = models.PositiveIntegerField(null=True)
    cached_tokens = models.PositiveIntegerField(null=True)
    output_tokens = models.PositiveIntegerField(null=True)
    estimated = models.BooleanField(default=False)
    input_nanodollars = models.BigIntegerField(null=True)
    cached_nanodollars = models.BigIntegerField(null=True)
    output_nanodollars = models.BigIntegerField(null=True)
    cost_nanodollars = models.BigIntegerField(null=True)
    latency_ms = models.PositiveIntegerField()
    first_token_ms = models.PositiveIntegerField(null=True)
    finish_reason = models.CharField(max_length=30, blank=True)
    error = models.CharField(max_length=30, blank=True)
    said = models.JSONField(null=True)
    created_at = models.DateTimeField(db_default=Now())

    objects = ModelCallQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(
                fields=["created_at"],
                include=[
                    "bot", "channel", "conversation", "model", "model_name", "is_test", "input_tokens", "cached_tokens",
                    "output_tokens", "cost_nanodollars", "id",
                ],
                name="model_call_report",
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.model_name} {self.finish_reason or self.error}"

    def save(self, **kwargs: Any) -> None:
        if self.conversation_id is None:
            self.of(self.turn.conversation)
        super().save(**kwargs)

    def of(self, conversation: Conversation) -> Self:
        """The call, with what its conversation says."""
        self.conversation_id, self.is_test = conversation.pk, conversation.is_test
        self.bot_id, self.channel_id = conversation.bot_id, conversation.channel_id
        return self


class ToolCall(models.Model):
    """One call of a tool, journaled so that its effect happens at most once."""

    class State(models.TextChoices):
        STARTED = "started"
        DONE = "done"
        FAILED = "failed"
        UNKNOWN = "unknown"

    id = IdField()
    turn = models.ForeignKey(Turn, on_delete=models.PROTECT, related_name="tool_calls", db_index=False)
    round = models.PositiveSmallIntegerField()
    position = models.PositiveSmallIntegerField()
    call_id = models.CharField(max_length=200)
    name = models.CharField(max_length=100)
    arguments = models.TextField()
    effects = models.CharField(max_length=15)
    state = models.CharField(max_length=10, choices=State)
    result = models.TextField(blank=True)
    created_at = models.DateTimeField(db_default=Now())
    finished_at = models.DateTimeField(null=True)

    objects = LedgerQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["turn", "round", "position"], name="tool_call_once")]

    def __str__(self) -> str:
        return f"{self.name} {self.state}"
