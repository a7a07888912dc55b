"""Signatures as Standard Webhooks has them (https://github.com/standard-webhooks/standard-webhooks, spec 1.0.0).

HMAC-SHA256 over `<id>.<timestamp>.<body>`, base64, as `v1,<signature>`; several are separated by a space, so that a
secret can be changed without a gap.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
import time
from collections.abc import Mapping

from channels_integrations.base import BadSignature

TOLERANCE = 300  # seconds that a call may be old, or ahead of our clock
TIMESTAMP = re.compile(r"[0-9]{1,12}", re.ASCII)
ID = re.compile(r"[\x21-\x2d\x2f-\x7e]{1,200}")  # printable ASCII without the dot that separates


def key_of(secret: str) -> bytes:
    """The key of a secret as it is written down: base64, after `whsec_`. Raises ValueError."""
    try:
        key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except binascii.Error:
        raise ValueError("the secret is not base64") from None
    if not 24 <= len(key) <= 64:
        raise ValueError("the secret must have 24 to 64 bytes, in base64")
    return key


def sign(key: bytes, *, message_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """The three headers of a call."""
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": "v1," + base64.b64encode(_digest(key, message_id, str(timestamp), body)).decode(),
    }


def check(key: bytes, headers: Mapping[str, str], body: bytes) -> None:
    """Raises BadSignature unless a signature is right and the call is of these minutes; nothing else, ever."""
    message_id, timestamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not ID.fullmatch(message_id) or not TIMESTAMP.fullmatch(timestamp):
        raise BadSignature("webhook-id or webhook-timestamp is missing or malformed")
    if abs(time.time() - int(timestamp)) > TOLERANCE:
        raise BadSignature("the call is too old, or ahead of time")
    expected = _digest(key, message_id, timestamp, body)
    right = False
    for part in headers.get("webhook-signature", "").split(" ")[:10]:
        right |= hmac.compare_digest(_given(part), expected)
    if not right:
        raise BadSignature("no signature is right")


def _digest(key: bytes, message_id: str, timestamp: str, body: bytes) -> bytes:
    return hmac.digest(key, f"{message_id}.{timestamp}.".encode() + body, hashlib.sha256)


def _given(part: str) -> bytes:
    """The bytes of a `v1,<base64>`; b"" for anything else."""
    version, _comma, text = part.partition(",")
    try:
        return base64.b64decode(text, validate=True) if version == "v1" and text.isascii() else b""
    except (binascii.Error, ValueError):
        return b""
