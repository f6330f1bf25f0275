"""Measures `firstpass tune` in the lab: `python -m tests.bench.bench_review_tune`.

Thresholds are planted wrong (0.1 and 0.9), scenes with some noise reviewed by a scripted person, and the
project tuned. What that is worth is measured on other scenes: those which the next run reviews. How often
good thresholds are left alone takes more seeds than models can answer: there reviewed scenes are drawn from
all those of the runs, and the threshold that is best on all of them is the good one.
"""

from __future__ import annotations

import argparse
import random
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from statistics import fmean

from backend.demo.review_scenes import SPECKLED, truth_of
from backend.pages.summary import to_json
from backend.tuning.aim import Aim
from backend.tuning.cuts import CUTS, chosen_cut
from backend.tuning.evidence import LabelKey, OnImage
from models.matching import judged
from tests.bench.figures import Figure, Target
from tests.bench.review_lab import ReviewLab, boxes_in, seeds_of
from tests.bench.tune_lab import evidence_of, planted, tune

__all__ = ["main"]

RUNS, SCENES = 5, 250
#: How often boxes are drawn that are right exactly as often as their scores say.
DRAWS = 200
WRONG = (0.1, 0.9)
#: Boxes that were reviewed when scores are calibrated, and bins of as many boxes each.
CALIBRATED_AFTER, BINS = 200, 10
#: Seeds of which it is counted whether good thresholds stay.
GOOD_SEEDS = 200


def main(arguments: Sequence[str] | None = None) -> int:
    """Run it and print the figures; 0 where all targets are met."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.bench_review_tune")
    parser.add_argument("--quick", action="store_true", help="two runs, fewer scenes and seeds")
    parser.add_argument(
        "--first", type=int, default=0, help="the first run, for seeds that nothing was chosen on"
    )
    parser.add_argument("--report", type=Path, help="file for all figures, as JSON")
    given = parser.parse_args(arguments)
    count, scenes, seeds = (2, 80, 20) if given.quick else (RUNS, SCENES, GOOD_SEEDS)
    runs = range(given.first, given.first + count)
    figures: list[Figure] = []
    for figure in (
        *thresholds(runs, scenes),
        *good_ones(runs, scenes, seeds),
        *scores(runs, scenes),
    ):
        figures.append(figure)
        verdict = {None: "", True: "met", False: "MISSED"}[figure.met]
        bound = f" ({figure.target})" if figure.target is not None else ""
        sys.stdout.write(
            f"{figure.title}: {figure.value:.4g}{figure.unit}{bound} {verdict}; {figure.against}\n"
        )
        sys.stdout.flush()
    if given.report is not None:
        given.report.write_text(
            to_json({"figures": [asdict(one) | {"met": one.met} for one in figures]})
        )
    return 0 if all(one.met is not False for one in figures) else 1


def thresholds(runs: range, scenes: int) -> Iterator[Figure]:
    """Planted wrong thresholds: what changing them is worth on scenes that nobody reviewed."""
    gains: list[float] = []
    worse: list[str] = []
    touched: list[str] = []
    raw = []
    for run in runs:
        labels = [label.value for label in SPECKLED.labels]
        wrong = {name: WRONG[(number + run) % 2] for number, name in enumerate(labels)}
        lab = planted(SPECKLED, wrong)
        done = tune(lab, lab.reviewed(_scenes(run, scenes)))
        f1s = done.f1s(_scenes(_other(runs, run), scenes))
        changed = {one.label: f1s[one.label] for one in done.changed}
        worse += [f"{name} of run {run}" for name, (old, new) in changed.items() if new < old]
        touched += [f"{one.label} of run {run}" for one in done.changed if one.reviewed < 30]
        gains.append(fmean(new - old for old, new in changed.values()) if changed else 0.0)
        raw.append([{**asdict(one), "held_out": f1s[one.label]} for one in done.labels])
    kept = sum(1 for run in raw for one in run if not one["changes"])
    yield Figure(
        "least mean gain of F1 on held-out scenes", min(gains), "", f"by run: {_listed(gains)}",
        Target(1e-9, at_least=True), {"labels": raw},
    )  # fmt: skip
    yield Figure(
        "labels that are worse after a change", len(worse), "",
        f"of {len(runs) * len(SPECKLED.labels) - kept} changed, {kept} left; {', '.join(worse) or 'none'}", Target(0),
    )  # fmt: skip
    few = sum(one["reviewed"] < 30 for run in raw for one in run)
    yield Figure(
        "labels of under 30 reviewed boxes that changed", len(touched), "", f"of {few}", Target(0)
    )


def good_ones(runs: range, count: int, seeds: int) -> Iterator[Figure]:
    """How often all labels stay where each threshold is the best one of all scenes."""
    lab = ReviewLab(SPECKLED)
    scenes: list[dict[LabelKey, list[OnImage]]] = []
    for run in runs:
        found = evidence_of(lab, lab.reviewed(_scenes(run, count)))
        by_task: dict[int, dict[LabelKey, list[OnImage]]] = {n + 1: {} for n in range(count)}
        for key, images in found.items():
            for one in images:
                by_task[one.task].setdefault(key, []).append(one)
        scenes += by_task.values()
    keys = sorted({key for scene in scenes for key in scene})
    best = {key: best_cut(_renumbered(scenes, key)) for key in keys}
    moved = []
    for seed in range(seeds):
        drawn = random.Random(seed).choices(scenes, k=count)
        moved.append([key[1] for key in keys if _moves(_renumbered(drawn, key), best[key])])
    stay = sum(not some for some in moved) / seeds
    yield Figure(
        "share of simulated seeds in which all good thresholds stay", stay, "",
        f"{seeds} seeds of {count} of {len(scenes)} reviewed scenes; thresholds "
        f"{', '.join(f'{key[1]} {least:g}' for key, least in best.items())}",
        Target(0.95, at_least=True), {"moved": moved},
    )  # fmt: skip


def scores(runs: range, scenes: int) -> Iterator[Figure]:
    """How far scores are from the share of right boxes, before and after, and where there is nothing to put right."""
    before, after, least, reviewed = [], [], [], []
    for run in runs:
        lab = ReviewLab(SPECKLED)
        tasks, boxes = [], 0
        for task in lab.reviewed(_scenes(run, scenes)):
            tasks.append(task)
            boxes += len(task["predictions"][0]["result"])
            if boxes >= CALIBRATED_AFTER:
                break
        done = tune(lab, tasks, curves=True)
        others = _scenes(_other(runs, run), scenes)
        before.append(error_of(pairs_of(lab, others)))
        after.append(error_of(pairs := pairs_of(done.after, others)))
        least.append(error_of_right_scores([score for score, _ in pairs]))
        reviewed.append(boxes)
    told = f"before {_listed(before)}, after {_listed(after)}; reviewed {_listed(reviewed)} boxes"
    yield Figure(
        "greatest calibration error after 200 reviewed boxes", max(after), "", told, Target(0.05)
    )
    yield Figure(
        "calibration error of scores that are right, on as many boxes", fmean(least), "", f"by run: {_listed(least)}"
    )  # fmt: skip
    worst = max(new - old for old, new in zip(before, after, strict=True))
    yield Figure("most that it is worse than before", max(0.0, worst), "", told, Target(0.005))


def _scenes(run: int, count: int) -> range:
    return seeds_of(run, count, part=1)


def _other(runs: range, run: int) -> int:
    """The run whose scenes are held out for this one."""
    return runs[(runs.index(run) + 1) % len(runs)]


def pairs_of(lab: ReviewLab, seeds: Sequence[int]) -> list[tuple[float, bool]]:
    """Each predicted box's score, and whether it is right."""
    pairs: list[tuple[float, bool]] = []
    for task, seed in zip(lab.predicted(seeds), seeds, strict=True):
        found = boxes_in(task["predictions"][0]["result"])
        verdicts = judged(found, truth_of(seed, lab.domain).boxes, least_iou=0.5)
        pairs += [
            (one.score or 0.0, bool(right)) for one, right in zip(found, verdicts, strict=True)
        ]
    return pairs


