"""An effect that must happen once."""

from __future__ import annotations

import os

import aiohttp

from bots.tools.base import ToolContext, tool


@tool(effects="once", timeout=5)
async def pay(ctx: ToolContext, order: str) -> str:
    """Pay an order.

    order: its number
    """
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{os.environ['JUDGE']}/effect", json={"order": order, "key": ctx.idempotency_key}) as answer,
    ):
        return f"paid {order}: {answer.status}"
