"""The one function that answers: claim, generate, close. Whatever rang, in whatever process, it is this."""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import structlog
from django.conf import settings
from django.db import Error
from django.utils import translation

from bots import crash
from bots.providers.base import ProviderError
from bots.threads import AWAY, in_thread, in_thread_again
from channels_integrations.base import Adapter
from channels_integrations.setup import Misconfigured, Setup, adapter_of, setup_of
from conversations import asking, languages, live, metrics, notices, outcomes, pauses, toolbox, turns, undisturbed
from conversations.accept import Accepted
from conversations.agent import Answer, Fenced, Job, generate
from conversations.choose import NoModel
from conversations.commands.base import Command, parse
from conversations.draft import Draft, Emit, discard
from conversations.frames import message_frame
from conversations.models import Conversation, Message, Turn
from conversations.outbox import parts_of
from conversations.stopping import Stop
from conversations.turns import Claim, Closed, Outcome

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Running:
    """A turn in this process: who holds it, how to stop it, what it has said so far."""

    held: Claim
    stop: Stop
    draft: Draft


@dataclass(frozen=True, slots=True)
class Begun:
    """A claimed turn and what is to be done for it: asked of a model, obeyed as a command, or said at once.

    `setup`: None where it could not be read, which `todo` says.
    """

    held: Claim
    todo: Job | Outcome | tuple[Command, str]
    setup: Setup | None
    adapter: Adapter | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    """A stored answer. `more`: another turn of the conversation waits; `to_send`: a platform is to be sent it."""

    message: Message
    more: bool
    to_send: bool


async def answer(
    conversation_id: uuid.UUID,
    emit: Emit = discard,
    *,
    begun: Begun | None = None,
    started: Callable[[Running], Any] = lambda _: None,
) -> Reply | None:
    """The oldest open turn's answer, stored; None when there was nothing to do here, or another process holds it.

    `begun`: the turn that was claimed with its message. Raises DatabaseError when the database went away for longer.
    """
    begun = begun or await in_thread(begin, conversation_id)
    if begun is None:
        return None
    held = begun.held
    with structlog.contextvars.bound_contextvars(conversation_id=str(conversation_id), turn_id=str(held.turn.pk)):
        draft = Draft(turn_id=held.turn.pk, token=held.token, emit=emit)
        running = Running(held, Stop(), draft)
        started(running)
        crash.point("turn claimed")
        with translation.override(_language(held)):
            async with live.showing(held, _watched(begun), draft, shows=_shows(begun)) as shown:
                outcome = await _outcome(begun, running)
            crash.point("turn closing")
            closed = await in_thread_again(_close, begun, outcome, shown) if outcome else None
        if closed is None or outcome is None:
            log.warning("turn_fenced")
            metrics.FENCED.inc()
            if shown:
                await shown.mend()
            return None
        crash.point("turn closed")
        asked = begun.todo.model.reference if isinstance(begun.todo, Job) else "none"
        if not held.conversation.metadata.get("test"):
            metrics.turn_closed(begun.setup, held.turn, state=outcome.state, model=asked)
        log.info("turn_closed", state=str(outcome.state), reason=outcome.reason, model=outcome.model)
        await _tell(emit, held, outcome, closed)
        return Reply(closed.message, closed.more, closed.to_send)


def _watched(begun: Begun) -> Adapter | None:
    """Where people wait for the answer of a model; what is said at once needs no showing."""
    return begun.adapter if isinstance(begun.todo, Job) else None


def _shows(begun: Begun) -> bool:
    return begun.setup is not None and bool(begun.setup.flags["live_answers"])


async def _tell(emit: Emit, held: Claim, outcome: Outcome, closed: Closed) -> None:
    await emit(message_frame(closed.message))
    if outcome.metadata.get("ends"):
        await emit({"type": "ended", "conversation": str(held.conversation.pk)})


def begin(conversation_id: uuid.UUID) -> Begun | None:
    """The oldest open turn, claimed and prepared; None when there is none for us."""
    try:
        setup = setup_of(_channel_of(conversation_id))
    except AWAY:
        raise
    except Exception:  # ends the turn, once that is claimed
        log.exception("setup_broke", conversation_id=str(conversation_id))
        setup = None
    if setup and setup.paused:
        pauses.settle(setup, conversation_id)
        return None
    held = turns.claim(conversation_id, length=int(setup.flags["max_conversation_length"]) if setup else 1)
    return prepare(held) if held else None


