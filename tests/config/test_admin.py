"""Staff pages through their forms, over a bot that has talked."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from django.utils.html import escape

from bots import environment
from bots.models import AIModel, AIProvider, ApiKey, Bot, PromptVersion, Workspace
from bots.remember import forget
from channels_integrations.models import ChannelConfig, FeatureFlag, config_of
from channels_integrations.setup import setup_of
from conversations.models import Person
from conversations.seed import seed_demo

pytestmark = pytest.mark.django_db
PNG = b"\x89PNG\r\n\x1a\n" + b"-" * 40
OURS = [
    model
    for model in admin.site._registry
    if model._meta.app_label in {"bots", "channels_integrations", "conversations"}
]


@pytest.fixture
def staff(client: Client) -> Client:
    environment.sync()
    seed_demo()
    client.force_login(get_user_model().objects.create_superuser("admin"))
    return client


def form_of(page: Any) -> dict[str, Any]:
    """What a browser would send back unchanged."""
    found: dict[str, Any] = {}
    forms = [page.context["adminform"].form]
    for formset in page.context["inline_admin_formsets"]:
        forms += [formset.formset.management_form, *formset.formset.forms]
    for form in forms:
        for field in form:
            value = field.value()
            if value is not None and value is not False and value != "":
                found[field.html_name] = value
    return found


def url(row: Any, page: str = "change") -> str:
    meta = row._meta
    arguments = [row.pk] if page == "change" else []
    return reverse(f"admin:{meta.app_label}_{meta.model_name}_{page}", args=arguments)


@pytest.mark.parametrize("model", OURS, ids=lambda model: model.__name__)
def test_lists_and_forms_open(staff: Client, model: Any) -> None:
    assert staff.get(url(model, "changelist")).status_code == 200
    row = model.objects.first()
    assert row is None or staff.get(url(row)).status_code == 200
    assert staff.get(url(model, "add")).status_code in (200, 404)


def test_a_saved_prompt_is_a_version_and_in_force(staff: Client) -> None:
    bot = Bot.objects.get()
    data = form_of(staff.get(url(bot)))
    data["prompt"] = "You sell bicycles."
    data["suggestions"] = "When do you open?\n\n Do you repair? "
    data["tools"] = ["calculate"]
    before = PromptVersion.objects.count()
    assert staff.post(url(bot), data).status_code == 302
    bot.refresh_from_db()
    assert (bot.prompt, bot.suggestions, bot.tools) == (
        "You sell bicycles.", ["When do you open?", "Do you repair?"], ["calculate"],
    )  # fmt: skip
    staff.post(url(bot), data)
    assert PromptVersion.objects.count() == before + 1
    assert setup_of(ChannelConfig.objects.get(kind="webchat").pk).prompt == "You sell bicycles."


def test_an_unknown_tool_is_a_form_error(staff: Client) -> None:
    bot = Bot.objects.get()
    page = staff.post(url(bot), {**form_of(staff.get(url(bot))), "tools": ["rm"]})
    assert page.status_code == 200
    assert "rm" in str(page.context["adminform"].form.errors["tools"])


def test_a_key_is_shown_once(staff: Client) -> None:
    page = staff.post(url(ApiKey, "add"), {"name": "shop", "scopes": ["chat", "read"]}, follow=True)
    text = str(next(iter(page.context["messages"]))).rpartition(": ")[2]
    key = ApiKey.objects.authenticate(text)
    assert key is not None
    assert key.workspace == Workspace.default()
    assert text not in staff.get(url(key)).content.decode()


def test_a_providers_key_is_kept_and_never_shown(staff: Client) -> None:
    data = {
        "slug": "own", "name": "Own", "kind": "openai_compatible", "base_url": "http://127.0.0.1:1/v1",
        "api_key": "sk-canary-123", "max_concurrency": 5, "max_tokens_field": "max_tokens", "is_active": "on",
    }  # fmt: skip
    assert staff.post(url(AIProvider, "add"), data).status_code == 302
    row = AIProvider.objects.get(slug="own")
    assert row.api_key.reveal() == "sk-canary-123"
    assert "canary" not in staff.get(url(row)).content.decode()
    assert staff.post(url(row), {**data, "name": "Renamed", "api_key": ""}).status_code == 302
    row = AIProvider.objects.get(slug="own")
    assert (row.name, row.api_key.reveal()) == ("Renamed", "sk-canary-123")


def test_rows_of_the_environment_are_read_only(staff: Client) -> None:
    row = AIProvider.objects.get(slug="demo")
    assert staff.get(url(row)).status_code == 200
    assert staff.post(url(row), {"name": "mine"}).status_code == 404


def test_a_flag_of_a_channel_holds_there(staff: Client) -> None:
    channel = ChannelConfig.objects.get(kind="webchat")
    data = form_of(staff.get(url(channel)))
    saved = staff.post(url(channel), {**data, "flag_max_conversation_length": "7"})
    assert saved.status_code == 302, saved.context["errors"]
    assert FeatureFlag.objects.get().workspace == channel.workspace
    forget()
    assert setup_of(channel.pk).flags["max_conversation_length"] == 7
    wrong = staff.post(url(channel), {**data, "flag_max_conversation_length": "0"})
    told = str(wrong.context["adminform"].form.errors["flag_max_conversation_length"])
    assert "max_conversation_length takes a whole number from 1 to" in told


def test_staff_of_another_workspace_see_nothing_of_it(client: Client) -> None:
    seed_demo()
    user = get_user_model().objects.create_user("other", is_staff=True)
    user.user_permissions.set(Permission.objects.all())
    user.memberships.create(workspace=Workspace.objects.create(name="Other"))
    client.force_login(user)
    bot = Bot.objects.get()
    assert client.get(url(bot)).status_code == 404
    assert bot.name not in client.get(url(Bot, "changelist")).content.decode()
    add = client.get(url(ChannelConfig, "add"))
    assert list(add.context["adminform"].form.fields["bot"].queryset) == []


def test_a_webhook_channel_is_set_up_in_two_steps_and_its_secret_never_shown(staff: Client) -> None:
    data = form_of(staff.get(url(ChannelConfig, "add")))
    data |= {"kind": "webhook", "name": "Shop", "slug": "shop", "bot": str(Bot.objects.get().pk), "is_active": "on"}
    added = staff.post(url(ChannelConfig, "add"), data)
    channel = ChannelConfig.objects.get(slug="shop")
    assert added["Location"] == url(channel)
    data = form_of(staff.get(url(channel)))
    assert "kind" not in data
    short = staff.post(url(channel), {**data, "config_secret": "whsec_short"})
    assert "config_secret" in short.context["adminform"].form.errors
    missing = staff.post(url(channel), data)
    assert "config_secret" in missing.context["adminform"].form.errors
    secret = "whsec_" + base64.b64encode(b"canary" * 6).decode()
    filled = {**data, "config_secret": secret, "config_url": "https://shop.example/replies"}
    assert staff.post(url(channel), filled).status_code == 302
    page = staff.get(url(channel)).content.decode()
    assert secret not in page and "https://shop.example/replies" in page
    assert f"/webhooks/webhook/{channel.pk}/" in page
    assert staff.post(url(channel), {**filled, "config_secret": "", "name": "Renamed"}).status_code == 302
    channel.refresh_from_db()
    assert (channel.name, config_of(channel).secret.get_secret_value()) == ("Renamed", secret)


def test_a_model_of_the_environment_can_be_given_a_price(staff: Client) -> None:
    model = AIModel.objects.get(name="demo")
    data = form_of(staff.get(url(model)))
    data |= {"prices-TOTAL_FORMS": int(data["prices-TOTAL_FORMS"]) + 1}
    number = data["prices-TOTAL_FORMS"] - 1
    data |= {f"prices-{number}-input_dollars": "0.000000005", f"prices-{number}-output_dollars": 7}
    data |= {f"prices-{number}-valid_from_0": "2026-01-01", f"prices-{number}-valid_from_1": "00:00"}
    saved = staff.post(url(model), {**data, "label": "mine", "name": "mine"})
    assert saved.status_code == 302, saved.context["errors"]
    model.refresh_from_db()
    assert (model.name, model.prices.filter(input_nanodollars=5).count()) == ("demo", 1)


def test_only_a_superuser_says_whose_account_a_person_has(staff: Client, client: Client) -> None:
    person = Person.objects.create(workspace=Workspace.default(), name="Ada")
    user = get_user_model().objects.get(username="admin")
    data = form_of(staff.get(url(person)))
    assert staff.post(url(person), {**data, "user": user.pk, "timezone": "Europe/Berlin"}).status_code == 302
    person.refresh_from_db()
    assert (person.user, person.timezone) == (user, "Europe/Berlin")
    helper = get_user_model().objects.create_user("helper", is_staff=True)
    helper.user_permissions.set(Permission.objects.all())
    helper.memberships.create(workspace=Workspace.default())
    client.force_login(helper)
    assert client.post(url(person), {**data, "user": "", "timezone": "UTC"}).status_code == 302
    person.refresh_from_db()
    assert (person.user, person.timezone) == (user, "UTC")


def test_a_picture_is_shown_in_the_chat_and_removed_again(staff: Client) -> None:
    bot, chat = Bot.objects.get(), ChannelConfig.objects.get(kind="webchat")
    data = form_of(staff.get(url(bot)))
    for file, fault in (
        (b"GIF89a....", "no PNG"),
        (b"<svg onload=alert(1)>", "no PNG"),
        (PNG + b"x" * 210_000, "200 KB"),
    ):
        refused = staff.post(url(bot), {**data, "upload": SimpleUploadedFile("face.png", file)})
        assert fault in str(refused.context["adminform"].form.errors["upload"])
    assert staff.post(url(bot), {**data, "upload": SimpleUploadedFile("face.html", PNG)}).status_code == 302
    forget()
    page = staff.get(f"/chat/{chat.slug}/").content.decode()
    address = page.partition('class="picture" src="')[2].partition('"')[0]
    shown = staff.get(address)
    assert (shown.content, shown["Content-Type"], shown["X-Content-Type-Options"]) == (PNG, "image/png", "nosniff")
    data = form_of(staff.get(url(bot)))
    assert staff.post(url(bot), {**data, "without_picture": "on"}).status_code == 302
    forget()
    assert staff.get(address).status_code == 404
    assert "<img" not in staff.get(f"/chat/{chat.slug}/").content.decode()


def test_a_web_chat_is_given_a_look_sites_and_a_snippet(staff: Client, settings: Any) -> None:
    settings.PUBLIC_URL = "https://bots.example"
    channel = ChannelConfig.objects.get(kind="webchat")
    data = form_of(staff.get(url(channel)))
    wrong = [("accent", "blue"), ("sites", "shop.example"), ("sites", "https://a.example/b"), ("identity_key", "short")]
    for box, bad in wrong:
        refused = staff.post(url(channel), {**data, f"config_{box}": bad})
        assert f"config_{box}" in refused.context["adminform"].form.errors, box
    good = {"config_accent": "#9c1c6b", "config_sites": "https://Shop.example/\n\nhttps://*.shop.example"}
    saved = staff.post(url(channel), {**data, **good, "config_identity_key": "canary canary canary"})
    assert saved.status_code == 302
    page = staff.get(url(channel)).content.decode()
    source = "https://bots.example/static/webchat/widget.js"
    tag = f'<script src="{source}" data-channel="demo" data-color="#9c1c6b" async></script>'
    assert escape(tag) in page and "canary" not in page
    forget()
    frame = staff.get("/chat/demo/frame/")
    ancestors = "frame-ancestors 'self' https://shop.example https://*.shop.example"
    assert ancestors in frame["Content-Security-Policy"]
    assert "X-Frame-Options" not in frame and "switchboard_visitor" not in frame.cookies
    full = staff.get("/chat/demo/")
    assert "frame-ancestors 'none'" in full["Content-Security-Policy"] and full["X-Frame-Options"] == "DENY"
    assert 'data-accent="#9c1c6b"' in full.content.decode()
