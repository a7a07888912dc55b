"""The plain chat page, as a visitor uses it."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.browser


def ask(page: Page, text: str) -> None:
    page.get_by_role("textbox").fill(text)
    page.get_by_role("button", name="Send").click()


def test_a_visitor_talks_reloads_and_starts_anew(page: Page, address: str) -> None:
    page.goto(f"{address}/chat/demo/")
    log = page.get_by_role("log")
    expect(log).to_contain_text("I am the demo bot")
    expect(page.get_by_text("Demo", exact=True).last).to_be_visible()
    ask(page, "What is 12 * (3 + 4)?")
    expect(log).to_contain_text("84")
    ask(page, "show me Markdown")
    expect(log.locator("table")).to_be_visible()
    expect(log).to_contain_text("That was all.")
    expect(log.locator(".message")).to_have_count(4)
    page.reload()
    expect(log.locator(".message")).to_have_count(4)
    expect(log).to_contain_text("That was all.")
    page.get_by_role("button", name="New conversation").click()
    expect(log).not_to_contain_text("84")
    ask(page, "hello")
    expect(log).to_contain_text("built-in demo model")


def test_an_answer_can_be_stopped(page: Page, address: str) -> None:
    page.goto(f"{address}/chat/demo/")
    expect(page.get_by_role("log")).to_contain_text("I am the demo bot")
    ask(page, "show me Markdown")
    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_role("button", name="Send")).to_be_visible()
    expect(page.get_by_role("log")).not_to_contain_text("That was all.")


def test_what_people_write_stays_text(page: Page, address: str) -> None:
    page.goto(f"{address}/chat/demo/")
    expect(page.get_by_role("log")).to_contain_text("I am the demo bot")
    ask(page, "<img src=x onerror=alert(1)> [x](javascript:alert(1))")
    expect(page.get_by_role("log")).to_contain_text("You wrote")
    assert page.locator("#log img, #log a[href^=javascript]").count() == 0


def test_the_landing_leads_to_the_chat(page: Page, address: str) -> None:
    page.goto(address)
    page.get_by_role("link", name="Demo").click()
    expect(page.get_by_role("textbox")).to_have_count(1)
