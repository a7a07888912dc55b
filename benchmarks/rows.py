"""What the product is measured with: python -m benchmarks.rows VISITORS, in the environment of its server.

A bot without tools, a web chat, a webhook channel, visitors with twenty messages behind them. Prints them as JSON.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

HISTORY = 20
WORDS = "Your parcel is on its way, and nothing else is known of it so far. "


def make(visitors: int, hook: str) -> dict[str, Any]:
    """Tokens of visitors, the webhook channel's id and secret, a session of staff."""
    from django.core.management import call_command

    from bots import environment
    from bots.models import AIProvider, Bot, Workspace

    call_command("migrate", verbosity=0)
    environment.sync()
    AIProvider.objects.filter(slug="openai").update(max_concurrency=1_000)
    bot = Bot.objects.create(workspace=Workspace.default(), slug="bench", name="Bench")
    bot.write_prompt("You sell parcels.")
    chat, webhook, secret = channels(bot, hook)
    return {"visitors": people(chat, visitors), "webhook": str(webhook.pk), "secret": secret, "session": session()}


def channels(bot: Any, hook: str) -> tuple[Any, Any, str]:
    """The web chat, and the webhook channel with its secret."""
    from channels_integrations.models import ChannelConfig, FeatureFlag
    from tests.fakes.webhook_receiver import SECRET

    own = {"workspace": bot.workspace, "bot": bot}
    chat = ChannelConfig.objects.create(**own, kind="webchat", slug="bench", name="Bench")
    webhook = ChannelConfig(**own, kind="webhook", slug="hook", name="Hook", config={"url": hook})
    webhook.credentials = json.dumps({"secret": SECRET})
    webhook.save()
    FeatureFlag.objects.create(workspace=bot.workspace, name="max_conversation_length", kind="int", value=str(HISTORY))
    return chat, webhook, SECRET


def people(chat: Any, count: int) -> list[str]:
    """Tokens of visitors who have said something before."""
    from conversations.models import ChatUser, Conversation, Message, Person
    from conversations.visitors import new_token, visitor_of

    tokens = [new_token() for _ in range(count)]
    persons = Person.objects.bulk_create(Person(workspace=chat.workspace) for _ in tokens)
    users = ChatUser.objects.bulk_create(
        ChatUser(channel=chat, person=person, external_id=str(visitor_of(token)))
        for person, token in zip(persons, tokens, strict=True)
    )
    talks = Conversation.objects.bulk_create(
        Conversation(workspace=chat.workspace, channel=chat, bot=chat.bot, chat_id=user.external_id, chat_user=user,
                     next_seq=HISTORY + 1)
        for user in users
    )  # fmt: skip
    roles = [Message.Role.ASSISTANT, Message.Role.USER]
    Message.objects.bulk_create(
        (Message(conversation=talk, channel=chat, seq=seq, role=roles[seq % 2], text=WORDS)
         for talk in talks for seq in range(1, HISTORY + 1)), batch_size=2_000,
    )  # fmt: skip
    return tokens


def session() -> str:
    """The cookie of a member of staff who is signed in."""
    from django.contrib.auth import get_user_model
    from django.test import Client

    client = Client()
    client.force_login(get_user_model().objects.create_superuser("bench"))
    return client.cookies["sessionid"].value


if __name__ == "__main__":
    os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
    import django

    django.setup()
    print(json.dumps(make(int(sys.argv[1]), sys.argv[2])))
