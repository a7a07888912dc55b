"""The Bot API's methods, as far as a bot of ours calls them: https://core.telegram.org/bots/api#available-methods"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from tests.fakes.telegram_account import Account, Sent, Webhook
from tests.fakes.telegram_texts import Refused, checked

if TYPE_CHECKING:
    from tests.fakes.telegram_server import TelegramServer

Data = dict[str, Any]
OTHER = "terminated by other getUpdates request; make sure that only one bot instance is running"


async def get_me(_: TelegramServer, bot: Account, __: Data) -> Data:
    return {
        "id": bot.id, "is_bot": True, "first_name": "Hal", "username": bot.username,
        "can_join_groups": bot.can_join_groups, "can_read_all_group_messages": bot.can_read_all,
        "supports_inline_queries": False,
    }  # fmt: skip


async def get_updates(server: TelegramServer, bot: Account, data: Data) -> list[Data]:
    """What is not confirmed: `offset` confirms all before it, whoever asked for them. A second asker ends the first."""
    if bot.webhook.url:
        raise Refused(
            409, "Conflict: can't use getUpdates method while webhook is active; use deleteWebhook to delete it"
        )
    bot.end_poll()
    poller = bot.poller = asyncio.get_running_loop().create_future()
    bot.kinds = set(data["allowed_updates"]) if data.get("allowed_updates") else bot.kinds
    offset = data.get("offset", 0)
    bot.updates = [update for update in bot.updates if update["update_id"] >= offset]
    until = time.monotonic() + min(data.get("timeout", 0), server.longest_poll)
    while not bot.updates and time.monotonic() < until:
        bot.arrived.clear()
        arrived = asyncio.ensure_future(bot.arrived.wait())
        await asyncio.wait({arrived, poller}, timeout=until - time.monotonic(), return_when=asyncio.FIRST_COMPLETED)
        arrived.cancel()
        if poller.done():
            raise Refused(409, f"Conflict: {OTHER}")
    return bot.updates[: data.get("limit", 100)]


async def set_webhook(server: TelegramServer, bot: Account, data: Data) -> bool:
    url = data.get("url", "")
    if url and not url.startswith(("https://", "http://127.0.0.1")):
        raise Refused(400, "Bad Request: bad webhook: An HTTPS URL must be provided for webhook")
    bot.webhook = Webhook(url, data.get("secret_token", ""), data.get("max_connections", 40))
    bot.kinds = set(data["allowed_updates"]) if data.get("allowed_updates") else bot.kinds
    bot.end_poll()
    _drop(bot, data)
    server.deliver(bot)
    return True


async def delete_webhook(_: TelegramServer, bot: Account, data: Data) -> bool:
    bot.webhook = Webhook()
    _drop(bot, data)
    return True


async def get_webhook_info(_: TelegramServer, bot: Account, __: Data) -> Data:
    hook = bot.webhook
    told: Data = {"url": hook.url, "has_custom_certificate": False, "pending_update_count": len(bot.updates)}
    if hook.url:
        told |= {"max_connections": hook.connections, "allowed_updates": sorted(bot.kinds or ())}
    if hook.error:
        told |= {"last_error_date": hook.error_at, "last_error_message": hook.error}
    return told


async def send_message(_: TelegramServer, bot: Account, data: Data) -> Data:
    chat, thread = _open_chat(bot, data), data.get("message_thread_id")
    if thread in bot.gone_threads:
        raise Refused(400, "Bad Request: message thread not found")
    kept = checked(data["text"], data.get("entities", []))
    sent = Sent(
        chat=chat, id=0, text=data["text"], entities=kept, dropped=len(data.get("entities", [])) - len(kept),
        buttons=_buttons(data), reply_to=_quoted(bot, chat, data), thread=thread, at=time.time(),
    )  # fmt: skip
    sent.id = bot.new_id(chat)
    bot.sent.append(sent)
    return _shown(bot, sent, data)


async def edit_message_text(_: TelegramServer, bot: Account, data: Data) -> Data:
    chat = _open_chat(bot, data)
    sent = next((one for one in bot.sent if (one.chat, one.id) == (chat, data["message_id"])), None)
    if sent is None or (chat, sent.id) not in bot.messages:
        raise Refused(400, "Bad Request: message to edit not found")
    kept, buttons = checked(data["text"], data.get("entities", [])), _buttons(data)
    if (sent.text, sent.entities, sent.buttons) == (data["text"], kept, buttons):
        raise Refused(
            400, "Bad Request: message is not modified: specified new message content and reply markup are exactly the "
            "same as a current content and reply markup of the message",
        )  # fmt: skip
    sent.text, sent.entities, sent.buttons = data["text"], kept, buttons
    sent.edits.append((time.time(), sent.text))
    return _shown(bot, sent, data)


async def send_message_draft(_: TelegramServer, bot: Account, data: Data) -> bool:
    chat = _open_chat(bot, data)
    if chat < 0:
        raise Refused(400, "Bad Request: method is available only in private chats")
    if not data.get("draft_id"):
        raise Refused(400, "Bad Request: draft identifier must be non-zero")
    if data.get("text"):
        checked(data["text"], data.get("entities", []))
    bot.drafts.append((chat, data["draft_id"], data.get("text", "")))
    return True


async def send_chat_action(_: TelegramServer, bot: Account, data: Data) -> bool:
    bot.typed.append((_open_chat(bot, data), data.get("message_thread_id")))
    return True


async def answer_callback_query(_: TelegramServer, bot: Account, data: Data) -> bool:
    known = any(update.get("callback_query", {}).get("id") == data["callback_query_id"] for update in bot.made)
    if not known or data["callback_query_id"] in bot.answered:
        raise Refused(400, "Bad Request: query is too old and response timeout expired or query ID is invalid")
    bot.answered.append(data["callback_query_id"])
    return True


async def set_my_commands(_: TelegramServer, bot: Account, data: Data) -> bool:
    if any(not 0 < len(one["command"]) <= 32 or not 0 < len(one["description"]) <= 256 for one in data["commands"]):
        raise Refused(400, "Bad Request: BOT_COMMAND_INVALID")
    bot.commands = data["commands"]
    return True


async def get_my_commands(_: TelegramServer, bot: Account, __: Data) -> list[dict[str, str]]:
    return bot.commands


async def delete_my_commands(_: TelegramServer, bot: Account, __: Data) -> bool:
    bot.commands = []
    return True


def _open_chat(bot: Account, data: Data) -> int:
    chat = int(data["chat_id"])
    if chat in bot.missing:
        raise Refused(400, "Bad Request: chat not found")
    if chat in bot.blocked:
        raise Refused(
            403,
            "Forbidden: bot was blocked by the user" if chat > 0 else "Forbidden: bot was kicked from the group chat",
        )
    return chat


def _quoted(bot: Account, chat: int, data: Data) -> int | None:
    asked = data.get("reply_parameters")
    if not asked:
        return None
    if (chat, asked["message_id"]) in bot.messages:
        return int(asked["message_id"])
    if not asked.get("allow_sending_without_reply"):
        raise Refused(400, "Bad Request: message to be replied not found")
    return None


def _buttons(data: Data) -> list[dict[str, Any]]:
    rows = data.get("reply_markup", {}).get("inline_keyboard", [])
    buttons = [button for row in rows for button in row]
    if any(not 0 < len(button["callback_data"].encode()) <= 64 for button in buttons):
        raise Refused(400, "Bad Request: BUTTON_DATA_INVALID")
    return buttons


def _shown(bot: Account, sent: Sent, data: Data) -> Data:
    chat = {"id": sent.chat, "type": "private" if sent.chat > 0 else "supergroup"}
    us = {"id": bot.id, "is_bot": True, "first_name": "Hal", "username": bot.username}
    message = {"message_id": sent.id, "date": int(sent.at), "chat": chat, "from": us, "text": sent.text}
    if sent.thread:
        message |= {"message_thread_id": sent.thread, "is_topic_message": True}
    bot.messages[sent.chat, sent.id] = message
    return message


def _drop(bot: Account, data: Data) -> None:
    if data.get("drop_pending_updates"):
        bot.updates.clear()


METHODS: dict[str, Callable[[TelegramServer, Account, Data], Awaitable[Any]]] = {
    "getMe": get_me, "getUpdates": get_updates, "setWebhook": set_webhook, "deleteWebhook": delete_webhook,
    "getWebhookInfo": get_webhook_info, "sendMessage": send_message, "editMessageText": edit_message_text,
    "sendMessageDraft": send_message_draft, "sendChatAction": send_chat_action,
    "answerCallbackQuery": answer_callback_query, "setMyCommands": set_my_commands, "getMyCommands": get_my_commands,
    "deleteMyCommands": delete_my_commands,
}  # fmt: skip
SENDS = {"sendMessage", "editMessageText"}
