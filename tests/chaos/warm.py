"""A parent that has imported everything and forks the processes to be killed: a tenth of a second, not four.

It obeys JSON lines on its input, `{"role": "web", "port": 8001, "log": "…", "crash_at": ""}`, and answers each with the
child's pid. When its input ends, its children end.
"""

from __future__ import annotations

import gc
import json
import os
import signal
import sys
from dataclasses import replace
from importlib import import_module
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from channels_integrations.base import Capabilities

LATE = (  # what a process imports when it first needs it
    "openai", "httpx2", "aiohttp", "config.asgi", "config.server", "config.celery", "config.engine",
    "conversations.tasks", "celery.bin.celery", "celery.apps.worker", "celery.worker.worker",
    "celery.worker.components", "celery.worker.consumer", "celery.concurrency.thread", "celery.events.state",
    "kombu.transport.redis", "kombu.transport.virtual", "redis.asyncio", "channels_redis.pubsub",
    "uvicorn.protocols.http.auto", "uvicorn.protocols.http.httptools_impl", "uvicorn.loops.uvloop",
    "uvicorn.lifespan.on",
    "uvicorn.protocols.websockets.websockets_sansio_impl", "django.db.backends.postgresql.psycopg_any",
    "psycopg_pool", "openai.resources.chat.completions", "concurrent.futures.thread",
    "config.management.commands.run_gateway", "channels_integrations.platforms.telegram.client",
    "channels_integrations.platforms.telegram.sending", "channels_integrations.platforms.discord.hearing",
)  # fmt: skip


def web(order: dict[str, Any]) -> None:
    from config.server import server

    server("127.0.0.1", order["port"]).run()


def worker(order: dict[str, Any]) -> None:
    from celery.signals import worker_ready
    from django.core.management import call_command

    def told(**_: Any) -> None:
        open(order["ready"], "w").close()

    worker_ready.connect(told, weak=False)
    call_command("worker")


def gateway(order: dict[str, Any]) -> None:
    from django.conf import settings
    from django.core.management import call_command

    settings.GATEWAY_SECONDS = 0.5  # a tenth, too: the variable knows whole seconds only
    settings.SEND_SECONDS = order.get("patience") or settings.SEND_SECONDS
    hurry_platforms()
    call_command("run_gateway", *order.get("kinds", ()))


def hurry_platforms() -> None:
    """What they wait by themselves at a tenth; what they were told to wait, and their rates, as they are."""
    from channels_integrations.platforms.discord.adapter import Discord
    from channels_integrations.platforms.telegram import adapter

    def hurried(able: Capabilities) -> Capabilities:
        return replace(able, live_every=able.live_every / 10, waits=tuple(wait / 10 for wait in able.waits))

    adapter.PRIVATE, adapter.GROUP = hurried(adapter.PRIVATE), hurried(adapter.GROUP)
    adapter.Telegram.capabilities, Discord.capabilities = adapter.PRIVATE, hurried(Discord.capabilities)


def setup(order: dict[str, Any]) -> None:
    from tests.chaos.rows import make

    with open(order["ready"], "w") as file:
        json.dump(make(order["judge"]), file)


def channel(order: dict[str, Any]) -> None:
    from tests.chaos.rows import open_channel

    with open(order["ready"], "w") as file:
        json.dump(open_channel(order["kind"], order["slug"], order["token"], order["config"]), file)


ROLES = {"web": web, "worker": worker, "gateway": gateway, "setup": setup, "channel": channel}


def child(order: dict[str, Any]) -> NoReturn:
    """Never returns to the parent's code."""
    code = 1
    try:
        os.setpgid(0, 0)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        log = os.open(order["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        for number, file in ((0, os.open(os.devnull, os.O_RDONLY)), (1, log), (2, log)):
            os.dup2(file, number)
        os.environ["CRASH_AT"] = order.get("crash_at", "")
        ROLES[order["role"]](order)
        code = 0
    except SystemExit as end:
        code = int(end.code or 0)
    except BaseException:  # noqa: BLE001  whatever it is, the child ends here
        import traceback

        traceback.print_exc()
    finally:
        sys.stdout.flush()
        os._exit(code)


def main() -> None:
    import django

    django.setup()
    from django.urls import get_resolver

    for name in LATE:
        import_module(name)
    from bots.providers.base import clients
    from bots.tools.base import tools
    from channels_integrations.base import adapters
    from conversations.commands.base import commands

    assert get_resolver().url_patterns
    assert all(len(registry) for registry in (clients, tools, adapters, commands))
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    gc.collect()
    gc.freeze()  # what all of them share: to be looked through, it would be copied for each
    print("warm", flush=True)
    children: list[int] = []
    for line in sys.stdin:
        order = json.loads(line)
        pid = os.fork()
        if pid == 0:
            child(order)
        children.append(pid)
        print(pid, flush=True)
    for pid in children:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue


if __name__ == "__main__":
    main()
