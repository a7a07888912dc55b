"""The reference: what one would write instead of this product, as well as one would write it.

FastAPI, SQLAlchemy's async ORM on asyncpg, sessions in Redis, `AsyncOpenAI`, the answer streamed over a websocket, two
messages stored a turn. It promises less: no lease, no ledger, no repeat known, nothing durable of an answer half done.
Runs in .venv-bench; speaks the few frames of the web chat that the load client uses. AIOHTTP=1: the SDK's faster wire.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

from fastapi import FastAPI, WebSocket, WebSocketDisconnect
from openai import AsyncOpenAI, DefaultAioHttpClient
from redis.asyncio import BlockingConnectionPool, Redis
from sqlalchemy import ForeignKey, Index, func, select
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

HISTORY = 20
SESSION_SECONDS = 3600
PROMPT = "You sell parcels."


class Base(DeclarativeBase):
    pass


class Conversation(Base):
    __tablename__ = "conversation"

    id: Mapped[int] = mapped_column(primary_key=True)
    visitor: Mapped[str] = mapped_column(unique=True)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class Message(Base):
    __tablename__ = "message"
    __table_args__ = (Index("of_conversation", "conversation_id", "id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    conversation_id: Mapped[int] = mapped_column(ForeignKey("conversation.id"))
    role: Mapped[str]
    text: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


engine = create_async_engine(os.environ["DATABASE_URL"], pool_size=20, max_overflow=20)
database = async_sessionmaker(engine, expire_on_commit=False)
redis = Redis(
    connection_pool=BlockingConnectionPool.from_url(
        os.environ["REDIS_URL"], max_connections=50, timeout=20, decode_responses=True
    )
)
models = AsyncOpenAI(
    base_url=os.environ["OPENAI_BASE_URL"],
    api_key="sk-bench",
    timeout=60,
    max_retries=0,
    http_client=DefaultAioHttpClient() if os.environ.get("AIOHTTP") else None,
)


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    yield
    await models.close()
    await engine.dispose()


app = FastAPI(lifespan=lifespan)


@app.get("/ready")
async def ready() -> dict[str, str]:
    return {"status": "ok"}


@app.websocket("/ws/chat/bench/")
async def chat(socket: WebSocket) -> None:
    await socket.accept()
    try:
        hello = await socket.receive_json()
        visitor = hello["visitor"]
        await socket.send_json({"type": "ready"})
        while True:
            said = await socket.receive_json()
            await answer(socket, visitor, said["text"])
    except WebSocketDisconnect:
        return


async def answer(socket: WebSocket, visitor: str, text: str) -> None:
    conversation_id = await session(visitor)
    async with database() as rows:
        history = await remembered(rows, conversation_id)
        rows.add(Message(conversation_id=conversation_id, role="user", text=text))
        await rows.commit()
    told = [{"role": "system", "content": PROMPT}, *history, {"role": "user", "content": text}]
    stream = await models.chat.completions.create(
        model="bench", messages=told, stream=True, stream_options={"include_usage": True}
    )
    parts = []
    async for chunk in stream:
        if chunk.choices and (part := chunk.choices[0].delta.content):
            parts.append(part)
            await socket.send_json({"type": "delta", "text": part})
    async with database() as rows:
        rows.add(Message(conversation_id=conversation_id, role="assistant", text="".join(parts)))
        await rows.commit()
    await socket.send_json({"type": "message", "role": "assistant", "text": "".join(parts)})


async def session(visitor: str) -> int:
    """The visitor's conversation: from Redis, else from the database."""
    key = f"session:{visitor}"
    async with redis.pipeline(transaction=False) as pipeline:
        known, _ = await pipeline.hgetall(key).expire(key, SESSION_SECONDS).execute()
    if known:
        return int(known["conversation"])
    async with database() as rows:
        row = await rows.scalar(select(Conversation).where(Conversation.visitor == visitor))
        if row is None:
            row = Conversation(visitor=visitor)
            rows.add(row)
            await rows.commit()
    await redis.hset(key, mapping={"conversation": row.id})
    return row.id


async def remembered(rows: AsyncSession, conversation_id: int) -> list[dict[str, Any]]:
    """The last messages, oldest first, as the model wants them."""
    latest = select(Message.role, Message.text).where(Message.conversation_id == conversation_id)
    found = await rows.execute(latest.order_by(Message.id.desc()).limit(HISTORY - 1))
    return [{"role": role, "content": text} for role, text in reversed(found.all())]
