"""The built-in demo models: no key, no network, and no pretence. They stream, use tools, and explain this product."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncGenerator, Sequence

from bots.providers.base import (
    Account,
    ChatMessage,
    ChatRequest,
    Finish,
    OfferedModel,
    StreamEvent,
    TextDelta,
    ToolCallRequest,
    Usage,
    client,
)
from bots.providers.demo_knowledge import ANSWERS, SAMPLE

PAUSE = 0.012  # seconds between words: as a quick model would stream
LABEL = "I'm Switchboard's built-in demo model"

SUM = re.compile(r"[-+(]*\d[\d.,]*\s*(?:(?:[-+*/^×÷%]|\*\*)\s*[-+(]*\d[\d.,]*\)*\s*)+")
PERCENT = re.compile(r"\d[\d.,]*\s*%\s*of\s*\d[\d.,]*", re.IGNORECASE)
TIME = re.compile(r"\b(what (time|day|date)|the (time|date)|today|what's the time|time is it|time in)\b", re.IGNORECASE)
PLACE = re.compile(r"\btime(?: is it)?(?: now)? in ([A-Za-z_/ ]{2,40})", re.IGNORECASE)
WHO = re.compile(
    r"\b(who are you|what are you|your (name|prompt|instructions)|system prompt|introduce yourself)\b", re.IGNORECASE
)
MY_NAME = re.compile(r"\bmy name is ([^\W\d_][\w'-]{0,40})", re.IGNORECASE)
ASK_NAME = re.compile(r"\b(what(?:'s| is) my name|who am i)\b", re.IGNORECASE)
GREETING = re.compile(r"^\W*(hi|hello|hey|hallo|hola|bonjour|good (morning|evening|day))\b", re.IGNORECASE)
LONG = re.compile(r"\b(markdown|table|long (answer|text|story)|example of code|show me code)\b", re.IGNORECASE)


@client("demo")
class Demo:
    """Answers by rule. `brief` says the same in one sentence."""

    def __init__(self, account: Account) -> None:
        self.account = account

    async def models(self) -> list[OfferedModel]:
        return [OfferedModel("brief"), OfferedModel("demo")]

    async def aclose(self) -> None:
        return None

    async def stream(self, request: ChatRequest) -> AsyncGenerator[StreamEvent, None]:
        asked = _tool_wanted(request)
        if asked is not None:
            yield asked
        text = "" if asked else _answer(request)
        if request.model == "brief":
            text = re.split(r"(?<=[.!?])\s|\n\n", text, maxsplit=1)[0]
        for word in re.findall(r"\s*\S+\s*?|\s+$", text):
            yield TextDelta(word)
            await asyncio.sleep(PAUSE)
        said = asked.arguments if asked else text
        yield Usage(input_tokens=sum(_tokens(m.text) for m in request.messages), output_tokens=_tokens(said))
        yield Finish("tool_calls" if asked else "stop")


def _tool_wanted(request: ChatRequest) -> ToolCallRequest | None:
    """The tool a question calls for, when it is offered and has not answered yet."""
    offered = {tool.name for tool in request.tools}
    if request.messages[-1].role == "tool":
        return None
    text = _last_user(request.messages)
    expression = _expression(text)
    if expression and "calculate" in offered:
        return ToolCallRequest(id="demo_1", name="calculate", arguments=json.dumps({"expression": expression}))
    if TIME.search(text) and "get_datetime" in offered:
        place = PLACE.search(text)
        arguments = {"timezone": place[1].strip()} if place else {}
        return ToolCallRequest(id="demo_1", name="get_datetime", arguments=json.dumps(arguments))
    return None


def _answer(request: ChatRequest) -> str:
    last = request.messages[-1]
    if last.role == "tool":
        return _phrase(last)
    text = _last_user(request.messages)
    if WHO.search(text):
        return _introduction(request.messages)
    if ASK_NAME.search(text):
        return _remembered_name(request.messages)
    introduced = MY_NAME.search(text)
    if introduced:
        return f"Nice to meet you, {introduced[1]}. Ask me later what your name is: I read the whole conversation."
    known = next((answer for pattern, answer in [(LONG, SAMPLE), *ANSWERS] if pattern.search(text)), "")
    if known:
        return known
    if GREETING.search(text):
        return f"Hello! {LABEL}, so no AI key is needed. Ask me about channels, models or costs, or give me a sum."
    return _honest(text)


def _phrase(result: ChatMessage) -> str:
    if result.text.startswith("Error:"):
        return f"The tool `{result.name}` could not do that. {result.text[6:].strip()}"
    if result.name == "calculate":
        return f"That makes **{result.text}**. (Worked out by the tool `calculate`.)"
    return f"{result.text.strip()}\n\n(From the tool `{result.name}`.)"


def _introduction(messages: Sequence[ChatMessage]) -> str:
    prompt = next((m.text for m in messages if m.role == "system"), "")
    quoted = "\n".join(f"> {line}" for line in prompt.splitlines()) or "> (none)"
    return f"{LABEL}. This bot's name and prompt, which a real model would follow, are:\n\n{quoted}"


def _remembered_name(messages: Sequence[ChatMessage]) -> str:
    for message in reversed(messages):
        found = MY_NAME.search(message.text) if message.role == "user" else None
        if found:
            return f"Your name is {found[1]}: you told me earlier in this conversation."
    return "You have not told me your name in this conversation. Try: my name is Ada."


def _honest(text: str) -> str:
    quoted = " ".join(text.split())[:200]
    return (
        f"{LABEL}, so I answer by rule, not by thinking. You wrote: “{quoted}”.\n\n"
        "Things I can do:\n\n"
        "- tell you about **channels**, **models**, **commands**, **costs** or the **API**\n"
        "- work out a sum, such as `12 * (3 + 4)`\n"
        "- say what time it is in Tokyo\n"
        "- show a table: ask for *Markdown*\n\n"
        "With a key in `OPENAI_API_KEY` a real model answers here instead."
    )


def _expression(text: str) -> str:
    found = PERCENT.search(text) or SUM.search(text)
    if not found:
        return ""
    expression = found[0].strip().rstrip(".,")
    start = text.index(found[0])
    opened = text[:start].rstrip()
    while expression.count(")") > expression.count("(") and opened.endswith("("):
        expression, opened = "(" + expression, opened[:-1].rstrip()
    return expression


def _last_user(messages: Sequence[ChatMessage]) -> str:
    return next((m.text for m in reversed(messages) if m.role == "user"), "")


def _tokens(text: str) -> int:
    return max(1, len(text.encode("utf-8", "replace")) // 3)
