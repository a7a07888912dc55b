"""The pictures in docs/images, taken from the running product: `make screenshots`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, ViewportSize, expect, sync_playwright

from tests.browser.chromium import find_chromium
from tests.browser.conftest import FLAGS
from tests.browser.host_site import site
from tests.product import Product, serve

IMAGES = Path(__file__).resolve().parents[2] / "docs" / "images"
SIZES: dict[str, ViewportSize] = {"phone": {"width": 390, "height": 780}, "desktop": {"width": 1280, "height": 800}}


def chat(page: Page, address: str) -> None:
    """A conversation with a bit of everything."""
    page.goto(f"{address}/chat/demo/")
    expect(page.locator(".greeting")).to_be_visible()
    for text, answer in (("What is 12 * (3 + 4)?", "84"), ("show me Markdown", "That was all.")):
        page.get_by_role("textbox").fill(text)
        page.get_by_role("textbox").press("Enter")
        expect(page.get_by_role("log")).to_contain_text(answer)


def widget(page: Page, product: Product) -> None:
    """The same bot on a site."""
    with site() as shop:
        product.run(f"""
from channels_integrations.models import ChannelConfig
ChannelConfig.objects.filter(slug="demo").update(config={{"sites": ["{shop.address}"], "accent": "#8f2d56"}})
""")
        source = f"{product.address}/static/webchat/widget.js"
        shop.script = f'<script src="{source}" data-channel="demo" data-open></script>'
        page.wait_for_timeout(5_000)  # until the change is in force
        page.goto(shop.address)
        frame = page.frame_locator("iframe")
        expect(frame.locator(".greeting")).to_be_visible()
        frame.get_by_role("textbox").fill("What can you tell me about costs?")
        frame.get_by_role("textbox").press("Enter")
        expect(frame.locator(".actions")).to_be_visible()


@contextmanager
def opened(browser: Browser, size: ViewportSize, scheme: str) -> Iterator[Page]:
    context = browser.new_context(viewport=size, color_scheme="dark" if scheme == "dark" else "light")
    yield context.new_page()
    context.close()


def main() -> None:
    IMAGES.mkdir(exist_ok=True)
    with serve() as product, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=FLAGS)
        for name, size in SIZES.items():
            for scheme in ("light", "dark"):
                with opened(browser, size, scheme) as page:
                    chat(page, product.address)
                    page.screenshot(path=IMAGES / f"chat-{name}-{scheme}.png")
        with opened(browser, SIZES["desktop"], "light") as page:
            widget(page, product)
            page.screenshot(path=IMAGES / "widget-desktop-light.png")
        browser.close()


if __name__ == "__main__":
    main()
