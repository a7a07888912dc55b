"""For everybody: without a mouse, with a screen reader, enlarged, from right to left."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.fake_socket import FakeSocket
from tests.browser.staff import violations

pytestmark = pytest.mark.browser
LOOKS = [(scheme, language) for scheme in ("light", "dark") for language in ("en", "ar")]


@pytest.fixture(params=LOOKS, ids="-".join)
def looked_at(request: pytest.FixtureRequest, browser: Browser) -> Iterator[Page]:
    scheme, language = request.param
    context = browser.new_context(color_scheme=scheme, locale=language, viewport={"width": 390, "height": 780})
    yield context.new_page()
    context.close()


def test_axe_finds_nothing(looked_at: Page, address: str) -> None:
    page = looked_at
    page.goto(address)
    assert violations(page) == []
    for place in ("/chat/demo/", "/chat/demo/frame/"):
        page.goto(address + place)
        expect(page.locator(".greeting")).to_be_visible(timeout=10_000)
        assert violations(page) == []
        for text in ("show me Markdown", "/model"):
            page.get_by_role("textbox").fill(text)
            page.get_by_role("textbox").press("Enter")
        expect(page.locator(".choice")).to_be_visible(timeout=10_000)
        assert violations(page) == []
        for part in ("#earlier", "#options"):
            page.locator(part).click()
            assert violations(page) == []
        page.locator("#delete").click()
        assert violations(page) == []


def test_axe_finds_nothing_in_what_is_under_way(looked_at: Page, address: str) -> None:
    """A text that is coming, and one that waits for a connection."""
    page, fake = looked_at, FakeSocket(looked_at)
    page.goto(f"{address}/chat/demo/")
    box = page.get_by_role("textbox")
    expect(box).to_be_enabled()
    fake.tell("start", turn="t1", attempt=1, blocks=[], n=0)
    fake.tell("delta", turn="t1", attempt=1, n=1, block=0, text="So far")
    expect(page.locator(".draft")).to_have_text("So far")
    assert violations(page) == []
    fake.cut()
    expect(page.get_by_role("status")).not_to_be_empty()
    box.fill("are you there?")
    box.press("Enter")
    expect(page.locator(".user.pending")).to_be_visible()
    assert violations(page) == []


def test_everything_is_done_with_the_keyboard(page: Page, address: str) -> None:
    keys = page.keyboard
    page.goto(f"{address}/chat/demo/")
    expect(page.locator(".greeting")).to_be_visible()
    reach(page, "Your message")
    keys.type("show me Markdown")
    keys.press("Enter")
    expect(page.get_by_role("log")).to_contain_text("That was all.")
    reach(page, "Copy")
    keys.press("Enter")
    expect(page.get_by_role("button", name="Copied")).to_be_focused()
    reach(page, "Good answer")
    keys.press("Space")
    expect(page.get_by_role("button", name="Good answer")).to_have_attribute("aria-pressed", "true")
    reach(page, "Your conversation")
    keys.press("Enter")
    expect(page.get_by_role("button", name="Download this conversation")).to_be_focused()
    keys.press("Escape")
    expect(page.get_by_role("button", name="Your conversation")).to_be_focused()
    reach(page, "New conversation")
    keys.press("Enter")
    expect(page.get_by_role("textbox")).to_be_focused()
    expect(page.get_by_role("log")).not_to_contain_text("That was all.")
    reach(page, "Earlier conversations")
    keys.press("Enter")
    expect(page.get_by_role("button", name="show me Markdown")).to_be_visible()
    reach(page, "show me Markdown")
    keys.press("Enter")
    expect(page.get_by_role("log")).to_contain_text("That was all.")
    expect(page.get_by_role("button", name="Good answer")).to_have_attribute("aria-pressed", "true")


def reach(page: Page, name: str) -> None:
    """Go there by Tab alone."""
    for _ in range(60):
        page.keyboard.press("Tab")
        label = page.evaluate("""() => {
          const here = document.activeElement;
          return here === document.body ? "" : here.ariaLabel || here.labels?.[0]?.textContent || here.textContent;
        }""")
        if name in label:
            return
    raise AssertionError(f"{name!r} is not reached")


@pytest.mark.parametrize("size", [(640, 400), (320, 256), (390, 780)], ids=["200%", "400%", "phone"])
def test_enlarged_nothing_is_cut_off(browser: Browser, address: str, size: tuple[int, int]) -> None:
    context = browser.new_context(viewport={"width": size[0], "height": size[1]}, device_scale_factor=2)
    page = context.new_page()
    page.goto(f"{address}/chat/demo/")
    expect(page.locator(".greeting")).to_be_visible()
    page.get_by_role("textbox").fill("show me Markdown")
    page.get_by_role("textbox").press("Enter")
    expect(page.get_by_role("log")).to_contain_text("That was all.")
    assert page.evaluate("document.documentElement.scrollWidth") <= size[0]
    for name in ("Send", "New conversation", "Earlier conversations"):
        page.get_by_role("button", name=name).scroll_into_view_if_needed()
        expect(page.get_by_role("button", name=name)).to_be_in_viewport()
    context.close()


def test_a_screen_reader_hears_the_whole_answer_once(page: Page, address: str) -> None:
    page.goto(f"{address}/chat/demo/")
    expect(page.locator(".greeting")).to_be_visible()
    page.get_by_role("textbox").fill("show me Markdown")
    page.get_by_role("textbox").press("Enter")
    expect(page.locator(".draft")).to_have_attribute("aria-live", "off")
    expect(page.get_by_role("log")).to_contain_text("That was all.")
    expect(page.locator("#spoken")).to_contain_text("That was all.")
    assert page.locator("[aria-live=off]").count() == 0


@pytest.mark.parametrize(
    ("language", "send"), [("es", "Enviar"), ("de", "Senden"), ("fr", "Envoyer"), ("ar", "إرسال"), ("en", "Send")]
)
def test_it_speaks_the_readers_language(browser: Browser, address: str, language: str, send: str) -> None:
    context = browser.new_context(locale=language)
    page = context.new_page()
    page.goto(f"{address}/chat/demo/")
    expect(page.get_by_role("button", name=send, exact=True)).to_be_visible()
    assert page.evaluate("document.documentElement.dir") == ("rtl" if language == "ar" else "ltr")
    if language == "ar":
        assert page.locator("#send").bounding_box()["x"] < page.locator("#text").bounding_box()["x"]  # type: ignore[index]
    context.close()
