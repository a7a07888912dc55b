"""The admin's form of a channel: what its platform's Config asks for, a box each, secrets never shown; its flags."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Literal, get_args, get_origin

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from pydantic import BaseModel, SecretStr, ValidationError
from pydantic.fields import FieldInfo

from bots.admin import theme
from bots.fields import Unreadable
from channels_integrations.accounts import TOKENS
from channels_integrations.base import adapters
from channels_integrations.flag_form import PREFIX as FLAG
from channels_integrations.flag_form import OwnValue, own_boxes
from channels_integrations.flags import Value
from channels_integrations.models import ChannelConfig, workspace_flags
from channels_integrations.setup import has_twin

PREFIX = "config_"  # of the form's names, so that a platform's "name" is not the channel's


class LinesField(forms.CharField):
    """A list of texts, one a line."""

    def to_python(self, value: Any) -> Any:
        """The lines that say something."""
        return [line.strip() for line in (super().to_python(value) or "").splitlines() if line.strip()]


class ChannelForm(forms.ModelForm):  # type: ignore[type-arg]
    """A channel. Which platform it is on is said once, when it is made."""

    is_paused = forms.BooleanField(
        label=_("Switched off for now"),
        required=False,
        widget=theme.Switch,
        help_text=_(
            "Who writes gets the text below, once an hour at most. What they write is kept, and no model is called. "
            "It takes effect within 5 seconds, and also stops answers that are being written."
        ),
    )

    class Meta:
        model = ChannelConfig
        fields = "__all__"  # noqa: DJ007  the page names its fields
        labels = {
            "name": _("Name"), "kind": _("Platform"), "slug": _("Short name"), "default_model": _("Model"),
            "prompt": _("Added to the prompt"), "pause_message": _("What people are told"), "is_active": _("In use"),
        }  # fmt: skip
        help_texts = {
            "name": _("What your team calls it."),
            "kind": _("Where people write. It stays as it is once the channel is made."),
            "slug": _("Letters, digits and hyphens; part of its address. Nobody else may have the same."),
            "bot": _("Who answers here."),
            "default_model": _("Which model answers here. Empty: the bot's."),
            "prompt": _("What the bot is told here beside its own prompt, such as: “Answer in one sentence.”"),
            "pause_message": _("Empty: “We are taking a short break here. …”, in the language of who writes."),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial["is_paused"] = self.instance.is_paused
        for name in ("prompt", "pause_message"):
            if name in self.fields:
                self.fields[name].widget.attrs["rows"] = 4

    def save(self, commit: bool = True) -> Any:
        if "is_paused" in self.changed_data:
            self.instance.paused_at = timezone.now() if self.cleaned_data["is_paused"] else None
        return super().save(commit)


class PlatformForm(ChannelForm):
    """A channel with its platform's boxes and its flags' boxes; `form_for` adds them."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._fill_flags()
        self._asked = adapters[self.instance.kind].Config.model_fields
        for name, info in self._asked.items():
            if _is_secret(info):
                self._lock(PREFIX + name)
            else:
                value = self.instance.config.get(name, info.get_default(call_default_factory=True))
                self.initial[PREFIX + name] = "\n".join(value) if isinstance(value, list) else value

    def clean(self) -> dict[str, Any]:
        """Checked by the platform's Config; each fault stands at its box."""
        cleaned = super().clean() or self.cleaned_data
        self._open: dict[str, Any] = {}
        self._secrets = self._stored_secrets()
        for name, info in self._asked.items():
            value = cleaned.get(PREFIX + name)
            if value in (None, "", []):
                continue
            (self._secrets if _is_secret(info) else self._open)[name] = value
        try:
            config = adapters[self.instance.kind].Config.model_validate({**self._open, **self._secrets})
        except ValidationError as error:
            for fault in error.errors(include_url=False, include_input=False, include_context=False):
                box = PREFIX + str(fault["loc"][0]) if fault["loc"] else ""
                self.add_error(box if box in self.fields else None, _told(fault))
            return cleaned
        if has_twin(adapters[self.instance.kind](config), self.instance.pk):
            self.add_error(None, _("Another channel uses this account, and both would answer. Give this one its own."))
        return cleaned

    def save(self, commit: bool = True) -> Any:
        self.instance.config = self._open
        self.instance.credentials = json.dumps(self._secrets) if self._secrets else None
        return super().save(commit)

    def flags_changed(self) -> dict[str, Value | None]:
        """Flags that this form sets or, with None, leaves to what holds above."""
        names = [name for name in self.changed_data if name.startswith(FLAG)]
        return {name.removeprefix(FLAG): self.cleaned_data[name] for name in names}

    def _fill_flags(self) -> None:
        above = workspace_flags(self.instance.workspace_id)
        own = {row.name: row.shown for row in self.instance.flags.all()}
        for name, field in self.fields.items():
            if isinstance(field, OwnValue):
                field.above(above.get(field.flag.name, field.flag.default))
                self.initial[name] = own.get(field.flag.name)

    def _lock(self, box: str) -> None:
        """A secret that the environment gives is changed there."""
        if self.instance.is_from_environment and self.instance.kind in TOKENS:
            self.fields[box].disabled = True
            self.fields[box].widget.attrs["placeholder"] = "••••••••"
            told = _("From the environment: %(name)s. Change it there; it is taken at the next start.")
            self.fields[box].help_text = told % {"name": TOKENS[self.instance.kind]}

    def _stored_secrets(self) -> dict[str, Any]:
        try:
            stored = self.instance.credentials
        except Unreadable:  # sealed with a key that is gone: to be filled in anew
            return {}
        known = json.loads(stored.reveal()) if stored else {}
        return {name: value for name, value in known.items() if name in self._asked}