def error_of_right_scores(scores: Sequence[float]) -> float:
    """What `error_of` finds by chance alone where each box is right as often as its score says: nothing is below."""
    chance = random.Random(0)
    drawn = ([(one, chance.random() < one) for one in scores] for _ in range(DRAWS))
    return fmean(map(error_of, drawn))


def error_of(pairs: Sequence[tuple[float, bool]]) -> float:
    """Mean distance of score and share of right boxes, over bins of as many boxes each."""
    pairs = sorted(pairs)
    step = len(pairs) / BINS
    bins = [pairs[round(n * step) : round((n + 1) * step)] for n in range(BINS)]
    return sum(
        abs(sum(score for score, _ in some) - sum(right for _, right in some)) for some in bins
    ) / len(pairs)


def best_cut(images: Sequence[OnImage]) -> float:
    """The threshold of the best F1, the lowest of several: not the one that `tune` would take in its place."""
    there = sum(one.there for one in images)
    boxes = [box for one in images for box in one.boxes]

    def f1(least: float) -> float:
        passed = [box.right for box in boxes if box.score >= least]
        return 2 * sum(passed) / max(1, len(passed) + there)

    return max(CUTS, key=f1)


def _moves(images: Sequence[OnImage], now: float) -> bool:
    return chosen_cut(images, now, CUTS[0], Aim()).acts


def _renumbered(
    scenes: Sequence[Mapping[LabelKey, Sequence[OnImage]]], key: LabelKey
) -> list[OnImage]:
    """The label in these scenes, each a task of its own, be it drawn twice."""
    return [
        replace(one, task=number)
        for number, scene in enumerate(scenes)
        for one in scene.get(key, ())
    ]


def _listed(values: Sequence[float]) -> str:
    return ", ".join(f"{value:.3g}" for value in values)


if __name__ == "__main__":
    sys.exit(main())
