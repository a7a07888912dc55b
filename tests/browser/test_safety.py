"""Three hundred ways to smuggle a script in, through everything that the page shows. None runs, nothing leaves.

The page's policy (CSP) is switched off, so that it cannot hide a fault of the page itself.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Dialog, Page, expect

from channels_integrations.rendering.markdown import html
from tests.browser.fake_socket import FakeSocket, message
from tests.payloads import SCRIPTS as PAYLOADS
from tests.product import Product

pytestmark = pytest.mark.browser


@pytest.fixture
def bare(browser: Browser) -> Iterator[Page]:
    """A page without its policy. What it asks of others, and every dialog, is a fault."""
    context = browser.new_context(bypass_csp=True, viewport={"width": 800, "height": 900})
    page = context.new_page()
    faults: list[str] = []

    def alerted(dialog: Dialog) -> None:
        faults.append(dialog.message)
        dialog.dismiss()

    page.on("dialog", alerted)
    page.on("request", lambda request: None if "127.0.0.1" in request.url else faults.append(request.url))
    yield page
    page.wait_for_timeout(300)
    assert page.evaluate("window.harm") is None
    assert faults == []
    context.close()


def test_there_are_three_hundred() -> None:
    assert len(set(PAYLOADS)) == 300


@pytest.mark.parametrize("role", ["user", "assistant"])
def test_nothing_that_is_said_runs(bare: Page, address: str, role: str) -> None:
    fake = FakeSocket(bare)
    fake.history = [
        message(seq, role, text, html=html(text) if role == "assistant" else None)
        for seq, text in enumerate(PAYLOADS, 1)
    ]
    bare.goto(f"{address}/chat/demo/")
    expect(bare.locator(".message[data-seq]")).to_have_count(300)
    log = bare.get_by_role("log")
    assert log.locator("script, img, iframe, object, embed, svg:not(.icon svg), style, link, form").count() == 0
    unsafe = (
        "nodes => nodes.flatMap(n => n.getAttributeNames()).filter(name => name.startsWith('on') || name == 'style')"
    )
    assert log.locator("*").evaluate_all(unsafe) == []
    links = log.locator("a").evaluate_all("nodes => nodes.map(n => n.protocol)")
    assert set(links) <= {"https:", "http:"}
    for link in log.locator("a").all()[:5]:
        link.hover()


def test_nothing_runs_while_it_is_written(bare: Page, address: str) -> None:
    fake = FakeSocket(bare)
    bare.goto(f"{address}/chat/demo/")
    expect(bare.get_by_role("textbox")).to_be_visible()
    bare.wait_for_function("() => document.querySelector('switchboard-chat').texts")
    bare.wait_for_timeout(200)
    for number, text in enumerate(PAYLOADS):
        turn = f"t{number}"
        fake.tell("start", turn=turn, attempt=1, n=0, blocks=[{"block": 0, "text": text}])
        fake.tell("delta", turn=turn, attempt=1, n=0, block=0, text=text)
        fake.tell("tool", turn=turn, name=text, state="running")
        fake.tell("block", turn=turn, attempt=1, n=1, block=0, html=html(text))
        fake.tell("error", code="x", message=text, retry_after=None, id=None)
    expect(bare.locator(".draft")).to_have_count(300)
    expect(bare.locator(".tool")).to_have_count(300)


def test_no_name_button_title_or_greeting_runs(bare: Page, address: str) -> None:
    fake = FakeSocket(bare, name=PAYLOADS[0], greeting="\n".join(PAYLOADS[:50]), suggestions=tuple(PAYLOADS))
    buttons = [{"id": str(number), "label": text} for number, text in enumerate(PAYLOADS)]
    fake.history = [message(1, "assistant", "x", html="<p>x</p>", buttons=buttons, author=PAYLOADS[3])]
    bare.goto(f"{address}/chat/demo/")
    expect(bare.locator(".choice")).to_have_count(300)
    bare.get_by_role("button", name="Earlier conversations").click()
    fake.tell(
        "conversations",
        items=[{"id": str(n), "title": t, "at": "2026-01-01T00:00:00Z"} for n, t in enumerate(PAYLOADS)],
    )
    expect(bare.locator("#panel li")).to_have_count(300)


def test_no_name_of_a_bot_runs(bare: Page, product: Product) -> None:
    product.run(f"""
from bots.models import Bot
from channels_integrations.models import ChannelConfig
row = ChannelConfig.objects.get(slug="demo")
ChannelConfig.objects.filter(slug__startswith="xss-").delete()
Bot.objects.filter(slug__startswith="xss-").delete()
for number, text in enumerate({list(PAYLOADS)!r}):
    bot = Bot.objects.create(workspace=row.workspace, slug=f"xss-{{number}}", name=text.replace(chr(0), "")[:100],
                             greeting=text.replace(chr(0), ""), suggestions=[text.replace(chr(0), "")])
    ChannelConfig.objects.create(workspace=row.workspace, bot=bot, kind="webchat", slug=f"xss-{{number}}", name="x")
""")
    bare.goto(product.address)
    for number in range(len(PAYLOADS)):
        bare.goto(f"{product.address}/chat/xss-{number}/", wait_until="domcontentloaded")
        if number % 30 == 0:  # and what the script makes of it
            expect(bare.locator(".greeting")).to_be_visible()
