"""A channel's page: what its platform asks for in words, and what a check finds, without leaving the page."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.browser.staff import sign_in, violations
from tests.product import Product

pytestmark = pytest.mark.browser


@pytest.fixture
def channel_page(desk: Page, team: Product) -> Page:
    """The page of a Telegram channel whose token nobody has filled in yet."""
    made = team.run("""
import uuid
from bots.models import Bot
from channels_integrations.models import ChannelConfig
bot = Bot.objects.get(slug="demo")
print(ChannelConfig.objects.create(
    workspace=bot.workspace, bot=bot, kind="telegram", slug=f"t-{uuid.uuid4()}", name="Support").pk)
""")
    sign_in(desk, team, "root")
    desk.goto(f"{team.address}/admin/channels_integrations/channelconfig/{made.strip()}/change/")
    return desk


def test_what_is_chosen_is_said_in_words_beside_the_token(channel_page: Page) -> None:
    page = channel_page
    expect(page.get_by_text("Not set up yet. “Token” is not filled in.")).to_be_visible()
    chosen = page.locator("[name=config_in_groups] option:checked")
    expect(chosen).to_have_text("Answer what is meant for the bot")
    top = page.locator("[name=config_token]").bounding_box()
    later = page.locator("[name=default_model]").bounding_box()
    assert top is not None and later is not None and top["y"] < later["y"]  # what is asked for first comes first


def test_a_known_chat_is_chosen_by_its_name_and_any_other_by_its_id(channel_page: Page, team: Product) -> None:
    page = channel_page
    box = page.get_by_label("Chat", exact=True)
    expect(box).to_have_attribute("name", "chat_id")
    assert violations(page, ".probe") == []
    team.run(f"""
import uuid
from channels_integrations.base import IncomingMessage
from channels_integrations.setup import setup_of
from conversations.accept import accept
accept(setup_of(uuid.UUID("{page.url.split("/")[-3]}")), IncomingMessage(
    event_id="1", chat_id="-1001234567890/12", chat_name="Bicycle shop", sender_id="7", sender_name="Ada",
    text="Which bicycle would you take to the mountains in winter?"))
""")
    page.reload()
    expect(box.locator("option:checked")).to_have_text("Choose a chat")  # nobody is written to by mistake
    expect(box.locator("option").nth(1)).to_contain_text("Bicycle shop · “Which bicycle")
    named = page.get_by_label("Id of another chat")
    expect(named).to_be_hidden()
    box.select_option("Another chat, by its id")
    named.fill("77")
    assert violations(page, ".probe") == []
    box.select_option(index=1)
    expect(named).to_be_hidden()
    page.get_by_role("button", name="Send a test message").click()
    expect(page.locator(".probe [role=status]").first).to_have_text(
        "Not sent. The channel is not set up yet: “Token” is not filled in."
    )


def test_a_check_lists_what_it_found_with_the_mend_and_keeps_what_was_typed(channel_page: Page) -> None:
    page = channel_page
    page.locator("[name=config_prefix]").fill("hal,")
    page.get_by_role("button", name="Check this channel").click()
    finding = page.locator(".findings li")
    expect(page.locator(".probe").get_by_text("1 thing to mend.")).to_be_visible()
    expect(finding).to_have_class("bad")
    expect(finding).to_contain_text("settings: “Token” is not filled in.")
    expect(finding.locator("span")).to_have_text("Open the channel in the admin and fill it in.")
    expect(page.locator("[name=config_prefix]")).to_have_value("hal,")
    assert violations(page, ".probe") == []
