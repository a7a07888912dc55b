"""What holds for every platform there is."""

import subprocess
import sys
from pathlib import Path

import pytest

from channels_integrations.base import SendingAdapter, adapters

ROOT = Path(__file__).parents[2]
LOOK = """
import os, sys, django
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()
from channels_integrations.base import adapters
print(len(adapters), sorted({"telegram", "discord", "httpx"} & sys.modules.keys()))
"""


def test_knowing_the_platforms_loads_none_of_their_sdks() -> None:
    told = subprocess.run([sys.executable, "-c", LOOK], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    count, _space, loaded = told.strip().partition(" ")
    assert (int(count) >= 6, loaded) == (True, "[]")


@pytest.mark.parametrize("kind", adapters)
def test_its_form_explains_each_box(kind: str) -> None:
    for name, field in adapters[kind].Config.model_fields.items():
        assert field.title and field.description, f"{kind}: {name}"


@pytest.mark.parametrize("kind", [kind for kind, cls in adapters.items() if issubclass(cls, SendingAdapter)])
def test_any_text_becomes_parts_that_are_no_longer_than_it_says(kind: str) -> None:
    cls = adapters[kind]
    adapter = cls(cls.Config.model_construct())
    assert isinstance(adapter, SendingAdapter)
    for text in ("", "hello", "**bold** " * 2_000, "```py\n" + "x = 1\n" * 5_000 + "```", "👩‍👩‍👧" * 3_000):
        parts = adapter.parts(text)
        assert all(len(part.text) <= (adapter.able("1").max_length or len(text) + 1) for part in parts)
        assert "".join("".join(part.text for part in parts).split()) or not text.strip()
