"""From an empty installation to a changed, tried and embedded bot, as docs/staff.md tells it: click by click."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import opened
from tests.browser.host_site import site
from tests.browser.staff import PASSWORD, sign_in
from tests.product import serve

pytestmark = pytest.mark.browser
CLICKS = 10  # as docs/staff.md counts them, the sign-in left out


class Clicks:
    """The page, and how often something was clicked."""

    def __init__(self, page: Page) -> None:
        self.page, self.count = page, 0

    def click(self, role: str, name: str) -> None:
        self.count += 1
        found = self.page.get_by_role(role, name=name, exact=True)  # type: ignore[arg-type]
        found.first.click()


def test_from_nothing_to_a_bot_on_a_site(browser: Browser) -> None:
    with serve() as product, site() as shop, opened(browser, "desktop") as page:
        made = "from django.contrib.auth import get_user_model as users\nusers().objects.create_superuser"
        product.run(f'{made}("root", password="{PASSWORD}")')
        sign_in(page, product, "root")
        steps = Clicks(page)
        make_and_try(steps)
        steps.click("link", "Open a channel for it")
        page.locator("[name=name]").fill("Our site")
        steps.click("button", "Save")
        page.get_by_label("Sites that may embed it").fill(shop.address)
        steps.click("button", "Save and continue editing")
        snippet = page.locator(".snippet").last.inner_text()
        shop.script = re.sub(r"http://127\.0\.0\.1:\d+", product.address, snippet)
        page.goto(shop.address)
        steps.click("button", "Open the chat")
        frame = page.frame_locator("iframe")
        frame.get_by_role("textbox").fill("who are you?")
        frame.get_by_role("button", name="Send").click()
        expect(frame.get_by_role("log")).to_contain_text("You sell bicycles, politely.")
        page.goto(f"{product.address}/admin/")
        for done in ("Say what your bot is", "Open a channel", "Say hello", "Go live"):
            expect(page.locator(".setup li.done", has_text=done)).to_have_count(1)
        assert steps.count + 1 == CLICKS  # the button that copies the snippet


def make_and_try(steps: Clicks) -> None:
    """A bot, tried, changed, tried again and saved."""
    page = steps.page
    steps.click("link", "Say what your bot is")
    page.locator("[name=name]").fill("Bicycle shop")
    page.get_by_label("Prompt").fill("You sell bicycles.")
    steps.click("button", "Save")
    said = page.get_by_role("log", name="Test chat")
    page.get_by_label("Your message").fill("who are you?")
    steps.click("button", "Send")
    expect(said).to_contain_text("You sell bicycles.")
    page.get_by_label("Prompt").fill("You sell bicycles, politely.")
    page.get_by_label("Your message").fill("who are you?")
    steps.click("button", "Send")
    expect(said).to_contain_text("You sell bicycles, politely.")
    steps.click("button", "Save and continue editing")
