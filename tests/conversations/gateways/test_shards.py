"""A bot in so many servers that Discord wants several connections: in one process, in two, and while they grow."""

from __future__ import annotations

import pytest

from bots.threads import in_thread
from channels_integrations.models import ChannelConfig, Listener
from channels_integrations.models import Gateway as Row
from channels_integrations.setup import Setup
from conversations import listeners
from conversations.gateway import Gateway
from conversations.models import Message
from tests.conversations.conftest import until, until_stored
from tests.conversations.gateways.conftest import listening, open_channel
from tests.fakes.discord_server import DiscordServer

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.embedded]
SHARDS = 4


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sessions may be begun quickly."""
    for name, seconds in {"client.INVALID_PAUSE": (0.01, 0.05), "sessions.IDENTIFY_PAUSE": 0.1}.items():
        monkeypatch.setattr(f"channels_integrations.platforms.discord.{name}", seconds)


@pytest.fixture
def chats(discord: DiscordServer) -> list[str]:
    """A channel of a server of each shard, and direct messages."""
    return [*(discord.channel_on(shard, SHARDS) for shard in range(SHARDS)), discord.dm_channel()]


class Talk:
    """What is said in all of the chats, each time another question."""

    def __init__(self, discord: DiscordServer, chats: list[str]) -> None:
        self.discord, self.chats, self.asked = discord, chats, 0

    def ask(self) -> None:
        self.asked += 1
        for chat in self.chats:
            text = f"<@{self.discord.bot.id}> what is {self.asked} * 1001?"
            self.discord.say(text, channel=chat, **self.discord.mention())

    def answered(self) -> bool:
        """Whether each question stands answered in its chat."""
        return all(f"{self.asked * 1001}" in "".join(self._answers(chat)) for chat in self.chats)

    def once(self) -> bool:
        """Whether there is exactly one answer to each."""
        return all(len(self._answers(chat)) == self.asked for chat in self.chats)

    def _answers(self, chat: str) -> list[str]:
        return [message["content"].replace(",", "") for message in self.discord.sent(chat)]


async def connected(row: ChannelConfig, shards: int = SHARDS) -> None:
    """All of its shards are listened to."""
    made = {"channel": row, "state": "listening", "channel__shards": shards, "gateway__isnull": False}
    await until_stored(lambda: Listener.objects.filter(**made).count() == shards)


async def shares(row: ChannelConfig) -> list[int]:
    """How many of its shards each gateway has."""
    holders = await in_thread(lambda: list(Listener.objects.filter(channel=row).values_list("gateway", flat=True)))
    return sorted(holders.count(holder) for holder in set(holders) - {None})


async def test_all_of_them_are_heard_in_one_process(demo: Setup, discord: DiscordServer, chats: list[str]) -> None:
    discord.bot.shards = SHARDS
    row = await in_thread(open_channel, demo, "discord", discord.bot.token)
    talk = Talk(discord, chats)
    async with listening():
        await connected(row)
        talk.ask()
        await until(talk.answered)
    assert talk.once()
    assert await in_thread(Message.objects.filter(role="user").count) == len(chats)
    assert [call.method for call in discord.rest.calls if call.path.endswith("/commands")].count("PUT") == 1
    assert {session.shard for session in discord.gateway.sessions} == {(shard, SHARDS) for shard in range(SHARDS)}


async def test_of_two_processes_one_goes_on_alone_and_what_was_said_meanwhile_is_answered_once(
    demo: Setup, discord: DiscordServer, chats: list[str]
) -> None:
    discord.bot.shards = SHARDS
    talk, other = Talk(discord, chats), Gateway(listeners.kinds())
    async with listening():
        await other.start()
        await until_stored(lambda: Row.objects.count() == 2)
        row = await in_thread(open_channel, demo, "discord", discord.bot.token)
        await connected(row)
        assert await shares(row) == [2, 2]
        talk.ask()
        await until(talk.answered)
        await other.stop()
        talk.ask()
        await until(talk.answered)
        await connected(row)
        assert await shares(row) == [4]
        talk.ask()
        await until(talk.answered)
    assert talk.once()


async def test_they_grow_while_people_write(demo: Setup, discord: DiscordServer, chats: list[str]) -> None:
    row = await in_thread(open_channel, demo, "discord", discord.bot.token)
    talk = Talk(discord, chats)
    async with listening():
        await connected(row, 1)
        talk.ask()
        await until(talk.answered)
        discord.bot.shards = SHARDS
        discord.invalidate()
        talk.ask()
        await connected(row)
        talk.ask()
        await until(talk.answered)
    assert talk.once()
    assert {session.shard[1] for session in discord.gateway.sessions} == {1, SHARDS}
