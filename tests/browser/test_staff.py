"""The admin as a member of the team uses it, and a visitor at the other end."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from playwright.sync_api import Browser, Page, expect

from tests.payloads import SCRIPTS
from tests.product import Product

pytestmark = pytest.mark.browser
PASSWORD = "a password of the tests"


@pytest.fixture(scope="module")
def team(product: Product) -> Product:
    """An operator, Grace, and a canned answer."""
    product.run(f"""
from django.contrib.auth import get_user_model
from bots.models import Membership, Workspace
from conversations.models import CannedAnswer
users, workspace = get_user_model().objects, Workspace.default()
users.filter(username__in=["grace", "root"]).delete()
grace = users.create_user("grace", password="{PASSWORD}", first_name="Grace", is_staff=True)
Membership.objects.create(user=grace, workspace=workspace, role="operator")
users.create_superuser("root", password="{PASSWORD}")
CannedAnswer.objects.get_or_create(workspace=workspace, name="Opening hours", text="We open at nine.")
""")
    return product


@pytest.fixture(params=["phone", "desktop"])
def desk(request: pytest.FixtureRequest, browser: Browser) -> Iterator[Page]:
    """A staff member's browser. An error of a script or a broken policy fails the test."""
    phone = request.param == "phone"
    context = browser.new_context(
        viewport={"width": 390, "height": 780} if phone else {"width": 1280, "height": 800},
        color_scheme="dark" if phone else "light",
    )
    page = context.new_page()
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)
    yield page
    context.close()
    assert faults == []


def sign_in(page: Page, product: Product, name: str) -> None:
    page.goto(f"{product.address}/admin/")
    page.locator("[name=username]").fill(name)
    page.locator("[name=password]").fill(PASSWORD)
    page.locator("button[type=submit]").click()
    expect(page.get_by_role("heading", name="Today").first).to_be_attached()


def ask(page: Page, text: str) -> None:
    page.get_by_role("textbox").fill(text)
    page.get_by_role("textbox").press("Enter")


def test_who_asks_for_a_person_gets_one(page: Page, desk: Page, team: Product) -> None:
    name = f"Ada {page.viewport_size}"
    page.goto(f"{team.address}/chat/demo/")
    expect(page.locator(".greeting")).to_be_visible()
    ask(page, name)
    ask(page, "/human")
    expect(page.get_by_text("A person will be with you soon.", exact=True)).to_be_visible()
    sign_in(desk, team, "grace")
    desk.goto(f"{team.address}/admin/conversations/conversation/needs-a-person/")
    desk.get_by_role("button", name=name).first.click()
    expect(desk.get_by_role("log")).to_contain_text("/human")
    desk.get_by_role("button", name="Take over").click()
    expect(page.get_by_text("A person is answering.")).to_be_visible()
    desk.get_by_label("Canned answer").select_option("Opening hours")
    expect(desk.get_by_label("Your answer")).to_have_value("We open at nine.")
    desk.get_by_role("button", name="Send").click()
    expect(page.get_by_role("log")).to_contain_text("We open at nine.")
    expect(page.locator(".author")).to_have_text("Grace")
    ask(page, "thank you")
    expect(desk.get_by_role("log")).to_contain_text("thank you")
    assert violations(desk, "staff-inbox") == []
    desk.get_by_role("button", name="Hand back to the bot").click()
    expect(page.get_by_text("A person is answering.")).to_be_hidden()
    ask(page, "hello")
    expect(page.get_by_role("log")).to_contain_text("built-in demo model")


def violations(page: Page, part: str) -> list[str]:
    """What axe finds in our own part of a page."""
    found = Axe().run(page, context=part).response["violations"]
    return [f"{each['id']}: {[node['html'][:200] for node in each['nodes']]}" for each in found]


def test_the_start_page_says_what_is_next(desk: Page, team: Product) -> None:
    sign_in(desk, team, "root")
    expect(desk.get_by_role("heading", name="From nothing to a bot that people talk to")).to_be_visible()
    assert violations(desk, ".today") == []
    desk.locator(".today").get_by_role("link", name="Open a channel").click()
    expect(desk.get_by_label("Slug")).to_be_visible()


def test_nothing_that_people_say_runs_in_the_admin(browser: Browser, team: Product) -> None:
    """Without the page's policy, so that it cannot hide a fault; the theme evaluates attributes, never texts."""
    team.run(f"""
from channels_integrations.models import ChannelConfig
from conversations.models import ChatUser, Conversation, Message, Person
channel = ChannelConfig.objects.get(slug="demo")
from conversations.models import Note
texts = [text.replace(chr(0), "") for text in {list(SCRIPTS)!r}]
Message.objects.filter(conversation__chat_id__startswith="xss").delete()
Conversation.objects.filter(chat_id__startswith="xss").delete()
person = Person.objects.create(workspace=channel.workspace, name=texts[3][:200])
user = ChatUser.objects.create(channel=channel, person=person, external_id="xss", username=texts[4][:200])
Note.objects.bulk_create(Note(person=person, text=text) for text in texts[:20])
for number in range(3):
    here = Conversation.objects.create(workspace=channel.workspace, channel=channel, bot=channel.bot, chat_user=user,
                                       chat_id=f"xss{{number}}", title=texts[number * 7][:100], owner="waiting",
                                       waiting_since="2026-01-01T00:00Z")
    role = "assistant" if number == 1 else "user"
    Message.objects.bulk_create(Message(conversation=here, channel=channel, seq=seq, text=text, role=role)
                                for seq, text in enumerate(texts, 1))
    here.next_seq = 301
    here.save()
""")
    context = browser.new_context(bypass_csp=True, viewport={"width": 1280, "height": 900})
    page = context.new_page()
    faults: list[str] = []
    page.on("dialog", lambda dialog: faults.append(dialog.message))
    page.on("request", lambda request: None if "127.0.0.1" in request.url else faults.append(request.url))
    sign_in(page, team, "root")
    admin = f"{team.address}/admin/conversations"
    for place in ("conversation/", "person/", "conversation/needs-a-person/"):
        page.goto(f"{admin}/{place}")
        page.wait_for_timeout(300)
    for button in page.locator("staff-inbox nav button").all()[:3]:
        button.click()
        expect(page.locator("staff-inbox .line")).not_to_have_count(0)
    page.goto(f"{admin}/conversation/")
    for link in [row.get_attribute("href") for row in page.locator("#result_list th a, #result_list td a").all()][:3]:
        page.goto(f"{team.address}{link}")
        page.wait_for_timeout(500)
    page.goto(f"{admin}/person/?q=xss")
    page.locator("#result_list th a, #result_list td a").first.click()
    expect(page.get_by_role("heading", name="Notes")).to_be_visible()
    assert page.evaluate("window.harm") is None
    assert faults == []
    context.close()
