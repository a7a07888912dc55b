"""Two people at one form: whoever saves last is told what the other did, before it is overwritten."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.utils.formats import date_format
from django.utils.timezone import localtime
from django.utils.translation import gettext as _


class SavedMeanwhile(forms.ModelForm):
    """A form of rows with `updated_at`. What was saved since it was opened is a fault once; saved again, it wins."""

    seen = forms.CharField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial["seen"] = _stamp(self.instance)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        seen = cleaned.get("seen")
        if self.instance.pk and seen:
            rows = type(self.instance)._default_manager.select_for_update(of=("self",))
            now = rows.only("updated_at").get(pk=self.instance.pk)
            if _stamp(now) != seen:
                self.data = self.data.copy()  # type: ignore[attr-defined]
                self.data[self.add_prefix("seen")] = _stamp(now)  # type: ignore[index]
                self.add_error(None, _told(now))
        return cleaned


def _stamp(row: Any) -> str:
    return row.updated_at.isoformat() if row.updated_at else ""


def _told(row: Any) -> str:
    kind = ContentType.objects.get_for_model(row)
    entry: Any = LogEntry.objects.filter(content_type=kind, object_id=str(row.pk)).select_related("user").first()
    when = date_format(localtime(row.updated_at), "H:i")
    if entry is None or entry.action_time < row.updated_at:
        return _(
            "This was changed at %(when)s, while you were writing. What you wrote is still here: look at the change in "
            "another tab, then save again to replace it with yours."
        ) % {"when": when}
    return _(
        "%(who)s saved this at %(when)s, while you were writing (%(what)s). What you wrote is still here: look at the "
        "change in another tab, then save again to replace it with yours."
    ) % {"who": entry.user.get_username(), "when": when, "what": entry.get_change_message().rstrip(".")}
