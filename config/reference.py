"""`.env.example` and `docs/configuration.md`, written from the table of variables and from the declared flags.

`python -m config.reference` writes both; a test fails while they say something else than the code.
"""

from __future__ import annotations

from itertools import groupby
from pathlib import Path

from channels_integrations.flags import KNOWN
from config.env import VARIABLES, Variable

ROOT = Path(__file__).resolve().parent.parent
HEAD = """# Configuration

Switchboard reads its settings from the environment, or from a file `.env` beside `manage.py` (the environment wins). It
runs with nothing set. `make run` writes a `.env` with fresh keys; `.env.example` lists everything that can stand there.
`python manage.py check` and `python manage.py doctor` name each faulty value and what to write instead. What staff
change while it runs (bots, models, channels, flags) is not here: it lives in the database.

This page is made from `config/env.py` by `python -m config.reference`.
"""
FLAGS = """
## Feature flags

Set in the database without a restart, for a whole workspace or over that for one channel; in force within five seconds.

| flag | default | meaning |
|---|---|---|
"""
KINDS = {
    "bool": "`true` or `false`", "int": "number", "list": "comma separated", "networks": "networks, comma separated",
    "url": "address", "secret": "secret", "text": "text",
}  # fmt: skip


def example() -> str:
    """The text of `.env.example`."""
    lines = ["# Copy to .env and uncomment what you need. Everything has a default that works on one machine.", ""]
    for group, variables in _groups():
        lines.append(f"# {group} {'-' * (117 - len(group))}")
        for variable in variables:
            lines.append(f"# {_meaning(variable)}")
            lines.append(f"#{variable.name}={'' if variable.kind == 'secret' else _default(variable)}")
        lines.append("")
    return "\n".join(lines)


def page() -> str:
    """The text of `docs/configuration.md`."""
    parts = [HEAD]
    for group, variables in _groups():
        parts.append(f"\n## {group}\n\n| variable | default | takes | meaning |\n|---|---|---|---|\n")
        parts.extend(_row(variable) for variable in variables)
    parts.append(FLAGS)
    parts.extend(f"| `{flag.name}` | `{flag.default!r}` | {flag.help} |\n" for flag in KNOWN.values())
    return "".join(parts)


def _groups() -> list[tuple[str, list[Variable]]]:
    found = sorted(VARIABLES, key=lambda v: _order().index(v.group))
    return [(name, list(members)) for name, members in groupby(found, key=lambda v: v.group)]


def _order() -> list[str]:
    return list(dict.fromkeys(v.group for v in VARIABLES))


def _row(variable: Variable) -> str:
    kind = " or ".join(f"`{c}`" for c in variable.choices) or KINDS[variable.kind]
    default = _default(variable)
    return f"| `{variable.name}` | {f'`{default}`' if default else ''} | {kind} | {_meaning(variable)} |\n"


def _default(variable: Variable) -> str:
    value = variable.default
    if isinstance(value, bool):
        return str(value).lower()
    return ",".join(value) if isinstance(value, list) else str(value)


def _meaning(variable: Variable) -> str:
    return " ".join([variable.help, *(["Accepted, not used yet."] if variable.later else [])])


if __name__ == "__main__":
    (ROOT / ".env.example").write_text(example(), encoding="utf-8")
    (ROOT / "docs/configuration.md").write_text(page(), encoding="utf-8")
