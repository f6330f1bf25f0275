"""Measures the queue: `make bench-queue REPORT=FILE.json` (`QUICK=1` for a first look).

Every figure is a ratio against an alternative, or a bound in seconds, measured in this one run on this
machine; the alternatives take turns, and medians are taken. The model sleeps (20 ms per batch and 4 ms
per image) except where the bundled checkpoints are named.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

from rich.console import Console

from backend.errors import OperatorError
from backend.processes.supervisor import ending_signals
from tests.bench.effort import FULL, QUICK, Effort
from tests.bench.figures import Figure
from tests.bench.queue_health import health
from tests.bench.queue_latency import interactive_during_bulk
from tests.bench.queue_memory import memory
from tests.bench.queue_recovery import recovery
from tests.bench.queue_share import queue_share
from tests.bench.queue_slow import slow_servers
from tests.bench.queue_speed import same_image, submitting, throughput, two_workers
from tests.bench.report import Report

__all__ = ["BENCHMARKS", "main"]

Benchmark = Callable[[Effort], Iterator[Figure]]

BENCHMARKS: dict[str, Benchmark] = {
    "throughput": throughput,
    "latency": interactive_during_bulk,
    "slow-servers": slow_servers,
    "health": health,
    "share": queue_share,
    "recovery": recovery,
    "two-workers": two_workers,
    "memory": memory,
    "submitting": submitting,
    "same-image": same_image,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmarks and write the report; 0 also where a target is missed: it says so."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.bench_queue")
    parser.add_argument("--report", type=Path, help="file for all raw numbers, as JSON")
    parser.add_argument("--quick", action="store_true", help="two or three minutes, less certain")
    parser.add_argument("--only", nargs="+", choices=BENCHMARKS, default=list(BENCHMARKS))
    given = parser.parse_args(arguments)
    effort = QUICK if given.quick else FULL
    console = Console(stderr=True)
    report = Report("The queue", {"quick": given.quick, **asdict(effort)})
    with ending_signals():
        for name in given.only:
            console.print(f"bench-queue: {name}", style="dim")
            _run(name, effort, report, console)
    out = Console()
    # A file or a pipe has no width of its own.
    out = out if out.is_terminal else Console(width=140)
    out.print(report.table())
    out.print(_summary(report))
    if given.report is not None:
        report.write(given.report)
        out.print(f"All numbers: {given.report}")
    return 0


def _run(name: str, effort: Effort, report: Report, console: Console) -> None:
    started = time.monotonic()
    for figure in BENCHMARKS[name](effort):
        report.figures.append(figure)
        console.print(f"  {figure.value:.3g}{figure.unit}  {figure.against}", style="dim")
    report.seconds[name] = time.monotonic() - started


def _summary(report: Report) -> str:
    aimed = sum(figure.target is not None for figure in report.figures)
    before = report.machine_before
    return (
        f"{aimed - len(report.missed)} of {aimed} targets met, in {sum(report.seconds.values()):.0f} s "
        f"on {before['processors']} processors; load {before['load'][0]} before it began."
    )


if __name__ == "__main__":
    try:
        sys.exit(main())
    except OperatorError as error:
        sys.exit(f"bench-queue: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
