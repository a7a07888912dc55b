"""A bot's page: its test chat beside the form, its versions, two people at it."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.browser.staff import sign_in, violations
from tests.payloads import SCRIPTS
from tests.product import Product

pytestmark = pytest.mark.browser


@pytest.fixture
def bot_page(desk: Page, team: Product) -> Page:
    """The page of a bot of one's own, made anew."""
    made = team.run("""
from bots.models import Bot, Workspace
bot = Bot.objects.create(workspace=Workspace.default(), slug="tried", name="Tried", tools=["calculate"],
                         greeting="Ahoy!", suggestions=["Who are you?"])
Bot.objects.filter(pk=bot.pk).update(slug=f"tried-{bot.pk}")
bot.write_prompt("You sell bicycles.")
print(bot.pk)
""")
    sign_in(desk, team, "root")
    desk.goto(f"{team.address}/admin/bots/bot/{made.strip()}/change/")
    return desk


def test_an_unsaved_prompt_is_tried(bot_page: Page) -> None:
    page, log = bot_page, bot_page.get_by_role("log")
    expect(log).to_contain_text("Ahoy!")
    page.get_by_label("Prompt").fill("You sell boats.")
    page.get_by_role("button", name="Who are you?").click()
    expect(log).to_contain_text("You sell boats.")
    expect(log.locator("small")).to_contain_text("demo/demo")
    page.get_by_label("Your message").fill("my name is Ada")
    page.get_by_label("Your message").press("Enter")
    expect(log.locator("small")).to_have_count(2)
    page.get_by_label("Your message").fill("what is my name? and 6 * 7?")
    page.get_by_role("button", name="Send", exact=True).click()
    expect(log.locator("small")).to_have_count(3)
    expect(log).to_contain_text("Ada")
    assert violations(page, "staff-trial") == []
    page.get_by_role("button", name="Start again").click()
    expect(log).not_to_contain_text("Ada")
    page.reload()
    expect(page.get_by_label("Prompt")).to_have_value("You sell bicycles.")


def test_an_answer_is_stopped(bot_page: Page) -> None:
    page, log = bot_page, bot_page.get_by_role("log")
    page.get_by_label("Your message").fill("show me Markdown")
    page.get_by_label("Your message").press("Enter")
    expect(log).to_contain_text("a bit of everything")
    page.get_by_role("button", name="Stop", exact=True).click()
    expect(log.locator("small")).to_have_text("stopped")
    expect(page.get_by_role("button", name="Send", exact=True)).to_be_visible()


def test_versions_are_compared_and_restored(bot_page: Page) -> None:
    page = bot_page
    page.get_by_label("Prompt").fill("You sell boats.")
    page.get_by_role("button", name="Save and continue editing").click()
    page.get_by_role("link", name="compare with earlier ones").click()
    expect(page.locator("ins")).to_have_text("boats")
    expect(page.locator("del")).to_have_text("bicycles")
    assert violations(page, ".prompts") == []
    page.get_by_role("button", name="Restore version 1").click()
    expect(page.get_by_text("in force again, as version 3").first).to_be_visible()
    page.get_by_role("link", name="Back to Tried").click()
    expect(page.get_by_label("Prompt")).to_have_value("You sell bicycles.")


def test_nothing_that_is_tried_runs(bot_page: Page) -> None:
    page, log = bot_page, bot_page.get_by_role("log")
    foreign: list[str] = []
    page.on("request", lambda request: None if "127.0.0.1" in request.url else foreign.append(request.url))
    for number, text in enumerate([text.replace("\0", "") for text in SCRIPTS][:40:8], 1):
        page.get_by_label("Your message").fill(text)
        page.get_by_label("Your message").press("Enter")
        expect(log.locator("small")).to_have_count(number)
    assert page.evaluate("window.harm") is None
    assert foreign == []
