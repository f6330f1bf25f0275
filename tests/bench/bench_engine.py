"""Measures the Florence-2 engine: `make bench-engine REPORT=FILE.json` (`QUICK=1` for a first look).

Random weights of the base model's size answer with a forced number of tokens for 1, 5 and 20 labels:
(A) the common way, one image and one label for each `generate` call, in float32 with three beams; (B)
the same without beams in our number format; (C) ours. They take turns, and medians are taken. A and B
make the same call for each label, so no more than `calls` of them are timed, and the rest reckoned.
Besides, what a second prompt of a person costs on the image that the first was asked of.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import asdict
from pathlib import Path

import torch
from rich.console import Console

from models.devices import device_words, pick_device, pick_dtype
from models.florence2.engine import placed
from tests.bench.engine_figures import machine_words, speed_figures, tower_figure, ways_table
from tests.bench.engine_measure import FULL, QUICK, Bench, Effort, agreement, batch_sweep, turns
from tests.bench.engine_parts import tower_speed
from tests.bench.engine_prompts import second_prompt
from tests.bench.engine_size import real_size
from tests.bench.engine_ways import OneByOne, Ours
from tests.bench.report import Report

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark and write the report; 0 also where a target is missed: it says so."""
    given = _arguments(arguments)
    effort = QUICK if given.quick else FULL
    device = pick_device(given.device)
    report = Report("The engine", {"quick": given.quick, "tokens": given.tokens, **asdict(effort)})
    bench = _bench(device, given.dtype, given.tokens)
    report.settings |= {"device": device_words(device), **machine_words(bench.dtype)}
    _measure(bench, effort, report)
    if device.type == "cuda":
        report.settings["batch_sweep"] = batch_sweep(bench)
    out = Console()
    # A file or a pipe has no width of its own.
    out = out if out.is_terminal else Console(width=140)
    out.print(ways_table(report))
    out.print(report.table())
    aimed = sum(figure.target is not None for figure in report.figures)
    out.print(
        f"{aimed - len(report.missed)} of {aimed} targets met, in {sum(report.seconds.values()):.0f} s on "
        f"{report.settings['device']} in {report.settings['dtype']}; load {report.machine_before['load'][0]} before it began."
    )
    if given.report is not None:
        report.write(given.report)
        out.print(f"All numbers: {given.report}")
    return 0


def _arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.bench_engine")
    parser.add_argument("--report", type=Path, help="file for all raw numbers, as JSON")
    parser.add_argument("--quick", action="store_true", help="fewer calls and rounds")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, mps")
    parser.add_argument("--dtype", default="auto", help="of B and C: auto, float32, bfloat16")
    # A phrase of two tokens and three boxes, and a few more.
    parser.add_argument("--tokens", type=int, default=16, help="of every answer")
    return parser.parse_args(arguments)


def _bench(device: torch.device, dtype: str, tokens: int) -> Bench:
    size = real_size()
    ours = pick_dtype(dtype, device, parameters=size.model.num_parameters())
    exact = size.model.to(device)
    # Models of their own, so that B is transformers as it comes.
    plain, fast = deepcopy(exact).to(ours), placed(deepcopy(exact), device, ours)
    exact_ours = placed(deepcopy(exact), device, torch.float32)
    return Bench(
        device=device,
        dtype=ours,
        models={"A": exact, "B": plain, "C": fast},
        ways={
            "A": OneByOne(exact, size.processor, beams=3, tokens=tokens),
            "B": OneByOne(plain, size.processor, beams=1, tokens=tokens),
            "C": Ours(fast, size.processor, tokens=tokens),
        },
        exact=(
            OneByOne(exact, size.processor, beams=1, tokens=tokens),
            Ours(exact_ours, size.processor, tokens=tokens),
        ),
        processor=size.processor,
    )


def _measure(bench: Bench, effort: Effort, report: Report) -> None:
    console = Console(stderr=True)
    at_once = 1 if bench.device.type == "cpu" else effort.images
    steps = {
        "agreement": lambda: report.figures.append(agreement(bench)),
        "tower": lambda: report.figures.append(
            tower_figure(tower_speed(bench.models["C"], at_once, effort.rounds + 2))
        ),
        "prompts": lambda: report.figures.append(second_prompt(bench, effort.rounds)),
        "speed": lambda: report.figures.extend(speed_figures(turns(bench, effort, console))),
    }
    for name, step in steps.items():
        console.print(f"bench-engine: {name}", style="dim")
        started = time.monotonic()
        step()
        report.seconds[name] = time.monotonic() - started


if __name__ == "__main__":
    try:
        sys.exit(main())
    except ValueError as error:
        sys.exit(f"bench-engine: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
