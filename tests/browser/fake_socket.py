"""The server's end of the chat's socket, played by a test: what the page does with frames, whatever they say."""

from __future__ import annotations

import json
from typing import Any

from playwright.sync_api import Page, WebSocketRoute


class FakeSocket:
    """Every connection of the page to the demo's socket. `heard`: frames of the page."""

    def __init__(
        self, page: Page, *, name: str = "Demo", greeting: str = "", suggestions: tuple[str, ...] = ()
    ) -> None:
        self.bot = {"slug": "demo", "name": name, "greeting": greeting, "suggestions": list(suggestions), "demo": False}
        self.page = page
        self.heard: list[dict[str, Any]] = []
        self.history: list[dict[str, Any]] = []
        self.routes: list[WebSocketRoute] = []
        self.is_up = True
        page.route_web_socket("**/ws/chat/demo/", self._meet)

    def meet(self) -> None:
        """Wait until the page has said hello, and had a moment to show what it was answered."""
        while "hello" not in self.kinds():
            self.page.wait_for_timeout(20)
        self.page.wait_for_timeout(300)

    def tell(self, kind: str, **more: Any) -> None:
        """A frame to the newest connection."""
        self.routes[-1].send(json.dumps({"type": kind, **more}))

    def kinds(self) -> list[str]:
        return [frame["type"] for frame in self.heard]

    def cut(self) -> None:
        """The line is gone, and stays so."""
        self.is_up = False
        self.routes[-1].close(code=1012)

    def _meet(self, route: WebSocketRoute) -> None:
        if not self.is_up:
            route.close(code=1012)
            return
        self.routes.append(route)
        route.on_message(self._hear)

    def _hear(self, text: str | bytes) -> None:
        frame = json.loads(text)
        self.heard.append(frame)
        if frame["type"] == "hello":
            self.tell("ready", visitor="v", conversation="c", owner="bot", ended=False, bot=self.bot)
            shown = [message for message in self.history if message["seq"] > frame.get("after", 0)]
            self.tell("history", messages=shown, more=False)


def message(seq: int, role: str, text: str, *, html: str | None = None, **more: Any) -> dict[str, Any]:
    """A stored message, as a frame carries it."""
    return {
        "id": f"m{seq}", "seq": seq, "turn": f"t{seq}", "role": role, "text": text, "html": html, "buttons": [],
        "model": "demo/demo" if role == "assistant" else None, "notice": False, "stopped": False, "feedback": 0,
        "at": "2026-01-01T00:00:00+00:00", **more,
    }  # fmt: skip
