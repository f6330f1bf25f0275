"""`firstpass courier`: delivers predictions that were not ready in time."""

from __future__ import annotations

from typing import Annotated

from backend.cli.options import setting
from backend.settings import load_settings

__all__ = ["courier"]


def courier(
    redis_url: Annotated[str | None, setting("redis_url")] = None,
    model: Annotated[str | None, setting("model")] = None,
    label_studio_url: Annotated[str | None, setting("label_studio_url")] = None,
    score_threshold: Annotated[float | None, setting("score_threshold")] = None,
    log_level: Annotated[str | None, setting("log_level")] = None,
) -> None:
    """Write what /predict could not answer in time into Label Studio; holds no model.

    It needs Label Studio's address and FIRSTPASS_LABEL_STUDIO_API_KEY, and the same model and
    score threshold as the web process. One is enough for any number of workers.
    """
    from backend.processes.courier import run_courier

    run_courier(
        load_settings(
            redis_url=redis_url,
            model=model,
            label_studio_url=label_studio_url,
            score_threshold=score_threshold,
            log_level=log_level,
        )
    )
