import asyncio
import getpass
import logging
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError

from bots import environment, threads
from bots.fields import new_id
from bots.models import Bot
from bots.threads import in_thread
from channels_integrations.base import IncomingMessage
from channels_integrations.setup import Setup, channel_for, setup_of
from conversations import notices
from conversations.accept import accept
from conversations.api.waiting import Answered, frames
from conversations.remote_chat import Remote, RemoteFault
from conversations.runner import runner


class Command(BaseCommand):
    help = "Talk to a bot in the terminal: here, or on another machine with --url and --key."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("message", nargs="?", help="answer this once and exit")
        parser.add_argument("--bot", default="demo", metavar="SLUG")
        parser.add_argument("--url", help="address of another installation")
        parser.add_argument("--key", help="API key for it")

    def handle(self, *args: Any, **options: Any) -> None:
        if bool(options["url"]) != bool(options["key"]):
            raise CommandError("--url and --key go together")
        logging.getLogger().setLevel(logging.ERROR)  # the terminal is for the conversation
        try:
            asyncio.run(self._remote(options) if options["url"] else self._local(options))
        except RemoteFault as fault:
            raise CommandError(str(fault)) from None
        except DatabaseError as error:
            raise CommandError(f"The database is not ready ({error}). `manage.py doctor` tells more.") from None
        except (KeyboardInterrupt, EOFError):
            self.stdout.write("")
        finally:
            threads.shutdown()

    async def _local(self, options: dict[str, Any]) -> None:
        setup = await in_thread(_setup, options["bot"])
        await runner.start()
        try:
            async for text in _lines(options["message"], setup.bot_name):
                await self._say(setup, text)
        finally:
            await runner.drain(5)

    async def _say(self, setup: Setup, text: str) -> None:
        user = getpass.getuser()
        incoming = IncomingMessage(event_id=str(new_id()), chat_id=user, sender_id=user, sender_name=user, text=text)
        accepted = await runner.accept(accept, setup, incoming, claim=True)
        if accepted.paused:
            self.stdout.write(notices.paused(setup.pause_message))
            return
        shown = ""
        async for item in frames(accepted, text):
            if isinstance(item, Answered):
                self.stdout.write(item.message.text if not shown else item.message.text.removeprefix(shown.strip()))
                if item.failed:
                    raise CommandError(f"no answer: {item.reason}")
            elif item["type"] == "start" and shown:
                self.stdout.write("\n(again)")
                shown = ""
            elif item["type"] == "delta":
                shown += item["text"]
                self.stdout.write(item["text"], ending="")
                self.stdout.flush()

    async def _remote(self, options: dict[str, Any]) -> None:
        async with Remote(options["url"], options["key"], options["bot"]) as remote:
            async for text in _lines(options["message"], options["bot"]):
                async for piece in remote.say(text):
                    self.stdout.write(piece, ending="")
                    self.stdout.flush()
                self.stdout.write("")


def _setup(slug: str) -> Setup:
    environment.sync(retire=False)
    found = list(Bot.objects.filter(slug=slug, is_active=True, archived_at=None)[:2])
    if len(found) != 1:
        known = ", ".join(Bot.objects.filter(is_active=True).values_list("slug", flat=True)[:20]) or "none"
        raise CommandError(f"there is no bot {slug!r}; there are: {known}. `manage.py seed_demo` makes the demo.")
    return setup_of(channel_for(found[0], "terminal"))


async def _lines(once: str | None, name: str) -> Any:
    """The one message, or what is typed until the end of input."""
    if once is not None:
        yield once
        return
    print(f"{name}: type, Enter sends, Ctrl-D ends. /help lists the commands.")
    while True:
        text = (await asyncio.to_thread(input, "> ")).strip()
        if text:
            yield text
