"""What people say on Telegram and Discord, and what stands in their chats in the end: the fakes are the judges here."""

from __future__ import annotations

import random
import time
from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.chaos.judge import answer
from tests.fakes.discord_server import DiscordServer
from tests.fakes.telegram_server import Account, TelegramServer

PLACEHOLDER = "…"
CHATTER = "nothing for a bot"


@dataclass(slots=True)
class Found:
    """What must not be. `doubled`: questions with two messages or more that begin as their answer does; `strays`:
    placeholders that nothing was made of; `odd`: messages that answer nobody.
    """

    questions: int = 0
    lost: list[str] = field(default_factory=list)
    doubled: dict[str, int] = field(default_factory=dict)  # how often each stands there
    out_of_order: list[str] = field(default_factory=list)
    strays: int = 0
    odd: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return (
            f"{self.questions} questions: lost {len(self.lost)} {self.lost[:3]}, doubled {len(self.doubled)} "
            f"({len(self.doubled) / max(1, self.questions):.2%}) {list(self.doubled)[:3]}, out of order "
            f"{self.out_of_order[:3]}, stray placeholders {self.strays}, odd {[text[:60] for text in self.odd[:3]]}"
        )

    @property
    def is_clean(self) -> bool:
        """Whether nothing is wrong, but for doubles and strays."""
        return not self.lost and not self.out_of_order and not self.odd


class Talks(ABC):
    """Chats of one bot. `asked`: the questions to it, by chat, in order."""

    slow = 0  # words of an answer that is shown while it is written

    def __init__(self) -> None:
        self.chats: list[str] = []
        self.asked: dict[str, list[str]] = defaultdict(list)

    @abstractmethod
    def say(self, chat: str, text: str, *, addressed: bool) -> None:
        """Somebody writes there."""

    @abstractmethod
    def stands(self, chat: str) -> list[str]:
        """The bot's messages as they are now, in the order of their places."""

    @abstractmethod
    def is_shared(self, chat: str) -> bool:
        """Whether others write there too."""

    @property
    def count(self) -> int:
        return sum(map(len, self.asked.values()))

    def ask(self, chat: str, *, slow: bool = False) -> None:
        """The chat's next question."""
        text = f"{chat} says {len(self.asked[chat])}."
        text = f"slow {self.slow} {text}" if slow else text
        self.asked[chat].append(text)
        self.say(chat, text, addressed=True)

    def run(
        self,
        chance: random.Random,
        *,
        each: tuple[int, int],
        seconds: float,
        slow: float = 0.1,
        over: Callable[[], bool] = bool,
    ) -> None:
        """Everybody asks so often within these seconds: `each` of those alone, and in each shared chat.

        In these they talk to each other, too.
        """
        turns = [chat for chat in self.chats for _ in range(each[self.is_shared(chat)])]
        chance.shuffle(turns)
        for chat in turns:
            if over():
                return
            self.ask(chat, slow=chance.random() < slow)
            if self.is_shared(chat) and chance.random() < 0.1:
                self.say(chat, CHATTER, addressed=False)
            time.sleep(seconds / len(turns))

    def found(self, only: Callable[[str], bool] = lambda chat: True) -> Found:
        """What became of it all."""
        result = Found()
        for chat in filter(only, self.chats):
            self._judge(chat, self.asked[chat], self.stands(chat), result)
        return result

    def _judge(self, chat: str, questions: list[str], stands: list[str], result: Found) -> None:
        result.questions += len(questions)
        result.strays += stands.count(PLACEHOLDER)
        places = {text: [n for n, said in enumerate(stands) if said.startswith(f"echo: {text}")] for text in questions}
        result.lost += [text for text in questions if answer(text) not in stands]
        result.doubled |= {text: len(found) for text, found in places.items() if len(found) > 1}
        firsts = [found[0] for found in places.values() if found]
        if firsts != sorted(firsts):
            result.out_of_order.append(chat)
        known = {n for found in places.values() for n in found}
        result.odd += [said for n, said in enumerate(stands) if n not in known and said != PLACEHOLDER]


class OnTelegram(Talks):
    """Private chats, and groups, whose ids are negative."""

    slow = 60

    def __init__(self, server: TelegramServer, bot: Account, *, private: int, groups: int) -> None:
        super().__init__()
        self.server, self.bot = server, bot
        self.chats = [str(1_000 + n) for n in range(private)] + [str(-1_000 - n) for n in range(groups)]

    def say(self, chat: str, text: str, *, addressed: bool) -> None:
        if self.is_shared(chat):
            text = f"@{self.bot.username} {text}" if addressed else text
            self.server.say(self.bot, text, user=5_000 + int(chat) % 7, group=int(chat))
        else:
            self.server.say(self.bot, text, user=int(chat))

    def stands(self, chat: str) -> list[str]:
        return self.bot.texts(int(chat))

    def is_shared(self, chat: str) -> bool:
        return chat.startswith("-")


class OnDiscord(Talks):
    """Direct messages, and channels of a server; of several `shards`, channels of servers of each in turn."""

    slow = 60

    def __init__(self, server: DiscordServer, name: str, *, private: int, channels: int, shards: int = 1) -> None:
        super().__init__()
        self.server = server
        self.people = {server.dm_channel(f"{name}{n}"): f"{name}{n}" for n in range(private)}
        own = [server.text_channel() if shards == 1 else server.channel_on(n % shards, shards) for n in range(channels)]
        self.chats = [*self.people, *own]

    def say(self, chat: str, text: str, *, addressed: bool) -> None:
        if not self.is_shared(chat):
            self.server.say(text, channel=chat, who=self.people[chat])
        elif addressed:
            self.server.say(f"<@{self.server.bot.id}> {text}", channel=chat, **self.server.mention())
        else:
            self.server.say(text, channel=chat)

    def stands(self, chat: str) -> list[str]:
        return [message["content"] for message in self.server.sent(chat)]

    def is_shared(self, chat: str) -> bool:
        return chat not in self.people
