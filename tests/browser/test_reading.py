"""Reading, tabs, and bad lines: the page stays where the reader is, and says what it knows."""

from __future__ import annotations

import time

import pytest
from playwright.sync_api import Page, expect

from tests.browser.fake_socket import FakeSocket, message

pytestmark = pytest.mark.browser


def ask(page: Page, text: str) -> None:
    page.get_by_role("textbox").fill(text)
    page.get_by_role("textbox").press("Enter")


def test_it_never_moves_under_a_reader(page: Page, address: str) -> None:
    fake = FakeSocket(page)
    fake.history = [message(seq, "user", f"line {seq}\n" * 5) for seq in range(1, 30)]
    page.goto(f"{address}/chat/demo/")
    log = page.get_by_role("log")
    expect(log.locator(".message[data-seq]")).to_have_count(29)
    at_end = "log => log.scrollHeight - log.scrollTop - log.clientHeight < 5"
    assert log.evaluate(at_end)
    log.hover()
    page.mouse.wheel(0, -900)
    page.wait_for_timeout(200)
    before = log.evaluate("log => log.scrollTop")
    fake.tell("start", turn="t", attempt=1, n=0, blocks=[])
    for number in range(40):
        fake.tell("delta", turn="t", attempt=1, n=number, block=number // 10, text=f"word{number} " * 20)
    fake.tell("block", turn="t", attempt=1, n=40, block=0, html="<p>short</p>")
    fake.tell("message", **message(30, "assistant", "whole", html="<p>whole</p>", turn="t"))
    expect(log).to_contain_text("whole")
    assert log.evaluate("log => log.scrollTop") == before
    page.get_by_role("button", name="To the latest").click()
    assert log.evaluate(at_end)
    expect(page.get_by_role("button", name="To the latest")).to_be_hidden()
    fake.tell("message", **message(31, "user", "more\n" * 9))
    expect(log).to_contain_text("more")
    assert log.evaluate(at_end)


def test_earlier_messages_come_above_what_is_read(page: Page, address: str) -> None:
    fake = FakeSocket(page)
    page.goto(f"{address}/chat/demo/")
    page.wait_for_function("() => document.querySelector('switchboard-chat').texts")
    fake.tell("history", messages=[message(seq, "user", f"number {seq}\n" * 4) for seq in range(51, 101)], more=True)
    log = page.get_by_role("log")
    expect(log.locator(".message[data-seq]")).to_have_count(50)
    log.evaluate("log => log.scrollTop = 0")
    expect(page.get_by_role("button", name="To the latest")).to_be_visible()
    seen = page.locator("[data-seq='51']").bounding_box()
    page.get_by_role("button", name="Earlier messages").click()
    expect(page.get_by_role("button", name="Earlier messages")).to_be_visible()
    page.wait_for_timeout(100)
    assert fake.heard[-1] == {"type": "older", "before": 51}
    fake.tell(
        "history",
        messages=[message(seq, "user", f"number {seq}\n" * 4) for seq in range(1, 51)],
        more=False,
        older=True,
    )
    expect(log.locator(".message[data-seq]")).to_have_count(100)
    now = page.locator("[data-seq='51']").bounding_box()
    assert seen is not None and now is not None
    assert abs(seen["y"] - now["y"]) < 60  # the button above it is gone
    assert log.locator("[data-seq]").evaluate_all("nodes => nodes.map(n => +n.dataset.seq)") == list(range(1, 101))


def test_what_is_written_without_a_line_is_sent_when_there_is_one(page: Page, address: str) -> None:
    fake = FakeSocket(page)
    page.goto(f"{address}/chat/demo/")
    expect(page.get_by_role("textbox")).to_be_enabled()
    page.wait_for_timeout(300)
    fake.cut()
    expect(page.get_by_role("status")).to_have_text("No connection. Trying again…")
    ask(page, "are you there?")
    expect(page.locator(".user.pending")).to_have_text("are you there?")
    fake.is_up = True
    page.evaluate("dispatchEvent(new Event('online'))")  # as a phone does when it finds a network
    began = time.monotonic()
    while "message" not in fake.kinds() and time.monotonic() - began < 5:
        page.wait_for_timeout(20)
    assert time.monotonic() - began < 3
    said = next(frame for frame in fake.heard if frame["type"] == "message")
    fake.tell("ack", id=said["id"], message_id="m1", seq=1)
    expect(page.locator(".user.pending")).to_have_count(0)
    expect(page.get_by_role("status")).to_have_text("")


def test_other_tabs_hear_of_a_new_conversation_when_the_old_one_is_over(page: Page, address: str) -> None:
    fake = FakeSocket(page)
    fake.history = [message(1, "user", "hello")]
    page.goto(f"{address}/chat/demo/")
    expect(page.locator(".user")).to_have_text("hello")
    page.evaluate("""() => {
        window.told = [];
        window.tab = new BroadcastChannel("switchboard:demo");
        window.tab.onmessage = (event) => window.told.push(event.data);
    }""")
    page.get_by_role("button", name="New conversation").click()
    page.wait_for_timeout(300)
    assert page.evaluate("window.told") == []  # asked now, the server would show them the old one again
    fake.tell("ready", visitor="v", conversation=None, owner="bot", ended=False, bot=fake.bot)
    page.wait_for_function("() => window.told.length === 1 && window.told[0].conversation === null")


def test_tabs_keep_in_step(page: Page, address: str) -> None:
    page.goto(f"{address}/chat/demo/")
    expect(page.locator(".greeting")).to_be_visible()
    ask(page, "my name is Ada")
    expect(page.get_by_role("log")).to_contain_text("Nice to meet you, Ada")
    other = page.context.new_page()
    other.goto(f"{address}/chat/demo/")
    expect(other.get_by_role("log")).to_contain_text("Nice to meet you, Ada")
    ask(other, "show me Markdown")
    expect(page.get_by_role("log")).to_contain_text("That was all.")
    expect(page.locator(".user")).to_have_text(["my name is Ada", "show me Markdown"])
    page.get_by_role("button", name="New conversation").click()
    expect(other.get_by_role("log")).not_to_contain_text("Ada")
    ask(page, "what is my name?")
    expect(other.get_by_role("log")).to_contain_text("You have not told me your name")
    other.close()


def test_a_visitor_takes_along_and_deletes(page: Page, address: str) -> None:
    page.goto(f"{address}/chat/demo/")
    expect(page.locator(".greeting")).to_be_visible()
    ask(page, "my name is Ada")
    expect(page.get_by_role("log")).to_contain_text("Nice to meet you, Ada")
    page.get_by_role("button", name="Your conversation").click()
    with page.expect_download() as told:
        page.get_by_role("button", name="Download this conversation").click()
    assert "my name is Ada" in told.value.path().read_text()
    page.get_by_role("button", name="Your conversation").click()
    page.get_by_role("button", name="Delete this conversation").click()
    page.get_by_role("button", name="Keep it").click()
    expect(page.get_by_role("log")).to_contain_text("Ada")
    page.get_by_role("button", name="Your conversation").click()
    page.get_by_role("button", name="Delete this conversation").click()
    page.get_by_role("button", name="Delete", exact=True).click()
    expect(page.get_by_role("log")).not_to_contain_text("Ada")
    expect(page.get_by_role("status")).to_have_text("The conversation was deleted.")
    page.get_by_role("button", name="Earlier conversations").click()
    expect(page.locator("#panel")).to_contain_text("There are no earlier conversations.")
    page.reload()
    expect(page.locator(".greeting")).to_be_visible()
    expect(page.get_by_role("log")).not_to_contain_text("Ada")


def test_an_ended_conversation_says_so_and_the_next_words_begin_another(page: Page, address: str) -> None:
    page.goto(f"{address}/chat/demo/")
    expect(page.locator(".greeting")).to_be_visible()
    ask(page, "my name is Ada")
    expect(page.get_by_role("log")).to_contain_text("Nice to meet you, Ada")
    page.get_by_role("button", name="Your conversation").click()
    page.get_by_role("button", name="End this conversation").click()
    expect(page.get_by_role("log")).to_contain_text("This conversation is over.")
    ask(page, "what is my name?")
    expect(page.get_by_role("log")).to_contain_text("You have not told me your name")


def test_a_button_is_pressed_once(page: Page, address: str) -> None:
    page.goto(f"{address}/chat/demo/")
    expect(page.locator(".greeting")).to_be_visible()
    ask(page, "/model")
    page.get_by_role("button", name="demo/brief").click()
    expect(page.get_by_role("log")).to_contain_text("This conversation now uses")
    expect(page.get_by_role("button", name="demo/brief")).to_be_disabled()
    expect(page.locator(".user")).to_have_text(["/model", "/model demo/brief"])


def test_who_answers_is_said(page: Page, address: str) -> None:
    fake = FakeSocket(page)
    page.goto(f"{address}/chat/demo/")
    fake.meet()
    fake.tell("owner", owner="waiting")
    expect(page.get_by_text("A person will be with you soon.")).to_be_visible()
    fake.tell("owner", owner="human")
    expect(page.get_by_text("A person is answering.")).to_be_visible()
    fake.tell("typing")
    expect(page.get_by_role("status")).to_have_text("Somebody is typing…")
    fake.tell(
        "message", **message(1, "assistant", "Hello, Grace here.", html="<p>Hello, Grace here.</p>", author="Grace")
    )
    expect(page.get_by_role("status")).to_have_text("")
    fake.tell("owner", owner="bot")
    expect(page.get_by_text("A person is answering.")).to_be_hidden()


def test_a_pasted_picture_is_answered_with_a_sentence(page: Page, address: str) -> None:
    page.goto(f"{address}/chat/demo/")
    expect(page.locator(".greeting")).to_be_visible()
    page.get_by_role("textbox").evaluate("""box => {
      const data = new DataTransfer();
      data.items.add(new File(["x"], "cat.png", { type: "image/png" }));
      box.dispatchEvent(new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true }));
    }""")
    expect(page.get_by_role("log")).to_contain_text("Pictures and files cannot be read here yet.")


def test_messages_stand_in_the_order_of_their_numbers_whenever_they_come(page: Page, address: str) -> None:
    fake = FakeSocket(page)
    page.goto(f"{address}/chat/demo/")
    fake.meet()
    fake.tell("message", **message(1, "user", "first"))
    fake.tell("start", turn="t3", attempt=1, n=0, blocks=[{"block": 0, "text": "third"}])
    fake.tell("message", **message(2, "user", "second"))
    fake.tell("message", **message(4, "user", "fourth"))
    fake.tell("message", **message(3, "assistant", "third", html="<p>third</p>", turn="t3"))
    fake.tell("delta", turn="t3", attempt=1, n=1, block=1, text="late")  # of an answer that is stored already
    expect(page.locator("[data-seq='3']")).to_contain_text("third")
    expect(page.locator("[data-seq]")).to_have_count(4)
    texts = page.locator("[data-seq]").evaluate_all("nodes => nodes.map(n => +n.dataset.seq)")
    assert texts == [1, 2, 3, 4]
    expect(page.locator(".draft")).to_have_count(0)
    expect(page.get_by_role("button", name="Send")).to_be_visible()


def test_what_was_missed_is_asked_for_from_the_first_gap_on(page: Page, address: str) -> None:
    fake = FakeSocket(page)
    page.goto(f"{address}/chat/demo/")
    fake.meet()
    for seq in (1, 2, 4):
        fake.tell("message", **message(seq, "user", str(seq)))
    expect(page.locator("[data-seq='4']")).to_be_visible()
    fake.cut()
    fake.is_up = True
    page.evaluate("dispatchEvent(new Event('online'))")
    page.wait_for_timeout(1_500)
    assert [frame["after"] for frame in fake.heard if frame["type"] == "hello"] == [0, 2]


def test_a_line_that_is_dead_is_given_up_after_seconds(page: Page, address: str) -> None:
    fake = FakeSocket(page)
    page.goto(f"{address}/chat/demo/")
    fake.meet()
    ask(page, "are you there?")  # nobody answers
    expect(page.locator(".user.pending")).to_be_visible()
    page.wait_for_timeout(8_000)
    assert fake.kinds().count("hello") == 2
    assert fake.kinds().count("message") == 2


def test_it_works_where_a_browser_keeps_frames_apart_from_everything(page: Page, address: str) -> None:
    page.add_init_script(
        "window.BroadcastChannel = class { constructor() { throw new DOMException('', 'SecurityError') } }"
    )
    page.goto(f"{address}/chat/demo/")
    expect(page.locator(".greeting")).to_be_visible()
    ask(page, "hello")
    expect(page.get_by_role("log")).to_contain_text("built-in demo model")


def test_a_table_pasted_from_an_office_program_is_text(page: Page, address: str) -> None:
    page.goto(f"{address}/chat/demo/")
    expect(page.locator(".greeting")).to_be_visible()
    prevented = page.get_by_role("textbox").evaluate("""box => {
      const data = new DataTransfer();
      data.items.add(new File(["x"], "image.png", { type: "image/png" }));
      data.setData("text/plain", "a\tb");
      return !box.dispatchEvent(new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true }));
    }""")
    assert not prevented
    expect(page.get_by_role("log")).not_to_contain_text("cannot be read")
