"""`firstpass web`: the HTTP process that Label Studio calls."""

from __future__ import annotations

from backend.cli.options import with_settings
from backend.settings import Settings

__all__ = ["web"]


@with_settings(
    "host",
    "port",
    "public_url",
    "redis_url",
    "model",
    "basic_auth_user",
    "label_studio_url",
    "score_threshold",
    "wait_s",
    "wait_many_s",
    "log_level",
)
def web(settings: Settings) -> None:
    """Answer Label Studio; holds no model.

    Secrets are taken from the environment only. It needs a Redis, and workers
    beside it; `firstpass up` runs them all.

    Examples:
      firstpass web --redis-url redis://queue:6379/0
      firstpass web --host 0.0.0.0 --port 9090
    """
    from backend.processes.web import serve

    serve(settings)
