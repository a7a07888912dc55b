"""The button "Talk to a person", on the page and in the widget."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, FrameLocator, Page, expect

from tests.browser.conftest import ARTEFACTS
from tests.browser.host_site import site
from tests.browser.staff import violations
from tests.browser.test_access import reach
from tests.product import Product

pytestmark = pytest.mark.browser
BUTTON = "Talk to a person"
HAND_BACK = """
from django.contrib.auth import get_user_model
from conversations import ownership
from conversations.models import Conversation
here = Conversation.objects.filter(owner="waiting", ended_at=None).latest("started_at")
ownership.{act}(here.pk, get_user_model().objects.get(username="admin"))
"""


@pytest.fixture(scope="module")
def without(product: Product) -> str:
    """A channel whose button is switched off."""
    product.run("""
from channels_integrations.models import ChannelConfig
row = ChannelConfig.objects.get(slug="demo")
ChannelConfig.objects.get_or_create(slug="alone", defaults={
    "workspace": row.workspace, "bot": row.bot, "kind": "webchat", "name": "alone", "config": {"person_button": False}})
""")
    return f"{product.address}/chat/alone/"


def test_a_person_is_called_with_the_keyboard_and_goes_again(page: Page, product: Product) -> None:
    page.goto(f"{product.address}/chat/demo/")
    button = page.get_by_role("button", name=BUTTON)
    expect(button).to_be_visible()
    reach(page, BUTTON)
    page.keyboard.press("Enter")
    expect(page.locator("#banner")).to_have_text("A person will be with you soon.")
    expect(button).to_be_hidden()
    expect(page.get_by_role("textbox")).to_be_focused()
    expect(page.locator(".aside")).to_contain_text("Just go on writing")
    expect(page.locator(".greeting")).to_have_count(1)
    assert violations(page) == []
    page.reload()
    expect(page.locator("#banner")).to_be_visible()
    expect(button).to_be_hidden()
    product.run(HAND_BACK.format(act="take"))
    expect(page.locator("#banner")).to_have_text("A person is answering.")
    expect(button).to_be_hidden()
    product.run(HAND_BACK.format(act="hand_back").replace('"waiting"', '"human"'))
    expect(page.locator("#banner")).to_be_hidden()
    expect(button).to_be_visible()


def test_where_the_channel_offers_nobody_there_is_no_button(page: Page, without: str) -> None:
    page.goto(without)
    expect(page.locator(".greeting")).to_be_visible()
    expect(page.get_by_role("button", name=BUTTON)).to_have_count(0)


@pytest.fixture(params=[390, 1280], ids=["phone", "desktop"])
def arab(request: pytest.FixtureRequest, browser: Browser) -> Iterator[Page]:
    context = browser.new_context(locale="ar", viewport={"width": request.param, "height": 780})
    page = context.new_page()
    yield page
    ARTEFACTS.mkdir(exist_ok=True)
    page.screenshot(path=ARTEFACTS / f"{request.node.name}.png")
    context.close()


def test_from_right_to_left_it_stands_at_the_left(arab: Page, product: Product) -> None:
    arab.goto(f"{product.address}/chat/demo/")
    button = arab.get_by_role("button", name="التحدث إلى شخص")
    expect(button).to_be_visible()
    place, box = button.bounding_box(), arab.locator("#text").bounding_box()
    assert place is not None and box is not None
    assert place["x"] < box["x"] + box["width"] / 2 and place["height"] >= 24
    assert violations(arab) == []


def test_in_the_widget_it_does_the_same(page: Page, product: Product) -> None:
    with site() as shop:
        product.run(f"""
from channels_integrations.models import ChannelConfig
row = ChannelConfig.objects.get(slug="demo")
ChannelConfig.objects.create(workspace=row.workspace, bot=row.bot, kind="webchat", slug="calls-{shop.address[-5:]}",
                             name="calls", config={{"sites": ["{shop.address}"]}})
""")
        source = f"{product.address}/static/webchat/widget.js"
        shop.script = f'<script src="{source}" data-channel="calls-{shop.address[-5:]}" data-open></script>'
        page.goto(shop.address)
        frame: FrameLocator = page.frame_locator("iframe")
        frame.get_by_role("button", name=BUTTON).click()
        expect(frame.locator("#banner")).to_have_text("A person will be with you soon.")
        expect(frame.get_by_role("button", name=BUTTON)).to_be_hidden()
