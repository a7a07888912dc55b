"""Webhook platforms that are tried again soon; one knows a repeated send by its key, one does not."""

from __future__ import annotations

from dataclasses import replace

from channels_integrations.base import adapter
from channels_integrations.platforms.webhook.adapter import Webhook

WAITS = (0.5,) * 30


@adapter
class Keyed(Webhook):
    kind = "keyed"
    label = "Keyed (tests)"
    capabilities = replace(Webhook.capabilities, waits=WAITS)


@adapter
class Plain(Webhook):
    kind = "plain"
    label = "Plain (tests)"
    capabilities = replace(Webhook.capabilities, waits=WAITS, resend="once")
