"""Measures the bundled checkpoints on held-out scenes: `python -m training.evaluate --n 300`.

Everything goes through `Runtime.run`, as it does for a worker. Writes a JSON report and prints it.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from models.matching import judged
from models.measures import (
    Counts,
    auroc,
    best_threshold,
    calibration_error,
    count_boxes,
)
from models.queries import Detect, Ground, Query
from models.runtime import LoadedRuntime, RuntimeOptions, load_runtime
from models.tiny.scenes import COLORS, SHAPES, Scene, generate_scene
from models.types import Box, Detection, Detections
from training.judging import NAMES, Figures, classification, rounded, run_each, texts

__all__ = ["evaluate", "main"]

#: Seeds from here on were never trained on.
HELD_OUT_SEED = 9_000_000_000


def evaluate(runtime: LoadedRuntime, *, n: int, seed: int) -> Figures:
    """Gives every figure for `n` scenes from `seed` on, as nested dicts ready for JSON."""
    scenes = [generate_scene(seed + number) for number in range(n)]
    chooser = random.Random(seed)  # noqa: S311 - picks phrases, guards nothing
    started = time.monotonic()
    figures: Figures = {
        "scenes": n,
        "seed": seed,
        "fingerprint": runtime.fingerprint,
        "device": runtime.device,
        "detection": _detection(runtime, scenes),
        "one phrase": _one_phrase(runtime, scenes, chooser),
        "joined": _joined(runtime, scenes, chooser),
        "labels: 7 shapes": _labels(runtime, scenes, SHAPES, _shape),
        "labels: 56 colours and shapes": _labels(runtime, scenes[: n // 4], NAMES, _name),
        "classification": classification(runtime, scenes),
        "texts": texts(runtime, scenes),
    }
    figures["seconds"] = round(time.monotonic() - started, 1)
    return figures


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the evaluation from the command line; gives the exit status."""
    parser = argparse.ArgumentParser(prog="python -m training.evaluate", description=__doc__)
    parser.add_argument("--n", type=int, default=300, help="scenes (default 300)")
    parser.add_argument("--seed", type=int, default=HELD_OUT_SEED, help="seed of the first scene")
    parser.add_argument("--report", type=Path, help="file to write the figures to, as JSON")
    parser.add_argument("--model", default="tiny", help="models to measure (default tiny)")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1 or mps")
    parser.add_argument("--threads", type=int, default=1, help="threads on a CPU (default 1)")
    given = parser.parse_args(arguments)
    options = RuntimeOptions(cpu_threads=given.threads)
    runtime = load_runtime(given.model, given.device, options=options)
    figures = evaluate(runtime, n=given.n, seed=given.seed)
    report = json.dumps(figures, indent=2)
    if given.report is not None:
        given.report.write_text(report + "\n", encoding="utf-8")
    sys.stdout.write(report + "\n")
    return 0


def _name(thing: tuple[str, str]) -> str:
    return " ".join(thing)


def _shape(thing: tuple[str, str]) -> str:
    return thing[1]


def _truth(scene: Scene, phrases: Iterable[str]) -> list[tuple[str, Box]]:
    """Gives each phrase with each box it names: colour and shape, or a shape of any colour."""
    return [
        (phrase, thing.box)
        for phrase in phrases
        for thing in scene.objects
        if phrase in (thing.name, thing.shape)
    ]


def _detections(
    runtime: LoadedRuntime, scenes: Sequence[Scene], queries: Sequence[Query]
) -> list[tuple[Detection, ...]]:
    outputs = run_each(runtime, scenes, queries)
    return [output.items for output in outputs if isinstance(output, Detections)]


def _box_figures(
    found: Sequence[Sequence[Detection]], truths: Sequence[Sequence[tuple[str, Box]]]
) -> Figures:
    """F1 without a threshold, and how well scores tell true boxes from false ones."""
    figures: Figures = {}
    for least_iou in (0.5, 0.75):
        counts = _total(found, truths, least_iou=least_iou)
        figures[f"f1@{least_iou}"] = round(counts.f1, 4)
        if least_iou == 0.5:
            figures["precision@0.5"] = round(counts.precision, 4)
            figures["recall@0.5"] = round(counts.recall, 4)
    scores = [detection.score or 0.0 for items in found for detection in items]
    true = [
        truth is True
        for items, truths_here in zip(found, truths, strict=True)
        for truth in judged(items, truths_here, least_iou=0.5)
    ]
    figures["boxes"] = len(scores)
    figures["false boxes"] = len(true) - sum(true)
    figures["score auroc"] = rounded(auroc(scores, true))
    figures["score ece"] = rounded(calibration_error(scores, true))
    return figures


def _total(
    found: Sequence[Sequence[Detection]],
    truths: Sequence[Sequence[tuple[str, Box]]],
    *,
    least_iou: float,
    threshold: float = 0.0,
) -> Counts:
    total = Counts()
    for items, truth in zip(found, truths, strict=True):
        sure = [item for item in items if item.score is None or item.score >= threshold]
        total += count_boxes(sure, truth, least_iou=least_iou)
    return total


