"""The report of a benchmark: a table for people, JSON for programs."""

from __future__ import annotations

import io
import json
from pathlib import Path

from rich.console import Console

from tests.bench.figures import Figure, Target
from tests.bench.report import Report

MACHINE = {"processors": 2, "load": [0.5, 0.5, 0.5]}


def report() -> Report:
    return Report(
        "The queue",
        {"rounds": 2},
        MACHINE,
        [
            Figure("throughput", 3.5, "x", "35 images/s; stock: 10", Target(4.0, at_least=True)),
            Figure("recovery", 6.0, " s", "the lease is 4 s", Target(9.0), {"seconds": [5.0, 6.0]}),
            Figure("a hit", 0.8, " ms", "a round trip: 0.1 ms"),
        ],
        {"throughput": 12.34},
    )


def test_the_table_names_each_miss() -> None:
    """Every figure has a row with its target, and whether it was met."""
    out = io.StringIO()
    Console(file=out, width=140).print(report().table())

    rows = {line.split("  ")[1]: line for line in out.getvalue().splitlines() if "  " in line}

    assert "≥ 4x" in rows["throughput"]
    assert "missed by 0.5x" in rows["throughput"]
    assert " met " in rows["recovery"]
    assert "met" not in rows["a hit"]
    assert [figure.title for figure in report().missed] == ["throughput"]


def test_the_json_holds_the_raw_numbers(tmp_path: Path) -> None:
    """Verdicts, raw numbers, seconds taken and the machine before and after."""
    path = tmp_path / "reports" / "queue.json"

    report().write(path)

    written = json.loads(path.read_text(encoding="utf-8"))
    throughput, recovery, hit = written["figures"]
    assert (throughput["met"], throughput["verdict"]) == (False, "missed by 0.5x")
    assert recovery["raw"] == {"seconds": [5.0, 6.0]}
    assert hit["target"] is None
    assert written["seconds"] == {"throughput": 12.3}
    assert written["machine"]["before"] == MACHINE
    assert {"processors", "load", "python", "packages"} <= written["machine"]["after"].keys()
