"""A member of staff at a running installation: logs in and saves forms, over HTTP and without scripts."""

from __future__ import annotations

import urllib.request
from html.parser import HTMLParser
from http.cookiejar import CookieJar
from typing import Any
from urllib.parse import urlencode

Values = dict[str, list[str]]
TICKED = {"checkbox", "radio"}
VALUELESS = {"submit", "button", "file", "image", "reset"}


class Forms(HTMLParser):
    """What a browser would send back of each form of a page, unchanged."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[Values] = []
        self._select = self._textarea = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        told = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.found.append({})
        elif tag == "select":
            self._select = told.get("name", "")
        elif tag == "option" and self._select and "selected" in told:
            self._add(self._select, told.get("value", ""))
        elif tag == "textarea" and told.get("name"):
            self._textarea = told["name"]
            self._add(self._textarea, "")
        elif tag == "input" and told.get("name") and _is_sent(told):
            self._add(told["name"], told.get("value", "on" if told.get("type") in TICKED else ""))

    def handle_endtag(self, tag: str) -> None:
        if tag == "select":
            self._select = ""
        elif tag == "textarea":
            self._textarea = ""

    def handle_data(self, data: str) -> None:
        if self._textarea and self.found:
            values = self.found[-1][self._textarea]
            values[-1] = (values[-1] + data).removeprefix("\n")

    def _add(self, name: str, value: str) -> None:
        if self.found:
            self.found[-1].setdefault(name, []).append(value)


def _is_sent(told: dict[str, str]) -> bool:
    if told.get("type") in TICKED:
        return "checked" in told
    return told.get("type") not in VALUELESS


class StaffBrowser:
    """Logged in at one process."""

    def __init__(self, address: str, *, name: str, password: str) -> None:
        self.address = address
        self._opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))
        self.save("/admin/login/?next=/admin/", username=name, password=password)

    def save(self, path: str, form_of: str = "", **changes: str) -> str:
        """Where one is after a form of the page was sent with these changes. Fails where it is not taken.

        The form is the one that holds the value `form_of`, else the largest. "" for a box that is not ticked.
        """
        forms = Forms(self.read(path)).found
        form = next(form for form in forms if [form_of] in form.values()) if form_of else max(forms, key=len)
        sent = {**form, **{name: [value] if value else [] for name, value in changes.items()}}
        with self._opener.open(self.address + path, urlencode(sent, doseq=True).encode(), timeout=30) as answer:
            page, ended = answer.read().decode(), str(answer.url)
        assert form_of or not ended.endswith(path), page[page.find("error") - 500 :][:2000]
        return ended

    def read(self, path: str) -> str:
        with self._opener.open(self.address + path, timeout=30) as answer:
            return str(answer.read().decode())
