"""What the team wrote down about a person, and the box to write more."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from conversations.models import Note, Person
from conversations.models.note import LONGEST_NOTE

SHOWN = 20


class NoteForm(forms.Form):
    """A note as it is sent."""

    text = forms.CharField(
        label=_("Note"), max_length=LONGEST_NOTE, widget=forms.Textarea(attrs={"rows": 3, "maxlength": LONGEST_NOTE})
    )


def about(person: Person) -> list[Any]:
    """The latest, newest first, wherever they were written."""
    rows = Note.objects.filter(person=person).select_related("author", "conversation")
    return list(rows.order_by("-id")[:SHOWN])
