"""A conversation as the team reads it: it goes on while it is read."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.browser.staff import sign_in, two_sizes, violations
from tests.browser.test_staff import ask
from tests.product import Product

pytestmark = pytest.mark.browser


def _opened(page: Page, desk: Page, team: Product, name: str) -> None:
    """A visitor has said their name; the operator has its conversation open, found by the list."""
    page.goto(f"{team.address}/chat/demo/")
    expect(page.locator(".greeting")).to_be_visible()
    ask(page, f"my name is {name}")
    expect(page.locator(".assistant[data-seq]").last).to_be_visible()
    sign_in(desk, team, "grace")
    desk.goto(f"{team.address}/admin/conversations/conversation/")
    desk.locator("#result_list tr", has_text="demo").first.locator("a").first.click()
    expect(desk.get_by_role("log")).to_contain_text(f"my name is {name}")


@two_sizes
def test_an_open_transcript_shows_what_is_said_meanwhile(page: Page, desk: Page, team: Product) -> None:
    _opened(page, desk, team, "Ada")
    desk.evaluate("window.sameDocument = true")
    ask(page, "what is 12 * (3 + 4)?")
    log = desk.get_by_role("log")
    expect(log).to_contain_text("84")
    details = log.locator("details").last
    expect(details.locator("summary")).to_have_text("answered")
    details.locator("summary").click()
    for text in ("demo/demo", "the installation's default", "Cost$0.00", "calculate (done)", "version 1"):
        expect(details).to_contain_text(text)
    assert violations(desk, "staff-conversation") == []
    ask(page, "/human")
    expect(desk.get_by_role("status")).to_contain_text("waits for a person")
    assert desk.evaluate("window.sameDocument")


@two_sizes
def test_an_operator_takes_over_notes_blocks_and_ends(page: Page, desk: Page, team: Product) -> None:
    _opened(page, desk, team, "Edsger")
    here = desk.url
    desk.get_by_role("button", name="Take over").click()
    expect(desk.get_by_label("Your answer")).to_be_visible()
    expect(page.get_by_text("A person is answering.")).to_be_visible()
    desk.goto(here)
    desk.get_by_label("New note").fill("Rang twice.\n<b>Really</b>")
    desk.get_by_role("button", name="Write note").click()
    expect(desk.locator(".notes article")).to_contain_text("<b>Really</b>")
    desk.get_by_role("button", name="Hand back to the bot").click()
    desk.get_by_role("button", name="Block the person").click()
    ask(page, "anybody there?")
    expect(page.get_by_role("log")).to_contain_text("I may not answer you here.")
    expect(desk.get_by_role("log")).to_contain_text("I may not answer you here.")
    desk.get_by_role("button", name="Unblock the person").click()
    desk.get_by_role("button", name="End", exact=True).click()
    expect(desk.get_by_role("status").first).to_contain_text("over")
    expect(page.get_by_role("log")).to_contain_text("This conversation is over.")


def test_earlier_messages_come_when_they_are_asked_for(desk: Page, team: Product) -> None:
    told = team.run("""
from channels_integrations.models import ChannelConfig
from conversations.models import ChatUser, Conversation, Message, Person
channel = ChannelConfig.objects.get(slug="demo")
person = Person.objects.create(workspace=channel.workspace, name="Donald")
user = ChatUser.objects.create(channel=channel, person=person, external_id=str(person.pk))
here = Conversation.objects.create(workspace=channel.workspace, channel=channel, bot=channel.bot, chat_user=user,
                                   chat_id=user.external_id, next_seq=121)
Message.objects.bulk_create(Message(conversation=here, channel=channel, seq=n, text=f"word {n}", role="user")
                            for n in range(1, 121))
print(here.pk)
""")
    sign_in(desk, team, "grace")
    desk.goto(f"{team.address}/admin/conversations/conversation/{told.strip()}/change/")
    lines = desk.locator(".said .line")
    for count in (50, 100, 120):
        expect(lines).to_have_count(count)
        if count < 120:
            desk.get_by_role("link", name="Earlier messages").click()
    expect(desk.get_by_role("link", name="Earlier messages")).to_have_count(0)
    assert lines.first.inner_text().endswith("word 1") and lines.last.inner_text().endswith("word 120")
