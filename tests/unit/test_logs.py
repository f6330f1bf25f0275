"""What a line of the log may hold."""

from __future__ import annotations

import io
import json
import logging
import re
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from backend.logs import CHATTY, MOST_CHARS, TRACE_CHARS, configure_logs


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """Where the configured logs go; everything is as before afterwards."""
    root = logging.getLogger()
    handlers, level, config = root.handlers[:], root.level, structlog.get_config()
    sink = io.StringIO()
    monkeypatch.setattr("sys.stdout", sink)
    configure_logs("info")
    yield sink
    root.handlers[:] = handlers
    root.setLevel(level)
    for chatty in CHATTY:
        logging.getLogger(chatty).setLevel(logging.NOTSET)
    structlog.configure(**config)


@pytest.mark.parametrize(
    "value",
    ["p" * 1_000_000, {"p" * 1_000_000: 1}, ["p"] * 1_000_000, ("é" * 1_000_000,), b"p" * 10**6],
)
def test_no_value_makes_a_line_long(written: io.StringIO, value: Any) -> None:
    """Whatever a caller's body held: a line says how it begins, and how long it was."""
    structlog.get_logger("t").info("event", project=value, tasks=3)

    line = json.loads(written.getvalue())
    assert len(line["project"]) < MOST_CHARS + 50
    assert "characters)" in line["project"]
    assert (line["event"], line["tasks"]) == ("event", 3)


def test_what_is_short_is_written_as_it_is(written: io.StringIO) -> None:
    structlog.get_logger("t").info("event", outcomes={"predicted": 2}, reason=None, ok=True)

    line = json.loads(written.getvalue())
    assert (line["outcomes"], line["reason"], line["ok"]) == ({"predicted": 2}, None, True)


def test_of_a_trace_the_end_is_kept(written: io.StringIO) -> None:
    try:
        raise ValueError("x" * 1_000_000 + " at the end")
    except ValueError as error:
        structlog.get_logger("t").error("bug", exc_info=error)
    logging.getLogger("other").info("y" * 1_000_000)

    bug, other = map(json.loads, written.getvalue().splitlines())
    assert len(bug["exception"]) == TRACE_CHARS
    assert bug["exception"].endswith("at the end")
    assert len(other["event"]) < MOST_CHARS + 50


def test_a_plain_line_says_what_happened_with_its_values(
    written: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only where somebody should look a level; nothing in it steers a terminal, and a trace keeps its lines."""
    monkeypatch.setattr("sys.stdout", written)
    configure_logs("info", "plain")
    log = structlog.get_logger("plain")
    log.info("job done", job_id="a\x1b[2Jb", tasks=3)
    log.warning("redis", up=False)
    logging.getLogger("uvicorn.error").info("Uvicorn running on ... (Press CTRL+C to quit)")
    try:
        raise ValueError("at the end")
    except ValueError as error:
        log.error("bug", exc_info=error)

    done, away, *bug = written.getvalue().splitlines()
    assert re.fullmatch(r"\d\d:\d\d:\d\d job done, job id a\ufffd\[2Jb, tasks 3", done)
    assert re.fullmatch(r"\d\d:\d\d:\d\d warning: redis, up False", away)
    assert bug[0].endswith(" error: bug")
    assert bug[1].startswith("  Traceback")
    assert bug[-1] == "  ValueError: at the end"


def test_a_foreign_text_cannot_pass_for_a_line_of_the_log(
    written: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether it is a value, the name of what happened, or the text of an error."""
    monkeypatch.setattr("sys.stdout", written)
    configure_logs("info", "plain")
    forged = "x\n09:00:00 job done, tasks 3\r\u2028"
    log = structlog.get_logger("forged")
    log.info("event", reason=forged, **{forged: 1})
    logging.getLogger("foreign").warning(forged)
    try:
        raise ValueError(forged)
    except ValueError as error:
        log.error("bug", exc_info=error)

    lines = written.getvalue().split("\n")
    assert sum(re.match(r"\d\d:\d\d:\d\d ", line) is not None for line in lines) == 3
    assert "  09:00:00 job done, tasks 3\ufffd\ufffd" in lines
