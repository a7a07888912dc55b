"""Programs with keys, in two workspaces."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import httpx2
import pytest

from bots.models import AIProvider, ApiKey, Bot, Workspace
from channels_integrations.models import ChannelConfig

Program = Callable[..., httpx2.Client]


@pytest.fixture
def program(address: str) -> Iterator[Program]:
    """A client with a key of its own: `program("read", "manage", bots=[…], workspace=…, allowed_origins=[…])`."""
    clients: list[httpx2.Client] = []

    def start(*scopes: str, bots: Any = (), workspace: Any = None, **more: Any) -> httpx2.Client:
        workspace = workspace or Workspace.default()
        key, text = ApiKey.issue(workspace=workspace, name="p", scopes=list(scopes), bots=list(bots))
        ApiKey.objects.filter(pk=key.pk).update(**more) if more else None
        clients.append(httpx2.Client(base_url=address, headers={"Authorization": f"Bearer {text}"}, timeout=20))
        return clients[-1]

    yield start
    for client in clients:
        client.close()


@pytest.fixture
def manager(program: Program) -> httpx2.Client:
    return program("read", "manage")


@pytest.fixture
def theirs(address: str) -> ChannelConfig:
    """Another workspace's channel, with a bot and a model of the same names as ours."""
    workspace = Workspace.objects.create(name="Theirs")
    provider = AIProvider.objects.create(workspace=workspace, slug="own", name="Own")
    model = provider.models.create(name="large")
    bot = Bot.objects.create(workspace=workspace, slug="demo", name="Theirs", model=model)
    channel: ChannelConfig = ChannelConfig.objects.create(
        workspace=workspace, bot=bot, kind="webchat", slug="theirs", name="Theirs"
    )
    return channel
