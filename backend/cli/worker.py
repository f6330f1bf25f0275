"""`firstpass worker`: one loaded model that takes images from the queue."""

from __future__ import annotations

from typing import Annotated

import typer

from backend.cli.options import setting
from backend.settings import load_settings

__all__ = ["worker"]


def worker(
    redis_url: Annotated[str | None, setting("redis_url")] = None,
    model: Annotated[str | None, setting("model")] = None,
    device: Annotated[str | None, setting("device")] = None,
    dtype: Annotated[str | None, setting("dtype")] = None,
    batch_max: Annotated[int | None, setting("batch_max")] = None,
    lease_s: Annotated[int | None, setting("lease_s")] = None,
    label_studio_url: Annotated[str | None, setting("label_studio_url")] = None,
    log_level: Annotated[str | None, setting("log_level")] = None,
    burst: Annotated[
        bool, typer.Option("--burst", envvar="FIRSTPASS_BURST", help="End when the queue is empty.")
    ] = False,
    wait: Annotated[
        bool,
        typer.Option(
            "--wait/--no-wait",
            envvar="FIRSTPASS_WORKER_WAIT",
            help="Wait for models that are not on this machine yet and for a free device, or end with 2.",
        ),
    ] = True,
) -> None:
    """Load the models once, then predict batch after batch. Start one per device.

    Models that are missing are waited for, and loaded as soon as they come; `firstpass status` says so
    meanwhile. With --burst nothing is waited for.
    """
    from backend.queue.run import run_worker

    run_worker(
        load_settings(
            redis_url=redis_url,
            model=model,
            device=device,
            dtype=dtype,
            batch_max=batch_max,
            lease_s=lease_s,
            label_studio_url=label_studio_url,
            log_level=log_level,
        ),
        burst=burst,
        waits=wait,
    )
