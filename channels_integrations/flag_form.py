"""Boxes for flags: a switch for on or off, a number box, a text box, each of them checked by the flag itself."""

from __future__ import annotations

import uuid
from typing import Any

from django import forms
from django.utils.html import escape
from django.utils.translation import gettext as _

from bots.admin import theme
from channels_integrations import flags
from channels_integrations.flags import KNOWN, Flag, Value

PREFIX = "flag_"  # of the channel form's names


class FlagField(forms.CharField):
    """A flag's value; None where the box is left empty. A wrong one is told what is allowed."""

    def __init__(self, flag: Flag, **kwargs: Any) -> None:
        self.flag = flag
        super().__init__(required=False, strip=flag.kind != "text", **kwargs)

    def to_python(self, value: Any) -> Any:
        text = super().to_python(value)
        if not text:
            return None
        try:
            return self.flag.read(text)
        except ValueError as error:
            raise forms.ValidationError(str(error)) from None

    def prepare_value(self, value: Any) -> Any:
        return flags.written(value) if isinstance(value, bool | int) else value


class OwnValue(FlagField):
    """A flag's value here: empty, what holds above."""

    def above(self, value: Value) -> None:
        """Say what holds where nothing is set here."""
        if self.flag.kind == "bool":
            same = _("As in the workspace (%(value)s)") % {"value": said(value)}
            self.widget.choices = [("", same), ("true", _("On")), ("false", _("Off"))]
        else:
            told = _("Empty: as in the workspace, %(value)s.") % {"value": said(value)}
            self.help_text = escape(f"{self.flag.help} {told}")  # which pages show as it is


class ValueForm(forms.Form):
    """One flag's value in a workspace."""

    def __init__(self, flag: Flag, workspace_id: uuid.UUID, value: Value, data: Any = None) -> None:
        super().__init__(data, initial={"value": value}, auto_id=f"id_%s_{flag.name}_{workspace_id}")
        self.place = (flag.name, workspace_id)
        label = {"aria-label": title(flag.name), "aria-describedby": f"about_{flag.name}_{workspace_id}"}
        self.fields["value"] = (
            forms.BooleanField(required=False, widget=theme.Switch(attrs={**label, "role": "switch"}))
            if flag.kind == "bool"
            else _Given(flag, widget=_box(flag, label))
        )


class _Given(FlagField):
    """A value that is there: a text may be empty, a number not."""

    def to_python(self, value: Any) -> Any:
        found = super().to_python(value)
        if found is not None:
            return found
        if self.flag.kind == "text":
            return ""
        raise forms.ValidationError(f"{self.flag.name} takes {self.flag.allowed}.")


def own_boxes() -> dict[str, OwnValue]:
    """A box for every known flag, by the form's name for it."""
    return {
        PREFIX + name: OwnValue(flag, label=title(name), help_text=flag.help, widget=_own_widget(flag))
        for name, flag in KNOWN.items()
    }


def title(name: str) -> str:
    """A flag's name as people write: "Enable tools"."""
    flag = KNOWN.get(name)
    return (flag.title if flag else "") or name.replace("_", " ").capitalize()


def said(value: Value | None) -> str:
    """A value as people say it."""
    if value is None:
        return _("default")
    if isinstance(value, bool):
        return _("on") if value else _("off")
    return f"{value:,}" if isinstance(value, int) else f"“{value}”"


def _own_widget(flag: Flag) -> Any:
    return theme.Select() if flag.kind == "bool" else _box(flag, {})


def _box(flag: Flag, attrs: dict[str, str]) -> Any:
    if flag.kind == "int":
        return theme.Number(attrs={**attrs, "min": str(flag.least), "max": str(flags.LARGEST)})
    return theme.TextInput(attrs=attrs)
