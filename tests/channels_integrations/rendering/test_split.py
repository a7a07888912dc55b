"""One splitter for every platform: what goes out in parts is the text, to the character."""

import regex
from hypothesis import given, settings
from hypothesis import strategies as st

from channels_integrations.rendering import entities, marks
from channels_integrations.rendering.rich import Rich, rich
from channels_integrations.rendering.split import characters, fenced, split, utf16

FAMILY = "👩‍👩‍👧"
WORDS = st.sampled_from([
    "word", "longer words", FAMILY, "né\u0301", "🇩🇪", "\n", "\n\n", ". ", " ", "**bold ", "**", "*it*", "`code`",
    "```\n", "```py\n", "| a | b |\n|---|---|\n| 1 | 2 |\n", "- item\n", "1. one\n", "> quote\n", "# head\n",
    "[text](https://e.org/a_b)", "https://e.org ", "~~gone~~", "<b>", "@everyone", "<@&1>", "||", "\\", "_", "日本語。",
    "\u200f", "(", "~~~\n", "    x", "a" * 60, "&amp;",
])  # fmt: skip
TEXTS = st.one_of(st.lists(WORDS, max_size=60).map("".join), st.text(max_size=300))
MANY = settings(max_examples=2_500, deadline=None, derandomize=True)


def whole(source: Rich, parts: list[Rich]) -> None:
    """The parts are the source, and no character is cut that would have had room in one of them."""
    assert "".join(part.text for part in parts) == source.text
    place = 0
    for part in parts[:-1]:
        place += len(part.text)
        around = next((c for c in regex.finditer(r"\X", source.text) if c.start() < place < c.end()), None)
        assert around is None or len(around[0]) > 20


@MANY
@given(TEXTS)
def test_entities_parts_fit_and_are_the_text(text: str) -> None:
    source = rich(text)
    parts = split(source, entities.over(48))
    assert all(utf16(part.text) <= 48 and len(entities.entities(part)) <= entities.MOST for part in parts)
    whole(source, parts)


@MANY
@given(TEXTS)
def test_marked_parts_fit_and_are_the_text(text: str) -> None:
    source = rich(text)
    parts = split(source, marks.over(80))
    assert all(len(marks.marked(part)) <= 80 or len(part.text) == 1 for part in parts)
    whole(source, parts)


@MANY
@given(TEXTS)
def test_bare_parts_fit_and_are_the_text(text: str) -> None:
    parts = split(Rich(text), characters(48))
    assert all(len(part.text) <= 48 for part in parts)
    whole(Rich(text), parts)


@MANY
@given(TEXTS)
def test_each_letter_keeps_its_styles_through_the_cuts(text: str) -> None:
    source = rich(text)
    assert _styles(source) == [styles for part in split(source, entities.over(40)) for styles in _styles(part)]


def _styles(text: Rich) -> list[set[tuple[str, str]]]:
    found: list[set[tuple[str, str]]] = [set() for _ in text.text]
    for span in text.spans:
        for place in range(span.start, span.end):
            found[place].add((span.style, span.value))
    return found


def test_cuts_stand_at_paragraphs_then_lines_then_sentences_then_words() -> None:
    def cut(text: str) -> str:
        return split(Rich(text), characters(30))[0].text

    assert cut("one two three four.\n\nfive six\nseven eight") == "one two three four.\n\n"
    assert cut("one two three four five\nsix seven eight") == "one two three four five\n"
    assert cut("one two three four. five six seven eight") == "one two three four. "
    assert cut("one two three four five six seven eight") == "one two three four five six "
    assert cut("x" * 40) == "x" * 30


def test_at_most_a_hundred_entities_a_part() -> None:
    parts = split(rich("**a** b " * 250), entities.over())
    assert [len(entities.entities(part)) for part in parts] == [100, 100, 50]


def test_code_goes_on_as_code_in_the_next_part() -> None:
    code = "\n".join(f"line {n} = {n}" for n in range(40))
    parts = split(rich(f"Look:\n\n```python\n{code}\n```\n\ndone"), marks.over(200))
    shown = [marks.marked(part) for part in parts]
    assert len(shown) > 2
    assert all(text.count("```") % 2 == 0 for text in shown)
    assert sum("```python" in text for text in shown) >= len(shown) - 1


def test_fences_of_bare_markdown_close_and_open_again() -> None:
    text = "Look:\n\n```python\n" + "line\n" * 30 + "```\n\ndone"
    shown = [part.text for part in fenced(text, split(Rich(text), characters(60)))]
    assert len(shown) > 2
    assert all(part.count("```") % 2 == 0 for part in shown)
    assert all(part.startswith("```python\n") for part in shown[1:-1])
