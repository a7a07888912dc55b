"""System checks over the environment: each names the variable, the fault and the mend."""

from __future__ import annotations

import os
from typing import Any

from cryptography.fernet import Fernet
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register


@register()
def environment(**_: Any) -> list[CheckMessage]:
    """Malformed values and unknown names."""
    found: list[CheckMessage] = [
        Error(f"{fault.name} {fault.reason}.", hint=f"{fault.mend[0].upper()}{fault.mend[1:]}.", id="switchboard.E001")
        for fault in settings.ENVIRONMENT.faults
    ]
    found += [
        Warning(f"{name} in .env is no variable of Switchboard.", hint="See .env.example.", id="switchboard.W001")
        for name in settings.ENVIRONMENT.unknown
    ]
    return found


@register()
def encryption_keys(**_: Any) -> list[CheckMessage]:
    """FIELD_ENCRYPTION_KEYS: there, and Fernet keys."""
    if not settings.FIELD_ENCRYPTION_KEYS:
        return [
            Warning("FIELD_ENCRYPTION_KEYS is not set: credentials cannot be kept.", hint=_KEY, id="switchboard.W002")
        ]
    for position, key in enumerate(settings.FIELD_ENCRYPTION_KEYS, 1):
        try:
            Fernet(key)
        except ValueError:
            return [Error(f"FIELD_ENCRYPTION_KEYS: key {position} is no Fernet key.", hint=_KEY, id="switchboard.E002")]
    return []


@register()
def default_model(**_: Any) -> list[CheckMessage]:
    """DEFAULT_MODEL: of the form <provider>/<model>."""
    provider, _slash, model = settings.DEFAULT_MODEL.partition("/")
    if provider and model:
        return []
    hint = "Write <provider>/<model>, such as demo/demo."
    return [Error("DEFAULT_MODEL is not of the form <provider>/<model>.", hint=hint, id="switchboard.E003")]


@register()
def github_models(**_: Any) -> list[CheckMessage]:
    """GITHUB_TOKEN: what it was for has ended."""
    if not os.environ.get("GITHUB_TOKEN") and not settings.ENVIRONMENT.given("GITHUB_TOKEN"):
        return []
    return [Warning("GITHUB_TOKEN is set, but GitHub Models ended on 30 July 2026.",
                    hint="Use OPENAI_BASE_URL with OpenAI, OpenRouter or any compatible server.",
                    id="switchboard.W003")]  # fmt: skip


@register(Tags.security, deploy=True)
def secret_key(**_: Any) -> list[CheckMessage]:
    """SECRET_KEY: set, when it matters."""
    if settings.ENVIRONMENT.given("SECRET_KEY"):
        return []
    return [Warning("SECRET_KEY is not set: every restart signs everybody out.",
                    hint="Set 50 random characters.", id="switchboard.W004")]  # fmt: skip


_KEY = 'Make one: python -c "from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())"'
