"""In which of our languages somebody is spoken to."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.utils.translation import get_supported_language_variant
from django.utils.translation.trans_real import parse_accept_lang_header


def known(code: str | None) -> str | None:
    """The language of ours that fits a code best, as "de" for "de-at"; None when there is none."""
    try:
        return get_supported_language_variant(code) if code else None
    except LookupError:
        return None


def of(code: str | None) -> str:
    """The same, or the installation's."""
    return known(code) or settings.LANGUAGE_CODE


def accepted(scope: Any) -> str:
    """What a browser asks for in its headers, or the installation's."""
    asked = dict(scope["headers"]).get(b"accept-language", b"").decode("latin-1")
    found = (known(code) for code, _weight in parse_accept_lang_header(asked.lower()) if code != "*")
    return next((code for code in found if code), settings.LANGUAGE_CODE)
