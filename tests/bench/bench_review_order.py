"""Measures `firstpass order`: how many corrections the first fifth of its order holds: `python -m tests.bench.bench_review_order`.

Of scenes whose truth is known some are reviewed before, by a scripted person, and the others are put in order
as the command does it; then the same person reviews those. A random order holds a fifth of the corrections in
its first fifth. Beside it stand the order without anything reviewed before, and the one by the score of the task.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from backend.demo.review_scenes import NOISY, PLAIN, label_config
from backend.plain import Json
from backend.review.disagreements import meanings_of
from backend.review.edit_chances import EditChances, EditCounts
from backend.review.task_doubts import doubts_of
from backend.review.task_order import in_order
from tests.bench.review_lab import ReviewLab, seeds_of

__all__ = ["main"]

SEEDS = 5
REVIEWED, OPEN = 60, 150
FIRST = 0.2
LEAST_RATIO = 1.5
#: The threshold that is planted: far too low, so that much is predicted that is not there.
PLANTED = {"model_score_threshold": "0.15"}
LABS = {
    "planted thresholds": ReviewLab(PLAIN, label_config(PLAIN, PLANTED)),
    "planted thresholds, noisy": ReviewLab(NOISY, label_config(NOISY, PLANTED)),
    "noisy": ReviewLab(NOISY),
}
#: Whose ratios are the target; the others are for information.
OURS = "by what was reviewed"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run it and print a line for each lab and seed; 0 where the target is met in all."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.bench_review_order")
    parser.add_argument("--report", type=Path)
    parser.add_argument("--seeds", type=int, default=SEEDS)
    given = parser.parse_args(arguments)
    found = {name: [ratios(lab, run) for run in range(given.seeds)] for name, lab in LABS.items()}
    missed = 0
    for name, runs in found.items():
        for run, one in enumerate(runs):
            met = one[OURS] >= LEAST_RATIO
            missed += not met
            others = ", ".join(f"{way} {ratio:.2f}" for way, ratio in one.items() if way != OURS)
            sys.stdout.write(
                f"{'met' if met else 'MISSED'}: {name}, seed {run}: the first fifth holds {one[OURS]:.2f} times the "
                f"corrections of a random one (at least {LEAST_RATIO}); {others}\n"
            )
    if given.report is not None:
        given.report.write_text(json.dumps({"order": found}, indent=2) + "\n")
    return 1 if missed else 0


def ratios(lab: ReviewLab, run: int) -> Mapping[str, float]:
    """By each way of ordering: the corrections in the first fifth, in those of a random fifth."""
    counts = EditCounts(meanings_of(lab.xml))
    for review, _ in lab.reviews(lab.reviewed(seeds_of(run, REVIEWED))):
        counts.add(review)
    tasks = lab.reviewed(seeds_of(run, OPEN, part=1))
    edits = {task.id: review.edits for review, task in lab.reviews(tasks)}
    by_score = sorted(tasks, key=lambda task: task["predictions"][0]["score"] or 2.0)
    return {
        OURS: _ratio(ordered(lab, tasks, counts.fitted()), edits),
        "by raw scores": _ratio(ordered(lab, tasks, EditChances()), edits),
        "by the task's score": _ratio([task["id"] for task in by_score], edits),
        "corrections per task": sum(edits.values()) / len(edits),
    }


def ordered(lab: ReviewLab, tasks: Sequence[Json], chances: EditChances) -> list[int]:
    """The tasks as the command puts them in order."""
    meanings = meanings_of(lab.xml)
    rows = (task for (_, task) in lab.reviews(tasks))
    doubts = [doubts_of(task.id, task.predictions[0], chances, meanings) for task in rows]
    return [one.task for one in in_order(doubts)]


def _ratio(order: Sequence[int], edits: Mapping[int, int]) -> float:
    first = order[: round(FIRST * len(order))]
    total = sum(edits.values())
    return sum(edits[task] for task in first) / (len(first) / len(order) * total) if total else 0.0


if __name__ == "__main__":
    sys.exit(main())