def form_for(kind: str, *, with_flags: bool) -> type[ChannelForm]:
    """The form of a channel on this platform."""
    if kind not in adapters:
        return ChannelForm
    asked: Mapping[str, FieldInfo] = adapters[kind].Config.model_fields
    boxes = {PREFIX + name: _box(name, info) for name, info in asked.items()}
    return type("PlatformForm", (PlatformForm,), {**boxes, **(own_boxes() if with_flags else {})})


def config_boxes(kind: str) -> list[str]:
    """The names of a platform's own boxes."""
    config: type[BaseModel] | None = adapters[kind].Config if kind in adapters else None
    return [PREFIX + name for name in config.model_fields] if config else []


def _told(fault: Any) -> str:
    """What a box is told of its fault."""
    if fault["type"] == "missing":
        return str(_("Please fill this in."))
    text = str(fault["msg"]).removeprefix("Value error, ")
    return text[:1].upper() + text[1:]


def _is_secret(info: FieldInfo) -> bool:
    return info.annotation is SecretStr or SecretStr in get_args(info.annotation)


def _choices(info: FieldInfo) -> list[tuple[str, str]]:
    """A Literal's values with what people read for them: `json_schema_extra={"choices": {value: text}}`."""
    extra = info.json_schema_extra
    said: Any = extra.get("choices", {}) if isinstance(extra, dict) else {}
    return [(value, said.get(value, value)) for value in get_args(info.annotation)]


def _box(name: str, info: FieldInfo) -> forms.Field:
    told: dict[str, Any] = {
        "label": info.title or name.replace("_", " ").capitalize(),
        "help_text": info.description or "",
        "required": False,  # the platform's Config says what is missing, so that kept secrets count
    }
    if _is_secret(info):
        told["help_text"] = f"{told['help_text']} {_('Never shown. Leave empty to keep it.')}".strip()
        return forms.CharField(widget=theme.Password(attrs={"autocomplete": "new-password"}), **told)
    if get_origin(info.annotation) is Literal:
        return forms.ChoiceField(choices=_choices(info), widget=theme.Select, **told)
    if info.annotation is bool:
        return forms.BooleanField(widget=theme.Switch, **told)
    if info.annotation is int:
        return forms.IntegerField(widget=theme.Number, **told)
    if get_origin(info.annotation) is list:
        return LinesField(widget=theme.Textarea(attrs={"rows": 3}), **told)
    return forms.CharField(widget=theme.TextInput(), **told)
