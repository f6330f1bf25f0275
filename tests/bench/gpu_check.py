"""Measures the models on a GPU: `make gpu-check REPORT=FILE.md` (several files, `.json` among them).

Random weights of the real sizes, no network, under six minutes on one card: images per second of boxes
and tags, the share of what the card could do, memory, loading, and whether a batch answers as single images
do. `--smoke` tries the check itself with small models on a CPU; its figures say nothing.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from rich.console import Console

from tests.bench.gpu_check_peaks import card
from tests.bench.gpu_check_plan import FULL, SMOKE
from tests.bench.gpu_check_report import Found, markdown, write
from tests.bench.gpu_check_steps import steps

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the check, print Markdown and write the reports; 1 without a GPU."""
    given = _arguments(arguments)
    if not given.smoke and not torch.cuda.is_available():
        Console(stderr=True).print(
            f"gpu-check: expected a GPU that torch sees, found none (torch {torch.__version__}); run it "
            "on a machine with one, or try the check itself on a CPU with `--smoke`",
            soft_wrap=True,
        )
        return 1
    device = torch.device("cpu" if given.smoke else given.device)
    plan = SMOKE if given.smoke else FULL
    found = Found(card(device), {"tokens": plan.tokens, "rounds": plan.rounds})
    with tempfile.TemporaryDirectory(prefix="firstpass-gpu-check-") as folder:
        for name, step in steps(plan, found, device, Path(folder)).items():
            _take(name, step, found, plan.limit_s)
            write(found, given.report)
    sys.stdout.write(markdown(found))
    return 0


def _arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.gpu_check")
    parser.add_argument(
        "--report",
        type=Path,
        nargs="*",
        default=[],
        help="files to write after every step: JSON where the name ends so, else Markdown",
    )
    parser.add_argument("--device", default="cuda:0", help="cuda:0, cuda:1")
    parser.add_argument("--smoke", action="store_true", help="small models on a CPU")
    return parser.parse_args(arguments)


def _take(name: str, step: Callable[[], None], found: Found, limit_s: float) -> None:
    """Does one step, unless time is up; a card too small for it is told from a broken one."""
    if sum(found.seconds.values()) > limit_s:
        found.skipped.append(f"{name}, as {limit_s:.0f} s were over")
        return
    started = time.perf_counter()
    try:
        step()
    except torch.OutOfMemoryError:
        found.skipped.append(f"{name}, as the card's memory was too small")
    found.seconds[name] = round(time.perf_counter() - started, 1)
    Console(stderr=True).print(f"gpu-check: {name}: {found.seconds[name]} s", style="dim")


if __name__ == "__main__":
    sys.exit(main())
