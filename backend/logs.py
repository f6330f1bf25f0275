"""Structured logs on stdout: JSON lines, or plain ones for a person at a terminal. Called once per process."""

from __future__ import annotations

import logging
import sys
from collections.abc import MutableMapping
from typing import Any, Literal

import structlog

from backend.wording import printable

__all__ = ["configure_logs", "logs_are_plain"]

#: Characters of one value in a line; a request's own words may be as long as its body.
MOST_CHARS = 2000
#: Of a trace, whose end says most.
TRACE_CHARS = 20_000


#: What they say of their own start and end is said by ours; at a terminal it is in the way.
CHATTY = ("uvicorn.error", "rq.worker")


def configure_logs(level: str, form: Literal["auto", "plain", "json"] = "auto") -> None:
    """Send structlog's events and the standard library's records to stdout, from `level` on.

    `form` is as `FIRSTPASS_LOG_FORMAT`. Who starts us and shows our lines on a terminal says `plain`.
    """
    plain = logs_are_plain(form, terminal=sys.stdout.isatty())
    shared: list[structlog.typing.Processor] = [
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="%H:%M:%S" if plain else "iso", utc=not plain),
        structlog.processors.format_exc_info,
        _shorten,
    ]
    renderer: structlog.typing.Processor = (
        _plain_line if plain else structlog.processors.JSONRenderer()
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
    for chatty in CHATTY if plain and level == "info" else ():
        logging.getLogger(chatty).setLevel(logging.WARNING)
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )


def logs_are_plain(form: Literal["auto", "plain", "json"], *, terminal: bool) -> bool:
    """Whether lines are for people: told so, or left open where they go to a terminal."""
    return form == "plain" or (form == "auto" and terminal)


def _plain_line(logger: object, method: str, event: MutableMapping[str, Any]) -> str:
    """The time, what happened, and its values; a level where somebody should look.

    >>> _plain_line(None, "", {"timestamp": "09:00:00", "level": "info", "event": "ready", "tasks": 3})
    '09:00:00 ready, tasks 3'
    """
    told = dict(event)
    at, level, what = told.pop("timestamp", ""), told.pop("level", "info"), told.pop("event", "")
    trace = told.pop("exception", None)
    loud = "" if level in ("info", "debug") else f"{level}: "
    values = [f"{name.replace('_', ' ')} {value}" for name, value in told.items()]
    # What is not ours, be it the text of an error, begins no line: it could pass for one of the log.
    traced = [f"  {line}" for line in str(trace).split("\n")] if trace else []
    return "\n".join(map(printable, [f"{at} {loud}{', '.join([str(what), *values])}", *traced]))


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
