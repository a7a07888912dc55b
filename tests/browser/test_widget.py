"""The chat on somebody else's site, where a framed page has no storage that lasts."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, FrameLocator, Page, Playwright, ViewportSize, expect

from tests.browser.chromium import find_chromium
from tests.browser.conftest import ARTEFACTS, FLAGS
from tests.browser.host_site import Site, site
from tests.product import Product

pytestmark = pytest.mark.browser
KEY = "only the shop's server knows this"


@pytest.fixture(scope="module")
def shop(product: Product) -> Iterator[Site]:
    """A site that may embed the demo."""
    with site() as made:
        product.run(f"""
import json
from channels_integrations.models import ChannelConfig
row = ChannelConfig.objects.get(slug="demo")
ChannelConfig.objects.filter(slug__in=["shop", "closed"]).delete()
for slug, config in (("shop", {{"sites": ["{made.address}"], "accent": "#9c1c6b"}}), ("closed", {{}})):
    ChannelConfig.objects.create(workspace=row.workspace, bot=row.bot, kind="webchat", slug=slug, name=slug,
                                 config=config, credentials=json.dumps({{"identity_key": "{KEY}"}}))
""")
        yield made


def tag(product: Product, channel: str = "shop", **data: str) -> str:
    more = "".join(f' data-{name.replace("_", "-")}="{value}"' for name, value in data.items())
    return f'<script src="{product.address}/static/webchat/widget.js" data-channel="{channel}"{more}></script>'


@pytest.fixture(params=["phone", "desktop"])
def strict(request: pytest.FixtureRequest, tmp_path: Path, playwright: Playwright) -> Iterator[BrowserContext]:
    """A browser that gives frames of other sites neither cookies nor storage."""
    (tmp_path / "Default").mkdir()
    blocked = {"profile": {"cookie_controls_mode": 1, "block_third_party_cookies": True}}
    (tmp_path / "Default" / "Preferences").write_text(json.dumps(blocked))
    size: ViewportSize = {"width": 390, "height": 780} if request.param == "phone" else {"width": 1280, "height": 800}
    context = playwright.chromium.launch_persistent_context(
        tmp_path, executable_path=find_chromium(whole=True), args=FLAGS, viewport=size
    )
    yield context
    ARTEFACTS.mkdir(exist_ok=True)
    context.pages[-1].screenshot(path=ARTEFACTS / f"{request.node.name}.png")
    context.close()


def opened(page: Page) -> FrameLocator:
    page.get_by_role("button", name="Open the chat").click()
    return chat(page)


def chat(page: Page) -> FrameLocator:
    frame = page.frame_locator("iframe")
    expect(frame.get_by_role("log")).to_contain_text("I am the demo bot")
    return frame


def ask(frame: FrameLocator, text: str, answer: str) -> None:
    frame.get_by_role("textbox").fill(text)
    frame.get_by_role("button", name="Send").click()
    expect(frame.get_by_role("log")).to_contain_text(answer)


def test_a_visitor_goes_on_after_a_reload(strict: BrowserContext, product: Product, shop: Site) -> None:
    shop.script = tag(product)
    page = strict.pages[0]
    page.goto(shop.address)
    frame = opened(page)
    inside = next(frame for frame in page.frames if "/frame/" in frame.url)
    assert inside.evaluate("() => { try { return String(localStorage) } catch (error) { return error.name } }") == (
        "SecurityError"
    ), "the browser gives the frame storage, so that this proves nothing"
    ask(frame, "my name is Ada", "Nice to meet you, Ada")
    frame.get_by_role("button", name="Close").click()
    expect(page.get_by_role("button", name="Open the chat")).to_be_focused()
    page.reload()
    frame = opened(page)
    expect(frame.get_by_role("log")).to_contain_text("Nice to meet you, Ada")
    ask(frame, "what is my name?", "Your name is Ada")
    expect(frame.locator(".message[data-seq]")).to_have_count(4)


def test_the_page_can_steer_it_and_hears_of_messages(browser_page: Page, product: Product, shop: Site) -> None:
    page = browser_page
    shop.script = tag(product, language="de", position="left", color="#ffd400", label="Hilfe")
    page.goto(shop.address)
    page.evaluate("""() => {
      window.heard = [];
      for (const what of ["open", "close", "message"]) Switchboard.on(what, (told) => heard.push(told?.text ?? what));
      Switchboard.say("my name is Ada");
    }""")
    frame = page.frame_locator("iframe")
    expect(frame.get_by_role("log")).to_contain_text("Nice to meet you, Ada")
    expect(frame.get_by_role("button", name="Senden")).to_be_visible()
    page.evaluate("Switchboard.close()")
    expect(page.get_by_role("button", name="Hilfe")).to_be_visible()
    assert page.get_by_role("button", name="Hilfe").bounding_box()["x"] < 100  # type: ignore[index]
    heard = page.evaluate("heard")
    assert (heard[0], heard[-1]) == ("open", "close")
    assert any("Nice to meet you, Ada" in text for text in heard)
    assert "no event" in page.evaluate(
        "() => { try { Switchboard.on('x', null) } catch (error) { return error.message } }"
    )


def test_answers_that_come_while_it_is_closed_are_counted(browser_page: Page, product: Product, shop: Site) -> None:
    page = browser_page
    shop.script = tag(product)
    page.goto(shop.address)
    ask(opened(page), "hello", "built-in demo model")
    frame = page.frame_locator("iframe")
    frame.get_by_role("textbox").fill("show me Markdown")
    frame.get_by_role("button", name="Send").click()
    expect(frame.locator(".draft")).to_be_visible()
    page.evaluate("Switchboard.close()")
    expect(page.locator("span").filter(has_text="1")).to_be_visible()


def test_a_signed_in_user_is_the_same_on_another_device(browser_page: Page, product: Product, shop: Site) -> None:
    digest = hmac.new(KEY.encode(), b"u-7", hashlib.sha256).hexdigest()
    shop.script = tag(product, user="u-7", user_hash=digest, user_name="Ada")
    page = browser_page
    page.goto(shop.address)
    ask(opened(page), "my name is Ada", "Nice to meet you, Ada")
    page.evaluate("localStorage.clear()")  # another browser
    page.reload()
    expect(opened(page).get_by_role("log")).to_contain_text("Nice to meet you, Ada")
    shop.script = tag(product, user="u-7", user_hash=digest.replace(digest[0], "0" if digest[0] != "0" else "1"))
    page.evaluate("localStorage.clear()")
    page.reload()
    frame = opened(page)
    expect(frame.get_by_role("log")).not_to_contain_text("Ada")


def test_a_page_that_is_busy_for_long_keeps_its_visitor(browser_page: Page, product: Product, shop: Site) -> None:
    page = browser_page
    shop.script = tag(product)
    page.goto(shop.address)
    ask(opened(page), "my name is Ada", "Nice to meet you, Ada")
    page.reload()
    page.get_by_role("button", name="Open the chat").click()
    page.evaluate("() => { const end = Date.now() + 4500; while (Date.now() < end); }")
    expect(chat(page).get_by_role("log")).to_contain_text("Nice to meet you, Ada")


def test_only_named_sites_may_frame_it(browser: Browser, product: Product, shop: Site) -> None:
    context = browser.new_context()
    page = context.new_page()
    refused: list[str] = []
    page.on("console", lambda message: refused.append(message.text))
    shop.script = tag(product, "closed", open="")
    page.goto(shop.address)
    expect(page.locator("iframe")).to_be_visible()
    for _ in range(50):
        if any("frame-ancestors" in text for text in refused):
            break
        page.wait_for_timeout(100)
    assert any("frame-ancestors" in text for text in refused), refused
    context.close()


@pytest.fixture
def browser_page(browser: Browser) -> Iterator[Page]:
    """A plain browser; an error of a script fails the test."""
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    page = context.new_page()
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    yield page
    context.close()
    assert faults == []
