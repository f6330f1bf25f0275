"""`firstpass worker`: one loaded model that takes images from the queue."""

from __future__ import annotations

from typing import Annotated

import typer

from backend.cli.options import with_settings
from backend.settings import Settings

__all__ = ["worker"]


@with_settings(
    "redis_url", "model", "device", "dtype", "batch_max", "lease_s", "label_studio_url", "log_level"
)
def worker(
    settings: Settings,
    burst: Annotated[bool, typer.Option(help="End when the queue is empty.")] = False,
    wait: Annotated[
        bool,
        typer.Option(
            help="Wait for models that are not on this machine yet and for a free device, or end with 2."
        ),
    ] = True,
) -> None:
    """Load the models once, then predict batch after batch. Start one per device.

    Models that are missing are waited for, and loaded as soon as they come;
    `firstpass status` says so meanwhile. With --burst nothing is waited for.

    Examples:
      firstpass worker --redis-url redis://queue:6379/0 --device cuda:1
      firstpass worker --model tiny --burst
    """
    from backend.processes.worker import run_worker

    run_worker(settings, burst=burst, waits=wait)
