"""Turns as ratios beside their targets, and the table of the ways. Pure but for the machine's words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from statistics import median
from typing import Any

import torch
from rich import box
from rich.table import Table

from tests.bench.engine_measure import COUNTS, Turn
from tests.bench.engine_parts import TowerSpeed
from tests.bench.figures import Figure, Target, ratios
from tests.bench.report import Report

__all__ = ["TARGETS", "machine_words", "speed_figures", "tower_figure", "ways_table"]

#: Ours over A, and over B, on two CPU cores, by the number of labels.
TARGETS = {"A": {1: 2.5, 5: 8.0, 20: 20.0}, "B": {1: 1.0, 5: 3.0, 20: 6.0}}
_NAMES = {
    "A": "A: a call per label, float32, 3 beams",
    "B": "B: a call per label, our format, no beams",
    "C": "C: ours",
}
_PARTS = ("vision", "encoder", "decoder", "other")


def speed_figures(turns: Sequence[Turn]) -> list[Figure]:
    """Gives how many times faster ours is than A and than B, for each number of labels.

    The median of the rounds' ratios: neighbours in time, as the machine's load comes and goes.
    """
    figures = []
    for against, bounds in TARGETS.items():
        for labels in COUNTS:
            theirs, ours = (_of(turns, way, labels) for way in (against, "C"))
            slower = ratios(*([turn.seconds_per_image for turn in side] for side in (theirs, ours)))
            work = ratios(
                *([turn.cpu_seconds_per_image for turn in side] for side in (theirs, ours))
            )
            figures.append(
                Figure(
                    f"C over {against}, labels: {labels}",
                    median(slower),
                    "x",
                    f"{_per_s(ours):.3g} images/s against {_per_s(theirs):.3g}; "
                    f"by CPU time {median(work):.3g}x",
                    Target(bounds[labels], at_least=True),
                    {
                        "ratios": slower,
                        "cpu_ratios": work,
                        "turns": [asdict(turn) for turn in (*ours, *theirs)],
                    },
                )
            )
    return figures


def tower_figure(speed: TowerSpeed) -> Figure:
    """Gives the vision tower's speed as a share of a matrix product's."""
    return Figure(
        "Vision tower's speed, of a plain matrix product's",
        100 * speed.share,
        " %",
        f"{speed.operations / 1e9:.0f} GFLOP per image at {speed.tower_per_s / 1e9:.0f} GFLOP/s "
        f"against {speed.product_per_s / 1e9:.0f}",
        raw=asdict(speed),
    )


def ways_table(report: Report) -> Table:
    """One row for each way and number of labels: images per second and where the time goes."""
    table = Table(title="The ways", box=box.SIMPLE_HEAD, title_justify="left")
    table.add_column("way")
    for name in ("labels", "images/s", "ratio to A", *_PARTS):
        table.add_column(name, justify="right")
    turns = _recorded(report)
    for labels in COUNTS:
        slowest = _per_s(_of(turns, "A", labels))
        for way, name in _NAMES.items():
            rows = _of(turns, way, labels)
            shares = [f"{median(row.shares[part] for row in rows):.0%}" for part in _PARTS]
            speed = _per_s(rows)
            table.add_row(name, str(labels), f"{speed:.3g}", f"{speed / slowest:.1f}x", *shares)
    return table


def machine_words(dtype: torch.dtype) -> dict[str, Any]:
    """The number format, and what the processor can do with it."""
    can = torch.cpu.get_capabilities()
    named = ("cpu_name", "avx512_f", "avx512_bf16", "amx_tile", "amx_bf16")
    return {
        "dtype": str(dtype).removeprefix("torch."),
        "threads": torch.get_num_threads(),
        "cpu": {name: can.get(name) for name in named},
    }


def _of(turns: Sequence[Turn], way: str, labels: int) -> list[Turn]:
    return [turn for turn in turns if turn.way == way and turn.labels == labels]


def _per_s(turns: Sequence[Turn]) -> float:
    return 1 / median(turn.seconds_per_image for turn in turns)


def _recorded(report: Report) -> list[Turn]:
    """Gives the turns behind the figures; those of ours stand beside A and beside B."""
    return [
        Turn(**turn)
        for figure in report.figures
        for turn in figure.raw.get("turns", ())
        if turn["way"] != "C" or " A," in figure.title
    ]
