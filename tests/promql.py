"""What an expression of Prometheus names: metrics and labels. No parser, but enough for `deploy/`."""

from __future__ import annotations

import re

STRING = re.compile(r"'[^']*'|\"[^\"]*\"")
MATCHERS = re.compile(r"\{([^}]*)\}")
GROUPING = re.compile(r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\(([^)]*)\)")
RANGE = re.compile(r"\[[^\]]*\]")
NUMBER = re.compile(r"\b\d[\w.]*")
NAME = re.compile(r"[a-zA-Z_:][\w:]*(?!\w|\s*\()")
WORDS = {"and", "or", "unless", "bool", "offset"}
SCRAPED = {"job", "instance", "le"}  # labels that Prometheus adds, or that stand for a bucket


def metrics(expression: str) -> set[str]:
    """The names of all series that it reads."""
    bare = STRING.sub("", expression)
    for part in (MATCHERS, GROUPING, RANGE, NUMBER):
        bare = part.sub(" ", bare)
    return set(NAME.findall(bare)) - WORDS


def labels(expression: str) -> set[str]:
    """The labels that it picks or groups by, but for those that come from the scrape."""
    bare = STRING.sub("", expression)
    picked = [part.rstrip("=!~ ") for group in MATCHERS.findall(bare) for part in group.split(",")]
    grouped = [part for group in GROUPING.findall(bare) for part in group.split(",")]
    return {label.strip() for label in (*picked, *grouped) if label.strip()} - SCRAPED