def _detection(runtime: LoadedRuntime, scenes: Sequence[Scene]) -> Figures:
    found = _detections(runtime, scenes, [Detect()] * len(scenes))
    truths = [_truth(scene, {thing.name: None for thing in scene.objects}) for scene in scenes]
    return _box_figures(found, truths)


def _one_phrase(runtime: LoadedRuntime, scenes: Sequence[Scene], chooser: random.Random) -> Figures:
    """One phrase that is there and one that is not, but nearly, for each scene."""
    figures: Figures = {}
    kinds: dict[str, Callable[[Scene], tuple[str | None, str | None]]] = {
        "colour and shape": lambda scene: (
            chooser.choice(scene.objects).name if scene.objects else None,
            _nearly(scene, chooser),
        ),
        "shape": lambda scene: (
            chooser.choice(scene.objects).shape if scene.objects else None,
            _missing_shape(scene, chooser),
        ),
    }
    for name, choose in kinds.items():
        asked = [(scene, *choose(scene)) for scene in scenes]
        there = [(scene, phrase) for scene, phrase, _ in asked if phrase is not None]
        absent = [(scene, phrase) for scene, _, phrase in asked if phrase is not None]
        found = _ask(runtime, there)
        truths = [_truth(scene, [phrase]) for scene, phrase in there]
        boxed = sum(bool(items) for items in _ask(runtime, absent))
        figures[name] = {
            **_box_figures(found, truths),
            "present phrases missed": f"{sum(not items for items in found)}/{len(found)}",
            "absent phrases boxed": f"{boxed}/{len(absent)}",
            "absent phrases boxed, share": round(boxed / max(1, len(absent)), 4),
        }
    return figures


def _ask(runtime: LoadedRuntime, asked: Sequence[tuple[Scene, str]]) -> list[tuple[Detection, ...]]:
    scenes = [scene for scene, _ in asked]
    return _detections(runtime, scenes, [Ground((phrase,)) for _, phrase in asked])


def _nearly(scene: Scene, chooser: random.Random) -> str:
    """Gives a colour and shape that is not there, mostly with the colour or shape of one that is."""
    there = {thing.name for thing in scene.objects}
    while True:
        color, shape = chooser.choice(tuple(COLORS)), chooser.choice(SHAPES)
        if scene.objects and (luck := chooser.random()) < 0.9:
            near = chooser.choice(scene.objects)
            color, shape = (near.color, shape) if luck < 0.45 else (color, near.shape)
        if f"{color} {shape}" not in there:
            return f"{color} {shape}"


def _missing_shape(scene: Scene, chooser: random.Random) -> str | None:
    there = {thing.shape for thing in scene.objects}
    missing = [shape for shape in SHAPES if shape not in there]
    return chooser.choice(missing) if missing else None


def _joined(runtime: LoadedRuntime, scenes: Sequence[Scene], chooser: random.Random) -> Figures:
    """One to three phrases that are there and one or two that are not, in one prompt."""
    asked: list[tuple[str, ...]] = []
    absent = 0
    for scene in scenes:
        there = sorted({thing.name for thing in scene.objects})
        chosen = chooser.sample(there, min(len(there), chooser.randint(1, 3)))
        away = {_nearly(scene, chooser) for _ in range(chooser.randint(1, 2))}
        absent += len(away)
        phrases = [*chosen, *sorted(away)]
        chooser.shuffle(phrases)
        asked.append(tuple(phrases))
    found = _detections(runtime, scenes, [Ground(phrases, mode="joined") for phrases in asked])
    truths = [_truth(scene, phrases) for scene, phrases in zip(scenes, asked, strict=True)]
    boxed = sum(
        len({item.phrase for item in items} - {phrase for phrase, _ in truth})
        for items, truth in zip(found, truths, strict=True)
    )
    return {**_box_figures(found, truths), "absent phrases boxed": f"{boxed}/{absent}"}


def _labels(
    runtime: LoadedRuntime,
    scenes: Sequence[Scene],
    labels: tuple[str, ...],
    label_of: Callable[[tuple[str, str]], str],
) -> Figures:
    """A whole label set asked of every image, as a labelling project does; best threshold by F1."""
    found = _detections(runtime, scenes, [Ground(labels)] * len(scenes))
    truths = [
        [(label_of((thing.color, thing.shape)), thing.box) for thing in scene.objects]
        for scene in scenes
    ]
    best, by_threshold = best_threshold(
        lambda threshold: _total(found, truths, least_iou=0.5, threshold=threshold), now=0.0
    )
    return {
        **_box_figures(found, truths),
        "scenes": len(scenes),
        "best threshold": best,
        "f1@0.5 at best threshold": round(by_threshold[best].f1, 4),
        "f1@0.5 by threshold": {
            str(key): round(counts.f1, 4) for key, counts in by_threshold.items()
        },
    }


if __name__ == "__main__":
    raise SystemExit(main())
