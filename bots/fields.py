"""Fields of our own: UUIDv7 keys and encrypted credentials."""

from __future__ import annotations

import json
import uuid
from datetime import datetime
from functools import lru_cache
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django import forms
from django.conf import settings
from django.core.exceptions import FieldError, ImproperlyConfigured
from django.db import models
from django.utils.translation import gettext_lazy as _
from uuid6 import uuid7

from bots.secret import Secret


def new_id() -> uuid.UUID:
    """A UUIDv7: grows with time, also within a millisecond, so that indexes stay dense."""
    return uuid.UUID(bytes=uuid7().bytes)


def first_id_at(moment: datetime) -> uuid.UUID:
    """The smallest id that a row made at this moment, or later, can have: the key's index serves as one of its time."""
    milliseconds = int(moment.timestamp() * 1000)
    return uuid.UUID(int=milliseconds << 80)


class IdField(models.UUIDField):  # type: ignore[type-arg]
    """Primary key of every row of ours."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"primary_key": True, "default": new_id, "editable": False, **kwargs})


class Unreadable(Exception):
    """A ciphertext that no configured key opens, or that was moved here from another row."""


class _Attribute:
    """What an instance shows: a Secret, opened with the row's own key material at the moment it is asked for."""

    def __init__(self, field: EncryptedField) -> None:
        self.field = field

    def __get__(self, instance: models.Model | None, owner: type) -> Any:
        if instance is None:
            return self
        if self.field.attname not in instance.__dict__:  # left out by only() or defer()
            instance.refresh_from_db(fields=[self.field.attname])
        stored = instance.__dict__.get(self.field.attname)
        if isinstance(stored, _Sealed):
            stored = instance.__dict__[self.field.attname] = self.field.open(instance, stored)
        return stored

    def __set__(self, instance: models.Model, value: Any) -> None:
        if isinstance(value, str) and not isinstance(value, _Sealed):
            value = Secret(value) if value else None
        instance.__dict__[self.field.attname] = value


class _Sealed(str):
    """Ciphertext as read from the database."""

    __slots__ = ()


class EncryptedField(models.TextField):  # type: ignore[type-arg]
    """A credential at rest: Fernet ciphertext that opens only in its own table, column and row.

    Reads as a `Secret` or None; takes a str or a Secret. Cannot be filtered by: equal texts have unequal ciphertexts.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{**kwargs, "null": True, "blank": True, "default": None})

    def contribute_to_class(self, cls: type[models.Model], name: str, private_only: bool = False) -> None:
        super().contribute_to_class(cls, name, private_only)
        setattr(cls, self.attname, _Attribute(self))

    def from_db_value(self, value: str | None, *_: Any) -> _Sealed | None:
        return None if value is None else _Sealed(value)

    def pre_save(self, instance: models.Model, add: bool) -> str | None:
        value = instance.__dict__.get(self.attname)
        if isinstance(value, _Sealed):
            return value
        return None if value is None else _Sealed(self.seal(instance, value))

    def get_db_prep_save(self, value: Any, connection: Any) -> Any:
        if value is not None and not isinstance(value, _Sealed):
            raise FieldError(
                f"{self.model.__name__}.{self.name} is saved through its row, not by update() or bulk calls"
            )
        return super().get_db_prep_save(value, connection)

    def get_prep_value(self, value: Any) -> Any:
        return value

    def to_python(self, value: Any) -> Any:
        return value

    def get_lookup(self, name: str) -> Any:
        if name != "isnull":
            raise FieldError(f"{self.name!r} is encrypted and cannot be searched; filter by another field")
        return super().get_lookup(name)

    def formfield(self, form_class: Any = None, choices_form_class: Any = None, **kwargs: Any) -> Any:
        """A box that shows nothing of what is stored; left empty, it changes nothing."""
        widget = forms.PasswordInput(attrs={"autocomplete": "new-password"})
        return forms.CharField(
            label=self.verbose_name, required=False, widget=widget, help_text=_("Never shown. Leave empty to keep it.")
        )

    def value_from_object(self, obj: models.Model) -> Any:
        return ""

    def save_form_data(self, instance: models.Model, data: Any) -> None:
        if data:
            setattr(instance, self.attname, data)

    def value_to_string(self, obj: models.Model) -> str:
        return ""

    def seal(self, instance: models.Model, value: Secret) -> str:
        """The ciphertext of `value`, bound to this row."""
        plain = json.dumps([self._place(instance), value.reveal()])
        return fernet().encrypt(plain.encode()).decode()

    def open(self, instance: models.Model, sealed: str) -> Secret:
        """Raises Unreadable for a foreign or broken ciphertext."""
        try:
            place, value = json.loads(fernet().decrypt(sealed.encode()))
        except InvalidToken:
            raise Unreadable(f"no key of FIELD_ENCRYPTION_KEYS opens {self._place(instance)}") from None
        if place != self._place(instance):
            raise Unreadable(f"the ciphertext in {self._place(instance)} belongs to another row")
        return Secret(value)

    def _place(self, instance: models.Model) -> str:
        return f"{self.model._meta.db_table}.{self.column}:{instance.pk}"


def fernet() -> MultiFernet:
    """Newest key first: it encrypts, all of them decrypt. Raises ImproperlyConfigured when there is none."""
    return _fernet(tuple(settings.FIELD_ENCRYPTION_KEYS))


@lru_cache(maxsize=4)
def _fernet(keys: tuple[str, ...]) -> MultiFernet:
    if not keys:
        raise ImproperlyConfigured("FIELD_ENCRYPTION_KEYS is empty, so credentials cannot be kept; set a Fernet key")
    return MultiFernet([Fernet(key) for key in keys])
