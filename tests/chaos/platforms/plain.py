"""A webhook platform that does not know a repeated send when it sees one."""

from __future__ import annotations

from dataclasses import replace

from channels_integrations.base import adapter
from channels_integrations.platforms.webhook.adapter import Webhook


@adapter
class Plain(Webhook):
    kind = "plain"
    label = "Plain webhook (tests)"
    capabilities = replace(Webhook.capabilities, resend="once")
