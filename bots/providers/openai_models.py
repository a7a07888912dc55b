"""`GET /models` as our list of offers. What vendors add to OpenAI's form is read where it is known, else left out."""

from __future__ import annotations

from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from bots.providers.base import OfferedModel, OfferedPrice

MOST = 5_000
CONTEXT = ("context_length", "max_model_len", "context_window")  # OpenRouter, vLLM, Groq
SHUTDOWN = ("shutdown_date", "expiration_date")  # OpenAI, OpenRouter
NANO_A_MILLION = Decimal(10) ** 15  # from dollars a token, as OpenRouter says it, to nano-dollars per million


def offered(body: Any) -> list[OfferedModel]:
    """Models by name, each once. Raises ValueError when this is no such list; Ollama's null is an empty one."""
    if not isinstance(body, dict) or not isinstance(body.get("data", ""), list | None):
        raise ValueError("no list of models")
    rows = [row for row in body["data"] or [] if isinstance(row, dict) and _named(row.get("id"))]
    found = {row["id"]: _offer(row) for row in rows[:MOST]}
    return [found[name] for name in sorted(found)]


def _named(name: Any) -> bool:
    return isinstance(name, str) and 0 < len(name) <= 150 and name.isprintable() and name == name.strip()


def _offer(row: dict[str, Any]) -> OfferedModel:
    parameters, architecture = row.get("supported_parameters"), row.get("architecture")
    inputs = architecture.get("input_modalities") if isinstance(architecture, dict) else None
    name = row.get("name")
    return OfferedModel(
        row["id"],
        shutdown_date=next((day for key in SHUTDOWN if (day := _date(row.get(key)))), None),
        label=name[:150] if _named(name) and isinstance(name, str) else "",
        context_window=next((size for key in CONTEXT if (size := _tokens(row.get(key)))), None),
        can_call_tools="tools" in parameters if isinstance(parameters, list) else None,
        can_see_images="image" in inputs if isinstance(inputs, list) else None,
        can_reason="reasoning" in parameters if isinstance(parameters, list) else None,
        price=_price(row.get("pricing")),
    )


def _price(told: Any) -> OfferedPrice | None:
    """Dollars a token as texts; a negative one stands for "depends" (OpenRouter's own router)."""
    if not isinstance(told, dict):
        return None
    fresh, out = _nano(told.get("prompt")), _nano(told.get("completion"))
    if fresh is None or out is None:
        return None
    return OfferedPrice(input=fresh, output=out, cached=_nano(told.get("input_cache_read")))


def _nano(dollars: Any) -> int | None:
    if not isinstance(dollars, str | int | float) or isinstance(dollars, bool):
        return None
    try:
        amount = Decimal(str(dollars))
    except InvalidOperation:
        return None
    return round(amount * NANO_A_MILLION) if amount.is_finite() and 0 <= amount < 1 else None


def _tokens(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 < value < 2**31 else None


def _date(value: Any) -> str | None:
    try:
        return date.fromisoformat(value[:10]).isoformat() if isinstance(value, str) else None
    except ValueError:
        return None
