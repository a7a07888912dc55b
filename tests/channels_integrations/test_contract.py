"""What every platform keeps to. A new one is taken up by itself; a message here names what to mend."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Literal, get_args, get_origin

import pytest

from channels_integrations import base
from channels_integrations.base import Adapter, NoConfig, SendingAdapter, adapters
from channels_integrations.config_form import form_for
from channels_integrations.preview import previews
from channels_integrations.rendering.rich import rich

pytestmark = pytest.mark.embedded
EVERY = pytest.mark.parametrize("kind", list(adapters))
TEXT = (
    "Hello **you**\n\n"
    + "A sentence of some words. " * 300
    + "\n\n```python\nprint(1)\n```\n\n| a | b |\n|---|---|\n| 1 | 2 |\n"
)
NEEDS = {"draft": base.DraftingAdapter, "edit": base.EditableAdapter}
BUILT_IN = {"api", "terminal", "webchat"}  # reached by our own doors: nothing is set up anywhere else


@EVERY
def test_it_is_named_for_addresses_and_for_people(kind: str) -> None:
    cls = adapters[kind]
    assert cls.kind == kind and kind.replace("-", "").isalnum() and kind == kind.lower(), "kind: letters and hyphens"
    assert cls.label and not inspect.isabstract(cls), f"{cls.__name__} lacks {set(cls.__abstractmethods__)}"


@EVERY
def test_its_settings_can_be_filled_in_by_who_never_saw_it(kind: str) -> None:
    for name, field in adapters[kind].Config.model_fields.items():
        assert field.title, f"give {name!r} a title: it is the box's label"
        if get_origin(field.annotation) is Literal:
            extra = field.json_schema_extra
            said = extra.get("choices") if isinstance(extra, dict) else None
            assert isinstance(said, dict) and set(said) == set(get_args(field.annotation)), (
                f"say each choice of {name!r}"
            )
    assert form_for(kind, with_flags=True)


@EVERY
def test_what_it_says_that_it_can_do_is_there(kind: str) -> None:
    cls = adapters[kind]
    able = cls.capabilities
    if able.live:
        assert issubclass(cls, NEEDS[able.live]), f"live={able.live!r} needs {NEEDS[able.live].__name__}"
    if able.resend == "edit":
        assert issubclass(cls, base.EditableAdapter), "resend='edit' needs EditableAdapter"


@EVERY
def test_an_answer_is_cut_without_loss_and_without_settings(kind: str) -> None:
    cls = adapters[kind]
    if not issubclass(cls, SendingAdapter):
        return
    parts = cls(NoConfig()).parts(TEXT)
    most = cls.capabilities.max_length
    assert all(part.text for part in parts) and (not most or max(len(part.text) for part in parts) <= most)
    words = "".join(part.text for part in parts).split()
    assert words.count("sentence") == 300 and "print(1)" in words
    assert rich(TEXT).text.split()[:2] == ["Hello", "you"]


@EVERY
def test_whoever_sets_it_up_is_told_how(kind: str) -> None:
    folder = Path(inspect.getfile(adapters[kind])).parent
    assert kind in BUILT_IN or (folder / "README.md").exists(), f"write {folder.name}/README.md"


def test_the_preview_shows_every_platform_that_is_sent_messages() -> None:
    sent = {cls.label for cls in adapters.values() if issubclass(cls, SendingAdapter)}
    assert {each["label"] for each in previews(TEXT)} == sent
    assert all(Adapter in cls.__mro__ for cls in adapters.values())
