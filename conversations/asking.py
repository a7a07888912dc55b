"""What a model is asked for a turn: which model, the context within its window, the tools that it may use."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from bots import context
from bots.providers.base import ChatMessage
from bots.tools.base import ToolContext, allowed, tools
from channels_integrations.setup import Setup
from conversations.agent import Job
from conversations.choose import choose
from conversations.lines import Line
from conversations.models import ChatUser, Message, Person
from conversations.turns import Claim


def job(setup: Setup, held: Claim) -> Job:
    """What a model is asked for this turn. Raises NoModel."""
    speaker = _speaker(held)
    person = speaker.person
    model, level = choose(setup, conversation=held.conversation.model_override_id, person=person.preferred_model_id)
    offered = _offered(setup, _permissions(person)) if model.can_call_tools else ()
    longest = min(model.max_output_tokens, setup.max_output_tokens or model.max_output_tokens)
    messages, first_seq = context.compose(
        instructions=context.instructions(bot=setup.bot_name, prompt=setup.prompt, channel_prompt=setup.channel_prompt),
        earlier=[context.Said(m.seq, _chat(m)) for m in held.history if m.turn_id != held.turn.pk],
        facts=context.facts(now=datetime.now(_zone(person.timezone)), person=person.name, language=person.language),
        own=[_chat(m) for m in held.history if m.turn_id == held.turn.pk and m.role == Message.Role.USER],
        budget=max(500, model.context_window - longest - 300 * len(offered)),
        length=int(setup.flags["max_conversation_length"]),
    )
    return Job(
        held=held,
        bot=setup.bot_slug,
        model=model,
        level=level,
        messages=messages,
        first_seq=first_seq,
        tools=offered,
        context=_tool_context(setup, held, speaker),
        parameters=setup.parameters,
        longest=longest,
        prompt_version_id=setup.prompt_version_id,
    )


def _offered(setup: Setup, permissions: frozenset[str]) -> Any:
    if not setup.flags["enable_tools"]:
        return ()
    return tuple(tools[name].spec() for name in setup.tools if name in tools and allowed(tools[name], permissions))


def _permissions(person: Person) -> frozenset[str]:
    """What the person's own account here may do; a stranger may nothing."""
    return frozenset(person.user.get_all_permissions()) if person.user else frozenset()


def _speaker(held: Claim) -> ChatUser:
    """Who wrote what is answered: in a shared chat not always who began it."""
    own = [m.sender_id for m in held.history if m.turn_id == held.turn.pk and m.role == Message.Role.USER]
    first: ChatUser = held.conversation.chat_user
    if not own or own[-1] in (None, first.pk):
        return first
    speaker: ChatUser = ChatUser.objects.select_related("person").get(pk=own[-1])
    return speaker


def _tool_context(setup: Setup, held: Claim, user: ChatUser) -> ToolContext:
    return ToolContext(
        workspace_id=str(setup.workspace_id),
        bot_id=str(setup.bot_id),
        channel_id=str(setup.channel_id),
        conversation_id=str(held.conversation.pk),
        turn_id=str(held.turn.pk),
        person_id=str(user.person_id),
        chat_user_id=str(user.pk),
        user_id=str(user.person.user_id) if user.person.user_id else None,
        timezone=user.person.timezone or "UTC",
        language=user.person.language,
    )


def _zone(name: str) -> Any:
    try:
        return ZoneInfo(name) if name else UTC
    except (ZoneInfoNotFoundError, ValueError):
        return UTC


def _chat(message: Line) -> ChatMessage:
    role: Any = message.role
    author = message.metadata.get("author")
    return ChatMessage(role=role, text=f"({author}, a person of the team:) {message.text}" if author else message.text)
