"""Who answers what a command asks of an index: the workers for a project, the classifier in this process for a folder."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console

from backend.bulk.local import local_handler
from backend.bulk.workers import check_workers
from backend.cli.status import open_redis
from backend.delivery.pipeline import WindowLike
from backend.indexing.visiting import LocalWindow
from backend.inference.batch_size import BatchSizer
from backend.inference.local_batches import LocalBatches
from backend.pages.terminal import say
from backend.prediction.engine import Engine
from backend.queue.job_queue import job_queue
from backend.settings import Settings
from models.queries import Embed

__all__ = ["answering"]


@contextmanager
def answering(folder: Path | None, engine: Engine, settings: Settings) -> Iterator[WindowLike]:
    """A window for some questions that somebody waits for; `folder`: of images, `None` for a project.

    Raises what `check_workers` does.
    """
    if folder is not None:
        classifier = next(one for one in engine.entries if Embed in one.queries)
        alone = settings.model_copy(update={"model": classifier.name})
        sizer = BatchSizer(settings.batch_max, settings.batch_latency_s)
        with LocalWindow(LocalBatches(local_handler(alone, folder), sizer)) as local:
            yield local
        return
    console = Console(stderr=True)
    with open_redis(settings) as connection:
        check_workers(
            connection, engine, runs_in=settings.runs_in, say=lambda line: say(console, line)
        )
        running = job_queue(settings, connection)
        running.start()
        try:
            with running.queue.window(interactive=True, consumes=True) as window:
                yield window
        finally:
            running.close()
