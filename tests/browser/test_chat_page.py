"""The plain chat page, as a visitor uses it."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, WebSocketRoute, expect

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
    expect(log.locator(".message[data-seq]")).to_have_count(4)
    page.reload()
    expect(log.locator(".message[data-seq]")).to_have_count(4)
    expect(log).to_contain_text("That was all.")
    page.get_by_role("button", name="New conversation").click()
    expect(log).not_to_contain_text("84")
    ask(page, "hello")
    expect(log).to_contain_text("built-in demo model")


def test_what_one_says_after_a_command_began_anew_is_shown(page: Page, address: str) -> None:
    page.goto(f"{address}/chat/demo/")
    log = page.get_by_role("log")
    expect(log).to_contain_text("I am the demo bot")
    ask(page, "my name is Ada")
    expect(log).to_contain_text("Nice to meet you, Ada")
    ask(page, "/new")
    expect(log.locator(".message[data-seq]")).to_have_count(4)
    ask(page, "what is my name?")
    expect(log).to_contain_text("You have not told me your name")
    expect(log.locator(".user")).to_have_text(["what is my name?"])


@pytest.mark.parametrize("cut", ['"ack"', '"n":20,', '"role":"assistant"'], ids=["ack", "answer", "end"])
def test_a_lost_connection_comes_back_without_gap_or_double(page: Page, address: str, cut: str) -> None:
    """The first connection is cut in place of this frame."""
    made: list[WebSocketRoute] = []

    def pass_on(route: WebSocketRoute) -> None:
        made.append(route)
        server, first = route.connect_to_server(), len(made) == 1

        def to_page(frame: str | bytes) -> None:
            if first and cut in str(frame):
                route.close()
                server.close()
            else:
                route.send(frame)

        server.on_message(to_page)

    page.route_web_socket("**/ws/chat/demo/", pass_on)
    page.goto(f"{address}/chat/demo/")
    log = page.get_by_role("log")
    expect(log).to_contain_text("I am the demo bot")
    ask(page, "show me Markdown")
    expect(log).to_contain_text("That was all.", timeout=20_000)
    expect(log.locator(".message[data-seq]")).to_have_count(2)
    expect(log.locator(".message:not([data-seq]):not(.greeting)")).to_have_count(0)
    expect(log.locator(".user")).to_have_text(["show me Markdown"])
    expect(page.get_by_role("status")).to_have_text("")
    expect(page.get_by_role("button", name="Send")).to_be_visible()
    assert len(made) == 2


def test_quick_messages_all_arrive(page: Page, address: str) -> None:
    page.goto(f"{address}/chat/demo/")
    log = page.get_by_role("log")
    expect(log).to_contain_text("I am the demo bot")
    for number in range(7):
        page.get_by_role("textbox").fill(f"/status {number}")
        page.get_by_role("textbox").press("Enter")
    expect(log.locator(".user[data-seq]")).to_have_count(7, timeout=20_000)
    expect(log.locator(".assistant[data-seq]")).to_have_count(7, timeout=20_000)


def test_an_unknown_chat_is_a_plain_page(page: Page, address: str) -> None:
    response = page.request.get(f"{address}/chat/nobody/")
    assert response.status == 404
    assert "This address leads nowhere" in response.text()


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
    page.get_by_role("link", name="Demo").first.click()
    expect(page.get_by_role("textbox")).to_have_count(1)
