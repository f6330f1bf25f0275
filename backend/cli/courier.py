"""`firstpass courier`: delivers predictions that were not ready in time."""

from __future__ import annotations

from typing import Annotated

import typer

from backend.cli.options import with_settings
from backend.settings import Settings

__all__ = ["courier"]


@with_settings("redis_url", "model", "label_studio_url", "score_threshold", "log_level")
def courier(
    settings: Settings,
    wait: Annotated[
        bool,
        typer.Option(
            help="Wait for Label Studio's address, token and a model's folder, or end with 2."
        ),
    ] = True,
) -> None:
    """Write late predictions into Label Studio; holds no model.

    It needs Label Studio's address and FIRSTPASS_LABEL_STUDIO_API_KEY, and the
    same model and score threshold as the web process. What is missing it waits
    for, and `firstpass status` says so. One is enough for any number of workers.

    Examples:
      firstpass courier --redis-url redis://queue:6379/0
      firstpass courier --label-studio-url http://label-studio:8080
    """
    from backend.processes.courier import run_courier

    run_courier(settings, waits=wait)