def prepare(held: Claim) -> Begun | None:
    """What is to be done for a claimed turn; None, and it waits again, where the channel was switched off meanwhile."""
    setup = adapter = None
    try:
        adapter, setup = _adapter(held.conversation), _setup(held.conversation)
        if setup.paused:
            turns.hand_back(held)
            return None
        with translation.override(_language(held)):
            return Begun(held, _todo(setup, held), setup, adapter)
    except NoModel as error:
        notice = outcomes.notice(Turn.State.FAILED, str(error), notices.for_error("unknown_model"))
        return Begun(held, notice, setup, adapter)
    except AWAY:
        raise
    except Exception:  # as in `_outcome`
        log.exception("turn_broke", turn_id=str(held.turn.pk))
        return Begun(held, outcomes.broken(), setup, adapter)


def accept_and_prepare(store: Callable[[], Accepted]) -> tuple[Accepted, Begun | None]:
    """What `store` accepted, and its turn where that was claimed with it: one crossing to the database for both."""
    accepted = store()
    try:
        return accepted, prepare(accepted.claim) if accepted.claim else None
    except Error as error:  # stored it is; the sweeper finds it when the lease has run out
        log.warning("turn_left_to_sweeper", error=type(error).__name__)
        return accepted, None


def _adapter(conversation: Conversation) -> Adapter | None:
    """The driver that the answer goes out by; None where the channel is not set up: said by every check of it."""
    try:
        return adapter_of(conversation.channel_id)
    except Misconfigured:
        return None


def _setup(conversation: Conversation) -> Setup:
    """The channel's; where staff try a bot, with what their form said."""
    setup, trial = setup_of(conversation.channel_id), conversation.metadata.get("trial")
    return setup.tried(trial) if trial else setup


def _todo(setup: Setup, held: Claim) -> Job | Outcome | tuple[Command, str]:
    if held.turn.attempts > settings.TURN_ATTEMPTS:
        return outcomes.notice(Turn.State.DEAD, "it ended its process each time", notices.gave_up())
    if refused := held.refused:
        return Outcome(state=Turn.State.DONE, text=notices.unread(refused), reason=refused, **outcomes.APART)
    command, args = parse(held.spoken) if setup.flags["enable_commands"] and _may_command(held) else (None, "")
    if command is not None:
        return command, args
    if held.turn.stop_requested and not held.journal:  # else there are tool calls to be seen to first
        return outcomes.stopped()
    return asking.job(setup, held)


@lru_cache(maxsize=10_000)
def _channel_of(conversation_id: uuid.UUID) -> uuid.UUID:
    """A conversation stays on its channel, so that this is asked once."""
    return Conversation.objects.values_list("channel_id", flat=True).get(pk=conversation_id)


def _close(begun: Begun, outcome: Outcome, shown: live.Live | None) -> Closed | None:
    held = begun.held
    parts = parts_of(
        begun.adapter, outcome.text, outcome.metadata.get("buttons", []), reply_to=held.answer_to,
        placed=shown.placed if shown else live.begun_in(held.turn), begun_as=live.begun_as(held.turn),
        not_before=shown.not_before if shown else 0,
    ) if begun.adapter else []  # fmt: skip
    closed = (None if parts else undisturbed.close(held, outcome)) or turns.close(held, outcome, parts)
    if closed is None:
        turns.keep_cost(held, outcome.calls)
    else:
        undisturbed.remember(held.conversation, closed.message.seq + 1)
    return closed


async def _outcome(begun: Begun, running: Running) -> Outcome | None:
    held, job = begun.held, begun.todo
    if isinstance(job, Outcome):
        return job
    answer = Answer()
    try:
        if isinstance(job, tuple):
            return await in_thread(_obey, *job, held)
        await running.draft.begin()
        if not await toolbox.finish_interrupted(held, job.context, offered=job.offered):
            return None
        await generate(job, running.draft, running.stop, answer)
        await running.draft.finish()
        return outcomes.spoken(job, answer)
    except ProviderError as error:
        return outcomes.notice(Turn.State.FAILED, str(error), notices.for_error(error.code), calls=tuple(answer.calls))
    except Fenced:
        return None
    except AWAY:  # no fault of the turn: it waits for the database, and is answered then
        raise
    except Exception:  # the supervisor of a turn: our own mistake ends it, with its trace in the log
        log.exception("turn_broke")
        return outcomes.broken()


def _may_command(held: Claim) -> bool:
    return not held.conversation.metadata.get("stateless")


def _language(held: Claim) -> str:
    """In which our own sentences are said to who began the conversation."""
    return languages.of(held.conversation.chat_user.person.language)


def _obey(command: Command, args: str, held: Claim) -> Outcome:
    said = command.function(held.turn, args)
    text, buttons = (said, ()) if isinstance(said, str) else (said.text, said.buttons)
    metadata: dict[str, Any] = {"command": command.name, "ends": command.ends}
    if buttons:
        metadata["buttons"] = [dataclasses.asdict(button) for button in buttons]
    return Outcome(state=Turn.State.DONE, text=text, metadata=metadata, **outcomes.APART)
