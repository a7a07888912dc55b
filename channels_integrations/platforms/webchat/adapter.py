"""The chat page and widget of our own: the socket is the platform, so there is nothing to send."""

from __future__ import annotations

from typing import Annotated, Any

from django.utils.translation import gettext_lazy as _
from pydantic import BaseModel, ConfigDict, Field, SecretStr, StringConstraints, field_validator

from channels_integrations.base import Capabilities, EmbeddableAdapter, adapter

Site = Annotated[str, StringConstraints(strip_whitespace=True, pattern=r"^https?://(\*\.)?[a-z0-9.-]+(:\d{1,5})?$")]


class Look(BaseModel):
    """How the chat looks, where it may be embedded, and whose word about its visitors counts."""

    model_config = ConfigDict(extra="forbid")

    accent: str = Field(
        default="",
        pattern=r"^(#[0-9a-fA-F]{6})?$",
        title=str(_("Colour")),
        description=str(_("Of the header and the buttons, as #1a5fb4. Empty: blue.")),
    )
    sites: list[Site] = Field(
        default_factory=list,
        title=str(_("Sites that may embed it")),
        description=str(_("One a line, as https://www.example.com or https://*.example.com, without a path.")),
    )
    person_button: bool = Field(
        default=True,
        title=str(_("Button “Talk to a person”")),
        description=str(_("Calls somebody of the team, as /human does. Switch it off where nobody answers.")),
    )
    identity_key: SecretStr | None = Field(
        default=None,
        min_length=16,
        title=str(_("Identity key")),
        description=str(
            _(
                "At least 16 characters that only your server knows. With it the site can say who its user is: "
                "data-user-hash is the hex HMAC-SHA256 of data-user with this key."
            )
        ),
    )

    @field_validator("sites", mode="before")
    @classmethod
    def _lower(cls, sites: Any) -> Any:
        if not isinstance(sites, list):
            return sites
        return [site.strip().lower().rstrip("/") if isinstance(site, str) else site for site in sites]


@adapter
class WebChat(EmbeddableAdapter):
    kind = "webchat"
    label = "Web chat"
    Config = Look
    capabilities = Capabilities(streams=True, buttons=True)

    def snippet(self, slug: str, base: str) -> str:
        """Two attributes at most: the rest is told by the channel."""
        color = f' data-color="{self.config.accent}"' if self.config.accent else ""
        return f'<script src="{base}/static/webchat/widget.js" data-channel="{slug}"{color} async></script>'

    def page(self, slug: str, base: str) -> str:
        return f"{base}/chat/{slug}/"
