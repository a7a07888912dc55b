"""Three hundred payloads as every name and text that staff pages show: none runs, none calls a foreign host.

Without the pages' policy, so that it cannot hide a fault.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.browser.staff import PASSWORD, sign_in
from tests.payloads import SCRIPTS
from tests.product import Product, serve

pytestmark = pytest.mark.browser
TEXTS = [text.replace("\0", "") for text in SCRIPTS]
PLANT = """
import itertools, json
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth import get_user_model
from django.contrib.contenttypes.models import ContentType
from bots.models import AIModel, AIProvider, ApiKey, Bot, ModelPrice, PromptVersion, Workspace
from channels_integrations.models import ChannelConfig, FeatureFlag, FlagChange, RawEvent
from conversations.models import (
    CannedAnswer, ChatUser, Conversation, Delivery, Message, ModelCall, Note, Person, ToolCall, Turn)
texts = json.loads(%r)
everything = chr(10).join(texts)
here, root = Workspace.default(), get_user_model().objects.filter(is_superuser=True).first()
made = {}
for number, text in enumerate(texts):
    name, short = text[:100], text[:40]
    provider = AIProvider.objects.create(workspace=here, slug=f"px{number}", name=name, kind="demo")
    model = AIModel.objects.create(provider=provider, name=text[:150], label=text[:150], parameters={"x": text},
                                   shutdown_date="2020-01-01" if number < 20 else None)
    bot = Bot.objects.create(workspace=here, slug=f"px{number}", name=name, description=text[:300], model=model,
                             greeting=text[:500], suggestions=texts[:9], parameters={"x": everything[:3000]})
    bot.write_prompt(text)
    bot.write_prompt(everything)
    channel = ChannelConfig.objects.create(workspace=here, bot=bot, kind="webchat", slug=f"px{number}", name=name,
                                           prompt=everything[:20_000], pause_message=text[:300])
    flag = FeatureFlag.objects.create(workspace=here, channel=channel, name=f"px{number}", kind="text",
                                      value=text[:200])
    FlagChange.objects.create(workspace=here, channel=channel, name="enable_tools", was=text[:200],
                              became=text[:200], by=text[:200])
    key = ApiKey.issue(workspace=here, name=name, scopes=["chat"])[0]
    canned = CannedAnswer.objects.create(workspace=here, name=name, text=everything[:4000])
    person = Person.objects.create(workspace=here, name=text[:200], language=short[:20])
    user = ChatUser.objects.create(channel=channel, person=person, external_id=text[:200], username=text[:200])
    talk = Conversation.objects.create(workspace=here, channel=channel, bot=bot, chat_user=user, chat_id=f"px{number}",
                                       title=name, owner="waiting", waiting_since="2026-01-01T00:00Z", next_seq=3)
    turn = Turn.objects.create(conversation=talk, first_seq=1, state="failed", reason=text[:300])
    Message.objects.create(conversation=talk, channel=channel, seq=1, role="user", text=text, turn=turn)
    said = Message.objects.create(conversation=talk, channel=channel, seq=2, role="assistant", text=text, turn=turn,
                                  model_used=text[:200])
    call = ModelCall.objects.create(turn=turn, model_name=text[:200], level="bot", attempt=1, round=1, latency_ms=1,
                                    error=short[:30], finish_reason=short[:30])
    ToolCall.objects.create(turn=turn, round=1, position=1, call_id="x", name=name, arguments=text, effects="none",
                            state="done", result=text)
    sent = Delivery.objects.create(message=said, part=0, payload={"text": text}, state="failed", reason=text[:300])
    event = RawEvent.objects.create(channel=channel, sha256=f"px{number}", body=b"", state="dead", reason=text[:300])
    Note.objects.create(person=person, conversation=talk, author=root, text=everything[:4000])
    for row in (bot, channel, provider, model, flag, key, canned, person):
        LogEntry.objects.create(user=root, content_type=ContentType.objects.get_for_model(row), object_id=str(row.pk),
                                object_repr=text[:200], action_flag=CHANGE, change_message=text)
        if number in (0, 100, 250):
            made.setdefault(row._meta.label_lower.replace(".", "/"), []).append(str(row.pk))
    if number in (0, 100, 250):
        for row in (talk, turn, call, sent, event):
            made.setdefault(row._meta.label_lower.replace(".", "/"), []).append(str(row.pk))
print(json.dumps(made))
"""


@pytest.fixture
def infested() -> Iterator[tuple[Product, dict[str, list[str]]]]:
    """An installation of its own, and rows by their list's address; some of each are opened."""
    with serve() as product:
        make = "from django.contrib.auth import get_user_model as users\nusers().objects.create_superuser"
        product.run(f'{make}("root", password="{PASSWORD}")')
        yield product, json.loads(product.run(PLANT % json.dumps(TEXTS)))


def test_no_list_form_or_history_runs_what_it_shows(
    browser: Browser, infested: tuple[Product, dict[str, list[str]]]
) -> None:
    product, planted = infested
    context = browser.new_context(bypass_csp=True, viewport={"width": 1280, "height": 900})
    page = context.new_page()
    faults: list[str] = []
    page.on("dialog", lambda dialog: faults.append(dialog.message))
    page.on("request", lambda request: None if "127.0.0.1" in request.url else faults.append(request.url))
    sign_in(page, product, "root")
    for place in pages(planted):
        answer = page.goto(f"{product.address}{place}")
        assert answer is not None and answer.status == 200, place
        assert (page.evaluate("window.harm"), faults) == (None, []), place
    context.close()


def pages(planted: dict[str, list[str]]) -> list[str]:
    """Every list until its end, forms and histories, and the pages of our own."""
    lists = [f"/admin/{model}/?p={number}" for model in planted for number in (1, 2, 3)]
    rows = [f"/admin/{model}/{pk}/{page}/" for model, pks in planted.items() for pk in pks
            for page in ("change", "history")]  # fmt: skip
    own = [f"/admin/bots/bot/{pk}/prompts/{more}" for pk in planted["bots/bot"] for more in ("", "?new=1")]
    return ["/admin/", "/admin/conversations/conversation/needs-a-person/", "/analytics/", *lists, *rows, *own]
