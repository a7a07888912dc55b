"""Somebody's web site that embeds the chat: another origin, and to a browser another site."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>A shop</title></head>
<body><h1>A shop</h1><p>Bicycles.</p>{script}</body></html>"""


class Site:
    """What it serves. `script`: the tag in its pages."""

    def __init__(self, port: int) -> None:
        self.script = ""
        self.address = f"http://localhost:{port}"  # the product is at 127.0.0.1


@contextmanager
def site() -> Iterator[Site]:
    """Runs as long as the block."""

    class Pages(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            # as strict as a shop may be: only the chat's server beside itself
            self.send_header("Content-Security-Policy", "default-src 'self'; script-src http:; frame-src http:")
            self.end_headers()
            self.wfile.write(PAGE.format(script=made.script).encode())

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  its name there
            """Nothing: the test tells what went wrong."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Pages)
    made = Site(server.server_address[1])
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield made
    finally:
        server.shutdown()
        server.server_close()
