"""Ways around a row by which a credential might get out, or in unencrypted. What a row itself does: test_rows.py."""

from __future__ import annotations

import io
import pickle
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.core.exceptions import FieldError, ImproperlyConfigured
from django.core.management import call_command
from django.db import connection, transaction

from bots.fields import Unreadable
from bots.models import AIProvider
from bots.secret import Secret

pytestmark = [pytest.mark.django_db, pytest.mark.embedded]
CANARY = "sk-canary-7131"


@pytest.fixture
def row() -> AIProvider:
    return AIProvider.objects.create(slug="own", name="Own", api_key=CANARY)


def stored() -> list[str | None]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT api_key FROM bots_aiprovider ORDER BY slug")
        return [found[0] for found in cursor.fetchall()]


@pytest.mark.parametrize("value", [CANARY, Secret(CANARY)], ids=["text", "secret"])
def test_an_update_of_many_rows_writes_no_credential(row: AIProvider, value: Any) -> None:
    before = stored()
    with pytest.raises(FieldError, match=r"AIProvider\.api_key is saved through its row"), transaction.atomic():
        AIProvider.objects.update(api_key=value)
    row.api_key = value
    with pytest.raises(FieldError), transaction.atomic():
        AIProvider.objects.bulk_update([row], ["api_key"])
    assert stored() == before


def test_an_update_of_many_rows_may_take_credentials_away(row: AIProvider) -> None:
    AIProvider.objects.update(api_key=None)
    assert AIProvider.objects.get().api_key is None


def test_rows_made_together_are_sealed_each_for_itself() -> None:
    AIProvider.objects.bulk_create(AIProvider(slug=slug, name=slug, api_key=CANARY) for slug in "ab")
    one, other = stored()
    assert one and other and one != other and CANARY not in one + other
    assert [found.api_key.reveal() for found in AIProvider.objects.order_by("slug")] == [CANARY, CANARY]


@pytest.mark.parametrize("rows", [AIProvider.objects.only("slug"), AIProvider.objects.defer("api_key")])
def test_a_credential_that_was_not_read_yet_is_read_when_asked_for(row: AIProvider, rows: Any) -> None:
    assert rows.all().get(slug="own").api_key.reveal() == CANARY


def test_a_row_saved_unopened_keeps_its_ciphertext_even_without_the_key(row: AIProvider, settings: Any) -> None:
    before = stored()
    settings.FIELD_ENCRYPTION_KEYS = []
    found = AIProvider.objects.get()
    found.name = "Renamed"
    found.save()
    assert stored() == before


def test_without_its_key_it_is_unreadable_and_the_text_names_the_place(row: AIProvider, settings: Any) -> None:
    settings.FIELD_ENCRYPTION_KEYS = [Fernet.generate_key().decode()]
    with pytest.raises(Unreadable, match=rf"bots_aiprovider\.api_key:{row.pk}"):
        _ = AIProvider.objects.get().api_key
    settings.FIELD_ENCRYPTION_KEYS = []
    with pytest.raises(ImproperlyConfigured, match="FIELD_ENCRYPTION_KEYS is empty"):
        _ = AIProvider.objects.get().api_key


@pytest.mark.parametrize("lookup", ["api_key", "api_key__contains", "api_key__in", "api_key__startswith"])
def test_no_lookup_searches_it(lookup: str) -> None:
    with pytest.raises(FieldError, match="encrypted"):
        AIProvider.objects.filter(**{lookup: CANARY}).exists()


def test_a_dump_holds_neither_the_credential_nor_its_ciphertext(row: AIProvider) -> None:
    out = io.StringIO()
    call_command("dumpdata", "bots.aiprovider", stdout=out)
    assert '"slug": "own"' in out.getvalue()
    assert CANARY not in out.getvalue()
    assert str(stored()[0]) not in out.getvalue()


def test_a_secret_goes_into_no_queue_or_cache() -> None:
    with pytest.raises(TypeError, match="not pickled"):
        pickle.dumps(Secret(CANARY))


def test_a_secret_is_starred_in_every_way_of_writing_it() -> None:
    secret = Secret(CANARY)
    assert {str(secret), repr(secret), f"{secret}", f"{secret!r:>30}".strip(), f"{secret:s}", "%s" % secret} == {"***"}  # noqa: UP031
    assert "canary" not in repr({"key": [secret]})
