"""What a visitor feels: python -m benchmarks.webchat

One embedded process serves 1,000 idle visitors and 50 whose answers stream at 20 tokens a second; then Chromium paints
the page, and a reply of 20,000 characters streams into it.
"""

from __future__ import annotations

import asyncio
import json
import time
from itertools import pairwise
from typing import Any

from playwright.sync_api import sync_playwright
from websockets.asyncio.client import ClientConnection, connect

from benchmarks.slow_model import model, words
from tests.browser.chromium import find_chromium
from tests.product import serve

IDLE, TALKING = 1_000, 50
TOKENS, PER_SECOND = 200, 20.0
LONG = 20_000  # characters
FRAMES = """() => {
  window.tasks = [];
  new PerformanceObserver((list) => tasks.push(...list.getEntries().map((entry) => entry.duration)))
    .observe({ entryTypes: ["longtask"] });
  window.pictures = [];
  const look = (at) => { pictures.push(at); requestAnimationFrame(look); };
  requestAnimationFrame(look);
}"""


async def hello(address: str) -> ClientConnection:
    """A visitor's socket after `ready` and `history`."""
    socket = await connect(f"{address.replace('http', 'ws')}/ws/chat/demo/", max_queue=None, ping_interval=None)
    await socket.send(json.dumps({"type": "hello"}))
    for _ in range(2):
        await socket.recv()
    return socket


async def ask(address: str) -> tuple[str, list[float]]:
    """The answer's text as it was stored, and when each frame of it came."""
    socket = await hello(address)
    await socket.send(json.dumps({"type": "message", "id": "1", "text": "go"}))
    came = []
    while True:
        frame = json.loads(await socket.recv())
        if frame["type"] == "delta":
            came.append(time.perf_counter())
        if frame["type"] == "message":
            await socket.close()
            return frame["text"], came


async def crowd(address: str) -> None:
    """Prints how many answers came whole, and the gaps between their frames."""
    idle = []
    for _ in range(IDLE // 50):
        idle += await asyncio.gather(*(hello(address) for _ in range(50)))
    answers = await asyncio.gather(*(ask(address) for _ in range(TALKING)))
    whole = sum(text == "".join(words(TOKENS)).strip() for text, _ in answers)
    gaps = sorted(later - earlier for _, came in answers for earlier, later in pairwise(came))
    print(f"{IDLE} idle, {TALKING} streaming at {PER_SECOND:.0f} tokens/s: {whole} of {TALKING} texts whole; gap"
          f" between frames p50 {ms(gaps, 0.5)}, p99 {ms(gaps, 0.99)}, longest {ms(gaps, 1)}")  # fmt: skip
    await asyncio.gather(*(socket.close() for socket in idle))


def ms(sorted_seconds: list[float], share: float) -> str:
    return f"{sorted_seconds[min(int(len(sorted_seconds) * share), len(sorted_seconds) - 1)] * 1000:.0f} ms"


def paint(address: str) -> None:
    """Prints the first contentful paint, and how smoothly a long reply is drawn."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=["--no-sandbox"])
        first = []
        for _ in range(5):
            page = browser.new_context().new_page()
            page.goto(f"{address}/chat/demo/")
            page.wait_for_function("performance.getEntriesByName('first-contentful-paint').length")
            first.append(page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime"))
        print(f"first contentful paint, cold cache, 5 times: {[f'{at:.0f} ms' for at in sorted(first)]}")
        page.evaluate(FRAMES)
        page.get_by_role("textbox").fill("go")
        page.get_by_role("textbox").press("Enter")
        page.wait_for_selector(".assistant[data-seq='2']", timeout=120_000)
        length = "document.querySelector('.assistant[data-seq]').textContent.length"
        shown: list[Any] = page.evaluate(f"[pictures, tasks, {length}]")
        gaps = sorted((later - earlier) / 1000 for earlier, later in pairwise(shown[0]))
        print(f"a reply of {shown[2]} characters: {len(gaps)} pictures, gap p50 {ms(gaps, 0.5)}, p99 {ms(gaps, 0.99)},"
              f" longest {ms(gaps, 1)}; tasks of more than 50 ms: {[round(task) for task in shown[1]]}")  # fmt: skip
        browser.close()


def main() -> None:
    settings = {
        "OPENAI_API_KEY": "sk-bench", "DEFAULT_MODEL": "openai/bench", "PRIVATE_NETWORKS": "127.0.0.0/8",
        "SOCKETS_PER_ADDRESS": "0", "LOG_LEVEL": "WARNING",
    }  # fmt: skip
    with model(TOKENS, PER_SECOND) as url, serve(**settings, OPENAI_BASE_URL=url) as product:
        asyncio.run(crowd(product.address))
    count = LONG // len(words(5_000)[-1])
    with model(count, 200) as url, serve(**settings, OPENAI_BASE_URL=url) as product:
        paint(product.address)


if __name__ == "__main__":
    main()
