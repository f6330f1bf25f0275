"""`firstpass web`: the HTTP process that Label Studio calls."""

from __future__ import annotations

from typing import Annotated

from backend.cli.options import setting
from backend.settings import load_settings

__all__ = ["web"]


def web(
    host: Annotated[str | None, setting("host")] = None,
    port: Annotated[int | None, setting("port")] = None,
    redis_url: Annotated[str | None, setting("redis_url")] = None,
    model: Annotated[str | None, setting("model")] = None,
    basic_auth_user: Annotated[str | None, setting("basic_auth_user")] = None,
    label_studio_url: Annotated[str | None, setting("label_studio_url")] = None,
    score_threshold: Annotated[float | None, setting("score_threshold")] = None,
    wait_s: Annotated[float | None, setting("wait_s")] = None,
    wait_many_s: Annotated[float | None, setting("wait_many_s")] = None,
    log_level: Annotated[str | None, setting("log_level")] = None,
) -> None:
    """Answer Label Studio; holds no model. Secrets are taken from the environment alone."""
    from backend.processes.web import serve

    serve(
        load_settings(
            host=host,
            port=port,
            redis_url=redis_url,
            model=model,
            basic_auth_user=basic_auth_user,
            label_studio_url=label_studio_url,
            score_threshold=score_threshold,
            wait_s=wait_s,
            wait_many_s=wait_many_s,
            log_level=log_level,
        )
    )
