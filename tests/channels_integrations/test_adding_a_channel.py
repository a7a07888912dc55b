"""docs/adding-a-channel.md, followed: its code as an app of one's own, through the real faces of a real process."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from tests.fakes.pagers import SECRET, Pagers
from tests.product import ROOT, Product, serve

PASSWORD = "a password of the tests"
TEXT = (ROOT / "docs/adding-a-channel.md").read_text()
CHANNELS = "/admin/channels_integrations/channelconfig/"


@pytest.fixture(scope="module")
def pagers() -> Iterator[Pagers]:
    with Pagers() as pagers:
        yield pagers


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """With the document's two files in an app of its own, and nothing else changed."""
    folder = tmp_path_factory.mktemp("apps")
    own = folder / "night/platforms/pager"
    own.mkdir(parents=True)
    for package in (folder / "night", own.parent, own):
        (package / "__init__.py").touch()
    for name, code in zip(
        ("adapter.py", "asking.py"), re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL), strict=True
    ):
        Path(own, name).write_text(code.replace("channels_integrations.platforms.pager", "night.platforms.pager"))
    given = {"EXTRA_APPS": "night", "PYTHONPATH": str(folder), "PRIVATE_NETWORKS": "127.0.0.0/8"}
    with serve(**given, GATEWAY_SECONDS="1") as made:
        yield made


@pytest.fixture(scope="module")
def staff(product: Product) -> Iterator[httpx2.Client]:
    """A superuser's browser."""
    product.run(f"""
from django.contrib.auth import get_user_model
get_user_model().objects.create_superuser("root", password="{PASSWORD}")
""")
    with httpx2.Client(base_url=product.address, follow_redirects=True, timeout=30) as client:
        send(client, "/admin/login/?next=/admin/", username="root", password=PASSWORD)
        yield client


def send(client: httpx2.Client, page: str, **filled: str) -> httpx2.Response:
    """A form of a page, sent as a browser does: filled boxes, and what stood in the others."""
    text = client.get(page).text
    boxes = {
        name: html.unescape(value) for name, value in re.findall(r'<input[^>]* name="([^"]+)" value="([^"]*)"', text)
    }
    chosen = re.findall(r'<select name="([^"]+)".*?<option value="([^"]*)" selected', text, re.DOTALL)
    token = client.cookies["csrftoken"]
    answer = client.post(page, data={**boxes, **dict(chosen), "csrfmiddlewaretoken": token, **filled})
    assert answer.status_code == 200 and "Please correct the error" not in answer.text, answer.text
    return answer


def made(staff: httpx2.Client, kind: str, pagers: Pagers) -> tuple[str, str]:
    """A channel, made on the admin's pages; its id, and the page after it was saved."""
    bot = re.search(r'<option value="([0-9a-f-]{36})"', staff.get(f"{CHANNELS}add/").text)
    assert bot is not None
    second = send(staff, f"{CHANNELS}add/", name=kind, slug=kind, kind=kind, bot=bot[1], is_active="on")
    assert "Beep" in second.text and "Address of the server" in second.text
    page = str(second.url.path)
    saved = send(
        staff, page, config_secret=SECRET, config_url=pagers.origin, config_sound="loud", is_active="on", _continue="1"
    )
    return page.split("/")[-3], saved.text


def page(number: int, **more: str) -> dict[str, str]:
    """Something that Ada did at her pager."""
    return {"id": f"p{number}", "room": "nurses", "who": "ada", **more}


def test_pagers_that_call_us_are_answered(staff: httpx2.Client, pagers: Pagers, product: Product) -> None:
    channel, saved = made(staff, "pager", pagers)
    assert f"/webhooks/pager/{channel}/" in saved and SECRET not in saved

    def call(told: dict[str, str], secret: str = SECRET) -> int:
        where = f"{product.address}/webhooks/pager/{channel}/"
        return httpx2.post(where, json=told, headers={"pager-secret": secret}).status_code

    assert call(page(1, text="what is 6 * 7?"), secret="wrong") == 401
    assert call(page(1, text="what is 6 * 7?")) == 200
    answer = pagers.until(lambda found: "42" in found["text"])
    assert (answer["room"], answer["sound"]) == ("nurses", "loud")
    assert call(page(2, text="/model")) == 200
    choice = pagers.until(lambda found: bool(found["buttons"]))
    assert call(page(3, pressed=choice["buttons"][0]["id"], of=choice["id"])) == 200
    pagers.until(lambda found: found["id"] not in (answer["id"], choice["id"]) and "demo/" in found["text"])
    told = staff.post(
        f"{CHANNELS}{channel}/test/",
        data={"chat_id": "nurses", "text": "Anybody?", "csrfmiddlewaretoken": staff.cookies["csrftoken"]},
        headers={"accept": "application/json"},
    )
    assert told.json()["state"] == "sent"


def test_pagers_that_are_asked_are_answered(staff: httpx2.Client, pagers: Pagers) -> None:
    pagers.waiting.append(page(10, text="what is 6 * 9?"))
    _channel, saved = made(staff, "asked-pager", pagers)
    assert "Connected as The night shift." in saved
    pagers.until(lambda found: "54" in found["text"])
    pagers.waiting.append(page(11, text="what is 7 * 9?"))
    pagers.until(lambda found: "63" in found["text"])
    assert sum("54" in found["text"] for found in pagers.pages) == 1


def test_the_document_has_four_steps_and_begins_with_a_folder_that_is_there() -> None:
    steps = re.findall(r"^\*\*(\d)\. ", TEXT, re.MULTILINE)
    first = re.search(r"\*\*1\. Copy the folder\*\* `([a-z_/]+)`", TEXT)
    assert steps == ["1", "2", "3", "4"] and first is not None and (ROOT / first[1] / "adapter.py").exists()
