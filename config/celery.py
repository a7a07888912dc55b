"""The Celery application: a doorbell and hands. The database is the queue; what Celery loses, a sweeper finds.

In a worker a bootstep runs the engine beside the pool: one event loop with the runner, its sweeper and its drain. A
task only posts to that loop, so that hundreds of waiting models need no threads.
"""

from __future__ import annotations

import os
from typing import Any

from celery import Celery, bootsteps
from celery.signals import setup_logging

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
app = Celery("switchboard")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


class EngineStep(bootsteps.StartStopStep):
    """The engine's life within a worker's."""

    requires = ("celery.worker.components:Pool",)

    def start(self, parent: Any) -> None:
        from config.engine import engine

        engine.start()

    def stop(self, parent: Any) -> None:
        from config.engine import engine

        engine.stop()

    terminate = stop


app.steps["worker"].add(EngineStep)


@setup_logging.connect
def keep_our_logging(**_: Any) -> None:
    """Celery leaves logging alone when somebody answers this signal."""
