"""The admin as a member of the team uses it, and a visitor at the other end."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.staff import sign_in, two_sizes, violations
from tests.payloads import SCRIPTS
from tests.product import Product

pytestmark = pytest.mark.browser


def ask(page: Page, text: str) -> None:
    page.get_by_role("textbox").fill(text)
    page.get_by_role("textbox").press("Enter")


@two_sizes
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


def test_the_report_runs_no_script_that_fails(desk: Page, team: Product) -> None:
    """What a script of the theme takes for its own would be a fault of `desk`."""
    sign_in(desk, team, "root")
    desk.goto(f"{team.address}/analytics/")
    expect(desk.locator(".report svg").first).to_be_visible()
    assert violations(desk, ".report") == []


def test_the_start_page_says_what_is_next(desk: Page, team: Product) -> None:
    sign_in(desk, team, "root")
    expect(desk.get_by_role("heading", name="From nothing to a bot that people talk to")).to_be_visible()
    assert violations(desk, ".today") == []
    desk.locator(".today").get_by_role("link", name="Open a channel").click()
    expect(desk.get_by_label("Short name")).to_be_visible()


@two_sizes
def test_a_channel_takes_a_break_and_visitors_are_told(page: Page, desk: Page, team: Product) -> None:
    page.goto(f"{team.address}/chat/demo/")
    expect(page.locator(".greeting")).to_be_visible()
    sign_in(desk, team, "root")
    desk.goto(f"{team.address}/admin/channels_integrations/channelconfig/?q=web+chat")
    desk.locator("#result_list").get_by_role("link", name="Web chat").first.click()
    desk.get_by_label("What people are told").fill("Back on <b>Monday</b>.")
    desk.locator("[name=is_paused]").check()
    desk.get_by_role("button", name="Save and continue editing").click()
    expect(desk.get_by_text("Switched off since")).to_be_visible()
    assert violations(desk, ".probe") == []
    desk.wait_for_timeout(5_000)  # until it is in force
    ask(page, "is anybody there?")
    expect(page.get_by_role("log")).to_contain_text("Back on")
    page.reload()
    expect(page.locator("#paused")).to_have_text("Back on <b>Monday</b>.")
    assert violations(page, "switchboard-chat") == []
    desk.locator("[name=is_paused]").uncheck()
    desk.get_by_role("button", name="Save and continue editing").click()
    expect(desk.get_by_text("Switched off since")).to_be_hidden()
    desk.wait_for_timeout(5_000)
    ask(page, "hello")
    expect(page.get_by_role("log")).to_contain_text("built-in demo model")
    expect(page.locator("#paused")).to_be_hidden()


def test_an_address_is_copied_and_a_flag_is_set(desk: Page, team: Product) -> None:
    sign_in(desk, team, "root")
    desk.goto(f"{team.address}/admin/channels_integrations/channelconfig/?q=web+chat")
    desk.locator("#result_list").get_by_role("link", name="Web chat").first.click()
    desk.context.grant_permissions(["clipboard-read", "clipboard-write"])
    desk.get_by_role("button", name="Copy").first.click()
    expect(desk.get_by_role("button", name="Copied").first).to_be_visible()
    assert "/chat/demo/" in desk.evaluate("navigator.clipboard.readText()")
    desk.goto(f"{team.address}/admin/channels_integrations/featureflag/")
    assert violations(desk, ".flags") == []
    tools = desk.locator("#enable_tools")
    tools.get_by_role("switch").uncheck()
    tools.get_by_role("button", name="Save").click()
    expect(tools).to_contain_text("Last changed by root")
    expect(tools).to_contain_text("to off.")
    tools.get_by_role("button", name="Back to default").click()
    expect(tools).to_contain_text("from off to default.")
    expect(tools.get_by_role("switch")).to_be_checked()


def test_a_provider_is_added_tested_and_fetched_from(desk: Page, team: Product) -> None:
    team.run("""
from bots.models import AIModel, AIProvider
AIModel.objects.filter(provider__source="admin").delete()
AIProvider.objects.filter(source="admin").delete()
""")
    sign_in(desk, team, "root")
    desk.goto(f"{team.address}/admin/bots/aiprovider/add/")
    address = desk.locator("[name=base_url]")
    desk.get_by_label("Service").select_option("Azure OpenAI")
    expect(desk.get_by_text("Keys and Endpoint")).to_be_visible()
    expect(address).to_have_attribute("placeholder", "https://<resource>.openai.azure.com/openai/v1/")
    desk.get_by_label("Service").select_option("Ollama")
    expect(desk.locator("[name=slug]")).to_have_value("ollama")
    expect(address).to_have_value("http://localhost:11434/v1")
    address.fill("http://no-such-host.invalid/v1")
    desk.get_by_role("button", name="Save", exact=True).click()
    desk.get_by_role("button", name="Test connection").click()
    expect(desk.locator(".answer")).to_contain_text("There is no such address", timeout=20_000)
    assert violations(desk, ".aside") == []
    demo = desk.goto(f"{team.address}/admin/bots/aiprovider/")
    assert demo is not None and demo.ok
    desk.get_by_role("link", name="Demo (built in)").click()
    desk.get_by_role("link", name="Fetch models").click()
    desk.get_by_label("Find").fill("bri")
    expect(desk.locator(".offers tbody tr:visible")).to_have_count(1)
    assert violations(desk, ".offers") == []


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
