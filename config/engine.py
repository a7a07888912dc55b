"""The engine on a thread of its own, for processes whose main thread belongs to somebody else."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

from django.conf import settings

from bots import environment, threads
from bots.threads import in_thread
from config import collector
from conversations import doorbell
from conversations.runner import runner


class Engine:
    """`start` and `stop` bracket it; between them doorbells ring here."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._fault: BaseException | None = None

    def start(self) -> None:
        """Returns when the runner sweeps. Raises what kept it from that."""
        ready = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(ready,), name="engine")
        self._thread.start()
        ready.wait()
        if self._fault is not None:
            raise self._fault
        doorbell.answer_with(self.post)

    def post(self, work: Callable[[], None]) -> None:
        """Do it on the engine's loop."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(work)

    def stop(self) -> None:
        """Finish or hand back what runs; takes up to DRAIN_SECONDS."""
        if self._loop is None or self._thread is None:
            return
        asyncio.run_coroutine_threadsafe(runner.drain(settings.DRAIN_SECONDS), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        threads.shutdown()
        self._loop = self._thread = None

    def _run(self, ready: threading.Event) -> None:
        loop = self._loop = asyncio.new_event_loop()
        asyncio.set_event_loop(loop)
        try:
            loop.run_until_complete(in_thread(environment.sync))
            loop.run_until_complete(runner.start())
            collector.settle()
        except BaseException as fault:  # noqa: BLE001  told to whoever started this thread
            self._fault = fault
            return
        finally:
            ready.set()
        loop.run_forever()
        loop.close()


engine = Engine()
