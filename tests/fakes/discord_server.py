"""Discord on loopback: its REST API and, beside it, its gateway. What it took, with times, is what tests judge by.

`with DiscordServer() as discord:` then `discord.point(settings)`; `discord.say("hello")`, `discord.sent()`.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable
from typing import Any, TypeVar

from aiohttp import web

from tests.fakes import discord_objects as objects
from tests.fakes.discord_gateway import Gateway
from tests.fakes.discord_objects import DM, TEXT, THREAD, Bot, snowflake
from tests.fakes.discord_rest import Rest
from tests.fakes.loopback import Loopback

Given = TypeVar("Given")


class DiscordServer(Loopback):
    """One server with a channel and a thread, direct messages, and as many bots as are made."""

    def __init__(self, *names: str) -> None:
        super().__init__()
        self.gateway = Gateway()
        self.rest = Rest(self.gateway)
        self.guild_id, self.general, self.thread = snowflake(), snowflake(), snowflake()
        bots = [Bot(name) for name in names or ("Hal",)]
        self.bot = bots[0]
        self.gateway.bots = {bot.token: bot for bot in bots}
        for kind, channel_id in ((TEXT, self.general), (THREAD, self.thread)):
            self.rest.channels[channel_id] = objects.channel(channel_id, self.guild_id, kind)
        self.gateway.guilds = [objects.guild(self.guild_id, [*self.rest.channels.values()], bots)]

    def routes(self) -> list[web.RouteDef]:
        return [web.get("/gateway/", self.gateway.serve), web.route("*", "/api/v10/{path:.*}", self.rest.serve)]

    def point(self, settings: Any) -> None:
        """Has the product ask this server."""
        settings.DISCORD_API_BASE_URL = f"{self.origin}/api/v10"
        settings.DISCORD_GATEWAY_URL = self.gateway.url = self.origin.replace("http", "ws") + "/gateway/"

    def say(
        self, content: str, *, channel: str = "", who: str = "Ada", live: bool = True, **more: Any
    ) -> dict[str, Any]:
        """Somebody writes. `live` false: nobody is told, it can only be read over REST."""
        return self._wait(self._say(content, channel or self.general, objects.user(self.person(who), who), live, more))

    def dm(self, content: str, *, who: str = "Ada", **more: Any) -> dict[str, Any]:
        """Somebody writes to the bot alone."""
        return self.say(content, channel=self.dm_channel(who), who=who, **more)

    def dm_channel(self, who: str = "Ada") -> str:
        """The channel in which this person and the bot write to each other."""
        for channel_id, channel in self.rest.channels.items():
            if channel["type"] == DM and channel["recipients"][0]["global_name"] == who:
                return channel_id
        channel_id = snowflake()
        person = objects.user(self.person(who), who)
        self.rest.channels[channel_id] = {"id": channel_id, "type": DM, "recipients": [person]}
        return channel_id

    def text_channel(self) -> str:
        """One more channel of the server."""
        channel_id = snowflake()
        made = self.rest.channels[channel_id] = objects.channel(channel_id, self.guild_id, TEXT)
        self.gateway.guilds[0]["channels"].append({**made, "guild_id": None})
        return channel_id

    def channel_on(self, shard: int, shards: int) -> str:
        """A channel of one more server: the one that this of so many connections is told of."""
        channel_id, guild_id = snowflake(), objects.guild_id_on(shard, shards)
        made = self.rest.channels[channel_id] = objects.channel(channel_id, guild_id, TEXT)
        guild = objects.guild(guild_id, [made], [*self.gateway.bots.values()])
        self.gateway.guilds.append(guild)
        self.tell("GUILD_CREATE", guild)
        return channel_id

    def person(self, who: str) -> str:
        """The id of who is called so."""
        return self.rest.people.setdefault(who, snowflake())

    def mention(self, bot: Bot | None = None) -> dict[str, Any]:
        """What a message that mentions the bot has beside its text."""
        return {"mentions": [(bot or self.bot).user]}

    def invoke(self, command: str, text: str = "", *, who: str = "Ada", channel: str = "") -> dict[str, Any]:
        """Somebody calls a slash command."""
        options = [{"name": "text", "type": 3, "value": text}] if text else []
        data = {"id": "1", "name": command, "type": 1, "options": options}
        return self._interact(2, data, who, channel or self.general, {})

    def press(self, custom_id: str, message: dict[str, Any], *, who: str = "Ada") -> dict[str, Any]:
        """Somebody presses a button under a message."""
        data = {"custom_id": custom_id, "component_type": 2}
        return self._interact(3, data, who, message["channel_id"], {"message": message})

    def tell(self, event: str, data: Any) -> None:
        """Any event of the gateway."""
        self._wait(self.gateway.tell(event, data))

    def drop(self) -> None:
        self._wait(self.gateway.drop())

    def invalidate(self) -> None:
        self._wait(self.gateway.invalidate())

    def reconnect(self) -> None:
        self._wait(self.gateway.reconnect())

    def age(self, interaction: dict[str, Any], seconds: float) -> None:
        """The interaction was made so much earlier."""
        self.rest.interactions[interaction["token"]].made -= seconds

    def sent(self, channel: str = "") -> list[dict[str, Any]]:
        """Messages of bots that stand there now, in order."""
        chats = [channel] if channel else list(self.rest.history)
        return [m for chat in chats for m in self.rest.history.get(chat, []) if m["author"].get("bot")]

    def history(self, channel: str = "") -> list[str]:
        """What stands in a channel."""
        return [message["content"] for message in self.rest.history.get(channel or self.general, [])]

    async def _say(
        self, content: str, channel: str, author: dict[str, Any], live: bool, more: dict[str, Any]
    ) -> dict[str, Any]:
        message = objects.message(channel, author, content, **more)
        self.rest.history.setdefault(channel, []).append(message)
        if live:
            await self.gateway.tell("MESSAGE_CREATE", {**message, **self._of_guild(channel)})
        return message

    def _of_guild(self, channel: str) -> dict[str, Any]:
        """What the gateway adds, and REST does not."""
        guild_id = self.rest.channels[channel].get("guild_id")
        member: dict[str, Any] = {
            "roles": [],
            "joined_at": None,
            "deaf": False,
            "mute": False,
            "nick": "Countess",
            "flags": 0,
        }
        return {"guild_id": guild_id, "member": member} if guild_id else {}

    def _interact(
        self, kind: int, data: dict[str, Any], who: str, channel: str, more: dict[str, Any]
    ) -> dict[str, Any]:
        person = objects.user(self.person(who), who)
        guild_id = self.rest.channels[channel].get("guild_id")
        told = {
            "id": snowflake(), "application_id": self.bot.id, "type": kind, "token": f"aW50ZXJhY3Rpb24{snowflake()}",
            "version": 1, "data": data, "channel_id": channel, "channel": self.rest.channels[channel],
            "locale": "en-US", "entitlements": [], "authorizing_integration_owners": {}, "attachment_size_limit": 1,
            **({"guild_id": guild_id, "member": {"user": person, "roles": [], "permissions": "0", "joined_at": None,
               "deaf": False, "mute": False, "flags": 0}} if guild_id else {"user": person}), **more,
        }  # fmt: skip
        self.rest.begin(told)
        self._wait(self.gateway.tell("INTERACTION_CREATE", told, bot=self.bot))
        return told

    def _wait(self, work: Awaitable[Given]) -> Given:
        async def done() -> Given:
            return await work

        return asyncio.run_coroutine_threadsafe(done(), self._loop).result(10)


def wait_until(ready: Any, seconds: float = 8.0) -> None:
    """Until it is true; for tests that are no coroutines."""
    end = time.monotonic() + seconds
    while not ready():
        assert time.monotonic() < end, "it did not come about"
        time.sleep(0.01)
