"""The forms of a provider: a service is chosen first, and fills in what is left empty."""

from __future__ import annotations

import json
import uuid
from collections.abc import Collection
from typing import Any
from urllib.parse import urlsplit

from django import forms
from django.utils.translation import gettext_lazy as _

from bots import outside, roles
from bots.admin import theme
from bots.models import AIProvider, Workspace
from bots.presets import PRESETS, Preset

ADDRESS_HELP = _(
    "Where its API is. An address on this machine or in a private network works only where whoever runs the server "
    "allows it with PRIVATE_NETWORKS."
)
NOT_PUBLIC = _(
    "This address is on this machine or in a private network, which is not allowed by default. Whoever runs the server "
    "allows it by setting PRIVATE_NETWORKS, for example PRIVATE_NETWORKS=%(network)s, and starting it again."
)
FILLED = ("slug", "name", "kind", "base_url", "max_tokens_field")


class ProviderForm(forms.ModelForm):
    """A provider that is there. `actor` is set by the page."""

    actor: Any = None

    class Meta:
        model = AIProvider
        fields = "__all__"  # noqa: DJ007  the page names its fields
        widgets = {"base_url": theme.TextInput(attrs={"class": "wide", "inputmode": "url"})}
        help_texts = {"base_url": ADDRESS_HELP}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "api_key" in self.fields:
            self.fields["api_key"].widget = theme.Password(attrs={"autocomplete": "new-password"})

    def clean_base_url(self) -> str:
        """The address, unless it can be seen to lead to where none may."""
        address: str = self.cleaned_data["base_url"].strip()
        try:
            if address:
                outside.check(address)
        except outside.Refused as error:
            if "PRIVATE_NETWORKS" not in str(error):
                raise forms.ValidationError(_("Write the whole address, as https://models.example/v1.")) from None
            raise forms.ValidationError(NOT_PUBLIC, params={"network": _network(address)}) from None
        return address

    def clean(self) -> dict[str, Any]:
        """No two accounts of one name, also where the box of the workspace is not shown; no key sent elsewhere."""
        cleaned = super().clean() or self.cleaned_data
        moved = _server(cleaned.get("base_url") or "") != _server(self.instance.base_url)
        if moved and self._keeps_a_key() and not cleaned.get("api_key"):
            self.add_error("api_key", _("Enter the key again: the one that is kept was given for another address."))
        same = AIProvider.objects.filter(workspace=self._home(), slug=cleaned.get("slug")).exclude(pk=self.instance.pk)
        if cleaned.get("slug") and same.exists():
            self.add_error("slug", _("Another provider is called %(slug)r already.") % {"slug": cleaned["slug"]})
        return cleaned

    def _keeps_a_key(self) -> bool:
        """Whether one is stored; it need not be opened to know."""
        return AIProvider.objects.filter(pk=self.instance.pk, api_key__isnull=False).exists()

    def _home(self) -> Any:
        """The workspace that the provider will belong to; None: all."""
        if "workspace" in self.fields:
            return self.cleaned_data.get("workspace")
        return self.instance.workspace_id or home_of(self.actor)


class AddProviderForm(ProviderForm):
    """A new provider. Boxes that are left empty are filled in as the chosen service wants it."""

    preset = forms.ChoiceField(
        label=_("Service"),
        required=False,
        choices=lambda: [("", _("Choose …")), *((key, preset.label) for key, preset in PRESETS.items())],
        widget=theme.Select,
        help_text=_("Boxes below that stay empty are filled in for it when you save."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._taken = set(AIProvider.objects.for_actor(self.actor).values_list("slug", flat=True))
        for name in FILLED:
            self.fields[name].required = False
        for name in ("kind", "max_tokens_field"):
            choices = [choice for choice in self.fields[name].choices if choice[0]]  # type: ignore[attr-defined]
            self.fields[name].choices = [("", _("As the service wants it")), *choices]  # type: ignore[attr-defined]
            self.initial[name] = ""
        self.fields["api_key"].help_text = _("Kept encrypted and never shown again.")
        told = {key: self._told(preset) for key, preset in PRESETS.items()}
        self.fields["preset"].widget.attrs["data-presets"] = json.dumps(told)

    def clean(self) -> dict[str, Any]:
        """With what the chosen service says; what it cannot say is asked for."""
        preset = PRESETS[self.cleaned_data.get("preset") or "custom"]
        told = self._told(preset)
        for name in FILLED:
            if name not in self.errors and not self.cleaned_data.get(name):
                self.cleaned_data[name] = told[name]
        if not self.cleaned_data.get("slug"):
            self._ask("slug", _("Give it a short name; it begins the names of its models."))
        if not self.cleaned_data.get("name"):
            self._ask("name", _("Give it a name."))
        if not self.cleaned_data.get("base_url") and self.cleaned_data.get("kind") == "openai_compatible":
            self._ask("base_url", _("Write the address of its API. %(hint)s") % {"hint": preset.hint})
        if preset.needs_key and not self.cleaned_data.get("api_key"):
            self._ask("api_key", _("%(label)s wants a key. %(hint)s") % {"label": preset.label, "hint": preset.hint})
        self._check_filled_address()
        return super().clean()

    def _ask(self, box: str, sentence: Any) -> None:
        if box not in self.errors:
            self.add_error(box, sentence)

    def _check_filled_address(self) -> None:
        """The service's own address is judged as one that was typed."""
        try:
            if self.cleaned_data.get("base_url"):
                self.clean_base_url()
        except forms.ValidationError as error:
            self.add_error("base_url", error)

    def _told(self, preset: Preset) -> dict[str, Any]:
        return {
            "slug": free(preset.slug, self._taken), "name": preset.name, "kind": preset.kind,
            "base_url": "" if preset.asks_address else preset.base_url, "max_tokens_field": preset.max_tokens_field,
            "pattern": preset.base_url if preset.asks_address else "", "hint": str(preset.hint),
        }  # fmt: skip


def free(slug: str, taken: Collection[str]) -> str:
    """The slug, or with a number behind it where that is taken."""
    number, found = 2, slug
    while found and found in taken:
        found, number = f"{slug}-{number}", number + 1
    return found


def home_of(actor: Any) -> uuid.UUID | None:
    """The workspace of what this person adds without naming one; None, for all, is for those who may change all."""
    if roles.in_workspace(actor, None, "bots.add_aiprovider"):
        return None
    mine = roles.workspaces(actor, "bots.add_aiprovider")
    return mine[0] if mine else Workspace.default().pk


def _server(address: str) -> tuple[str, str, int | None]:
    """Scheme, host and port: a key given for one is sent to no other."""
    try:
        parts = urlsplit(address)
        return parts.scheme, parts.hostname or "", parts.port
    except ValueError:
        return "", "", None


def _network(address: str) -> str:
    """What PRIVATE_NETWORKS would have to name."""
    host = _server(address)[1]
    return "127.0.0.0/8,::1" if host in ("localhost", "127.0.0.1", "::1") else host
