"""API keys: made here, shown once, with what to do with them."""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from rest_framework_simplejwt.token_blacklist.models import BlacklistedToken, OutstandingToken

from bots.admin import theme
from bots.admin.scoped import ScopedModelAdmin
from bots.models import ApiKey, Bot
from bots.models.workspace import SCOPES

MEANS = {
    "chat": _("talk to bots"), "read": _("read conversations and settings"), "manage": _("change bots and channels"),
}  # fmt: skip
HIDDEN_KEY = "sb_…"
CHAT = """\
curl {base}/api/v1/chat/ \\
  -H 'Authorization: Bearer {key}' \\
  -H 'Content-Type: application/json' \\
  -d '{{"bot": "{bot}", "message": "Hello", "session": {{"user_id": "me"}}}}'"""
LOOK = """\
curl {base}/api/v1/bots/ \\
  -H 'Authorization: Bearer {key}'"""
OPENAI = """\
from openai import OpenAI

client = OpenAI(base_url="{base}/v1", api_key="{key}")
answer = client.chat.completions.create(model="{bot}", messages=[{{"role": "user", "content": "Hello"}}])
print(answer.choices[0].message.content)"""

for rows in (OutstandingToken, BlacklistedToken):
    if admin.site.is_registered(rows):
        admin.site.unregister(rows)  # the library's own pages know no workspaces, and there is nothing to see


class ApiKeyForm(forms.ModelForm):
    scopes = forms.MultipleChoiceField(
        label=_("What it may do"),
        choices=[(scope, f"{scope}: {MEANS[scope]}") for scope in SCOPES],
        initial=["chat", "read"],
        widget=theme.Checkboxes,
    )
    allowed_origins = forms.CharField(
        label=_("Pages that may use it"),
        widget=theme.Textarea(attrs={"rows": 3}),
        required=False,
        help_text=_("From a browser; one a line, as https://app.example. Programs always may."),
    )

    class Meta:
        model = ApiKey
        fields = (
            "workspace", "name", "scopes", "bots", "allowed_origins", "rate_limit_per_minute", "expires_at",
            "revoked_at",
        )  # fmt: skip
        widgets = {"bots": theme.Checkboxes}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial["allowed_origins"] = "\n".join(self.instance.allowed_origins)

    def clean_allowed_origins(self) -> list[str]:
        """The lines that say something, as browsers write them."""
        lines = (line.strip().lower().rstrip("/") for line in self.cleaned_data["allowed_origins"].splitlines())
        return list(dict.fromkeys(line for line in lines if line))


@admin.register(ApiKey)
class ApiKeyAdmin(ScopedModelAdmin):
    none_yet = _("There is no key yet. With a key, programs and OpenAI clients talk to your bots.")
    form = ApiKeyForm
    list_display = ("name", "prefix", "may", "created_at", "expires_at", "revoked_at")

    class Media:
        js = ("staff/copy.js",)

    def get_exclude(self, request: HttpRequest, obj: Any = None) -> Any:
        return [*super().get_exclude(request, obj), *(["revoked_at"] if obj is None else [])]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return ("examples",) if obj else ()

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        """With the address that its examples name."""
        key = super().get_object(request, object_id, from_field)
        if key is not None:
            key.base = _base(request)
        return key

    @admin.display(description=_("may"))
    def may(self, obj: Any) -> str:
        return ", ".join(obj.scopes)

    @admin.display(description=_("How to use it"))
    def examples(self, obj: Any) -> SafeString:
        """The key itself is not known any more."""
        return examples_for(obj, HIDDEN_KEY, obj.base)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        obj.text = "" if change else obj.mint()
        super().save_model(request, obj, form, change)

    def response_add(self, request: HttpRequest, obj: Any, post_url_continue: Any = None) -> Any:
        """Now its bots are known too; the key goes into this answer and is kept nowhere."""
        messages.warning(request, _("Copy the key now, it is not shown again: %(key)s") % {"key": obj.text})
        messages.info(request, examples_for(obj, obj.text, _base(request)))
        return super().response_add(request, obj, post_url_continue)


def examples_for(key: ApiKey, text: str, base: str) -> SafeString:
    """What to run in a terminal and in Python, each with a button that copies it."""
    told = {"base": base, "key": text, "bot": _bot_of(key)}
    chats = "chat" in key.scopes
    block = '<pre class="snippet">{}</pre> <button type="button" class="button copy" data-copied="{}">{}</button>'
    shown = format_html(block, (CHAT if chats else LOOK).format(**told), _("Copied"), _("Copy"))
    return (
        format_html("{}{}", shown, format_html(block, OPENAI.format(**told), _("Copied"), _("Copy")))
        if chats
        else shown
    )


def _bot_of(key: ApiKey) -> str:
    """The slug of a bot that the key may talk to."""
    rows = key.bots.all() if key.bots.exists() else Bot.objects.filter(workspace=key.workspace_id)
    slug: str | None = (
        rows.filter(is_active=True, archived_at=None).order_by("id").values_list("slug", flat=True).first()
    )
    return slug or "your-bot"


def _base(request: HttpRequest) -> str:
    return settings.PUBLIC_URL or request.build_absolute_uri("/").rstrip("/")
