"""How Discord says no, and to what messages."""

from __future__ import annotations

from typing import Any

LONGEST = 2_000


class Fault(Exception):
    """An answer that is no success."""

    def __init__(self, status: int, code: int, message: str = "no", errors: dict[str, Any] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.body = {"code": code, "message": message, **({"errors": errors} if errors else {})}


def check(body: Any) -> None:
    """Raises Fault, as its forms complain."""
    errors: dict[str, Any] = {}
    if len(body["content"]) > LONGEST:
        errors["content"] = {"_errors": [{"code": "BASE_TYPE_MAX_LENGTH", "message": "Must be 2000 or fewer"}]}
    if len(str(body.get("nonce", ""))) > 25:
        errors["nonce"] = {"_errors": [{"code": "BASE_TYPE_MAX_LENGTH", "message": "Must be 25 or fewer"}]}
    rows = body.get("components") or []
    buttons = [button for row in rows for button in row["components"]]
    if any(len(b["custom_id"]) > 100 or not 0 < len(b["label"]) <= 80 for b in buttons) or len(rows) > 5:
        errors["components"] = {"_errors": [{"code": "BUTTON", "message": "no"}]}
    if any(not 0 < len(row["components"]) <= 5 for row in rows):
        errors["components"] = {"_errors": [{"code": "ROW", "message": "no"}]}
    if errors:
        raise Fault(400, 50035, "Invalid Form Body", errors)
    if not body["content"].strip():
        raise Fault(400, 50006, "Cannot send an empty message")
