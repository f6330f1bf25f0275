"""Measures bulk runs: `make bench-bulk REPORT=FILE.json` (`QUICK=1` for a first look).

A real Label Studio on SQLite, and a worker whose model costs nothing: what is measured is everything
around the model. The alternative is Label Studio's own import of the same rows in the same chunks, with
nobody asking what is there already and nobody making sure.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from rich.console import Console

from backend.delivery.owed import OwedTasks
from backend.delivery.writer import CHUNK
from backend.errors import OperatorError
from backend.processes.supervisor import ending_signals
from backend.queue.connection import connect
from tests.bench.bulk_lab import BulkLab, open_bulk_lab
from tests.bench.figures import Figure, Target, alternate
from tests.bench.report import Report

__all__ = ["main"]

#: Tasks of a run, and rounds: about 15 minutes on two processors, and two.
FULL = (20_000, 1)
QUICK = (4_000, 1)
#: Memory is compared from here on: by then what Redis keeps for a minute or two comes and goes evenly.
WARM_SHARE = 0.5


def main(arguments: Sequence[str] | None = None) -> int:
    """Run it and write the report; 0 also where a target is missed: it says so."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.bench_bulk")
    parser.add_argument("--report", type=Path, help="file for all raw numbers, as JSON")
    parser.add_argument("--quick", action="store_true", help="fewer tasks, less certain")
    given = parser.parse_args(arguments)
    tasks, rounds = QUICK if given.quick else FULL
    console = Console(stderr=True)
    report = Report("Bulk runs", {"quick": given.quick, "tasks": tasks, "rounds": rounds})
    started = time.monotonic()
    with ending_signals(), open_bulk_lab() as lab:
        for figure in (*_speed(lab, tasks, rounds), *_late(lab, tasks)):
            report.figures.append(figure)
            console.print(f"  {figure.value:.3g}{figure.unit}  {figure.against}", style="dim")
    report.seconds["bulk"] = time.monotonic() - started
    out = Console() if Console().is_terminal else Console(width=140)
    out.print(report.table())
    if given.report is not None:
        report.write(given.report)
        out.print(f"All numbers: {given.report}")
    return 0


def _speed(lab: BulkLab, tasks: int, rounds: int) -> Iterator[Figure]:
    """`firstpass prelabel` against the import of what it wrote, turn by turn, each on a new project."""
    rows: list[dict[str, object]] = []

    def ours(number: int) -> float:
        project = lab.new_project(f"bulk {number}", tasks)
        seconds = lab.look_until_ended(lab.run("prelabel", "project", str(project)))
        rows[:] = [
            {name: row[name] for name in ("task", "result", "score", "model_version")}
            for row in lab.client.predictions(project)
        ]
        if len(rows) != tasks:
            raise RuntimeError(f"expected {tasks} rows, got {len(rows)}")
        return tasks / seconds

    def theirs(number: int) -> float:
        project = lab.new_project(f"import {number}", tasks)
        copied = [{**row, "task": task} for row, task in zip(rows, _ids(lab, project), strict=True)]
        started = time.monotonic()
        for start in range(0, tasks, CHUNK):
            lab.api.import_predictions(project, copied[start : start + CHUNK])
        return tasks / (time.monotonic() - started)

    lab.looks.clear()
    mine, imported, ratio = alternate(rounds, ours, theirs)
    yield Figure(
        f"tasks per second of `firstpass prelabel`, {tasks} tasks, its start included",
        ratio,
        "x",
        f"{_median(mine):.0f}/s; Label Studio's import alone: {_median(imported):.0f}/s",
        Target(0.8, at_least=True),
        {"ours": mine, "import": imported},
    )
    yield from _memory(lab, ("cli", "worker", "redis"), f"over {tasks} tasks of a bulk run")


def _late(lab: BulkLab, tasks: int) -> Iterator[Figure]:
    """The courier, with all tasks of a project owed at once."""
    project = lab.new_project("late", tasks)
    key = lab.api.project(project).key
    if key is None:
        raise RuntimeError("expected a project with the time of its making")
    courier = lab.courier()
    lab.looks.clear()
    with connect(lab.settings.redis_url.get_secret_value() if lab.settings.redis_url else "") as r:
        owed = OwedTasks(r)
        owed.add(key, _ids(lab, project), time.time())
        started = time.monotonic()
        while owed.count():
            lab.look(courier=courier.pid)
            time.sleep(1)
        seconds = time.monotonic() - started
    stored = sum(lab.api.model_versions(project).values())
    if stored != tasks:
        raise RuntimeError(f"expected {tasks} rows, got {stored}")
    yield Figure(f"late delivery of {tasks} tasks", tasks / seconds, "/s", "for information")
    yield from _memory(lab, ("courier",), f"over {tasks} tasks owed at once")


def _memory(lab: BulkLab, names: Sequence[str], over: str) -> Iterator[Figure]:
    """Most memory from `WARM_SHARE` of the looks on, against what it was there."""
    for name in names:
        values = [look[name] for look in lab.looks if name in look]
        warm = values[int(len(values) * WARM_SHARE) :]
        yield Figure(
            f"memory of {name} {over}",
            max(warm) / warm[0],
            "x",
            f"{max(warm):.0f} MiB at most; after half of the time: {warm[0]:.0f}",
            Target(1.1),
            {"looks": values},
        )


def _ids(lab: BulkLab, project: int) -> list[int]:
    return [
        task.id for page in lab.api.pages(project, page_size=1000, include="id") for task in page
    ]


def _median(values: Sequence[float]) -> float:
    return sorted(values)[len(values) // 2]


if __name__ == "__main__":
    try:
        sys.exit(main())
    except OperatorError as error:
        sys.exit(f"bench-bulk: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
