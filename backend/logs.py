"""Structured logs on stdout: JSON lines, or coloured text on a terminal. Called once per process."""

from __future__ import annotations

import logging
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

__all__ = ["configure_logs"]

#: Characters of one value in a line; a request's own words may be as long as its body.
MOST_CHARS = 2000
#: Of a trace, whose end says most.
TRACE_CHARS = 20_000


def configure_logs(level: str) -> None:
    """Send structlog's events and the standard library's records to stdout, from `level` on."""
    terminal = sys.stdout.isatty()
    shared: list[structlog.typing.Processor] = [
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        _shorten,
    ]
    renderer: structlog.typing.Processor = (
        structlog.dev.ConsoleRenderer() if terminal else structlog.processors.JSONRenderer()
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    # At debug, httpx and httpcore log headers, and a redirect may hold a signed URL.
    for noisy in ("httpx", "httpcore", "PIL", "uvicorn.access"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )


def _shorten(
    logger: object, method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """No line grows with what a caller sent; what structlog itself keeps there is let be."""
    for name, value in event.items():
        if name == "exception":
            event[name] = str(value)[-TRACE_CHARS:]
        elif not name.startswith("_") and not isinstance(value, (int, float, type(None))):
            text = value if isinstance(value, str) else repr(value)
            if len(text) > MOST_CHARS:
                event[name] = f"{text[:MOST_CHARS]}... ({len(text)} characters)"
    return event
