"""Runs the ways by turns, and compares the answers that must agree."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from rich.console import Console

from tests.bench.engine_parts import seconds, timed_parts
from tests.bench.engine_size import LABELS, pictures
from tests.bench.engine_ways import OneByOne, Ours, Way, Written
from tests.bench.figures import Figure, Target

__all__ = [
    "COUNTS",
    "FULL",
    "QUICK",
    "Bench",
    "Effort",
    "Turn",
    "agreement",
    "agreement_of",
    "batch_sweep",
    "turns",
]

#: Labels asked of each image.
COUNTS = (1, 5, 20)
#: Log-probabilities in float32 may differ by so much between a batch and a single row.
_TOLERANCE = 5e-3


@dataclass(frozen=True, slots=True)
class Effort:
    """`rounds` of all three ways; ours on `images` at once, of A and B at most `calls` at a time."""

    rounds: int
    images: int
    calls: int


#: A quarter of an hour on two processors, and under eight minutes, other work beside it included.
FULL = Effort(rounds=3, images=2, calls=20)
QUICK = Effort(rounds=3, images=2, calls=3)


@dataclass(frozen=True, slots=True)
class Bench:
    """The three ways, and B and C once more in float32."""

    device: torch.device
    dtype: torch.dtype
    models: Mapping[str, Any]
    ways: Mapping[str, Way]
    exact: tuple[OneByOne, Ours]
    processor: Any


@dataclass(frozen=True, slots=True)
class Turn:
    """One way's turn: seconds for one image with all its labels, and each part's share of them.

    `cpu_seconds_per_image` adds up all processors.
    """

    way: str
    labels: int
    seconds_per_image: float
    cpu_seconds_per_image: float
    shares: Mapping[str, float]


def turns(bench: Bench, effort: Effort, console: Console) -> list[Turn]:
    """Measures every way on every number of labels, A B C A B C, after one call of each."""
    images = pictures(effort.images)
    for way in bench.ways.values():
        way.locate(images[:1], LABELS[:1])
    found = []
    for count in COUNTS * effort.rounds:
        for name in bench.ways:
            turn = _turn(bench, name, count, effort, images)
            found.append(turn)
            console.print(
                f"  {name} {count}: {turn.seconds_per_image:.2f} s per image", style="dim"
            )
    return found


def agreement(bench: Bench) -> Figure:
    """Compares B with C in float32 on two images and two prompts each."""
    images = pictures(2, seed=1)
    prompts = [f"Locate {label} in the image." for label in LABELS[:2]]
    theirs, ours = bench.exact
    never = ours.never_written
    single = [theirs.write(image, prompt, never) for image in images for prompt in prompts]
    return agreement_of(single, ours.write(images, prompts))


def agreement_of(theirs: Sequence[Written], ours: Sequence[Written]) -> Figure:
    """Gives the share of answers with the same tokens and, within a tolerance, probabilities."""
    apart = [
        max(abs(a - b) for a, b in zip(one.log_probs, other.log_probs, strict=True))
        for one, other in zip(theirs, ours, strict=True)
    ]
    same = [
        one.tokens == other.tokens and gap <= _TOLERANCE
        for one, other, gap in zip(theirs, ours, apart, strict=True)
    ]
    kinds = len({answer.tokens for answer in theirs})
    return Figure(
        "Answers of C equal to B's, in float32",
        100 * sum(same) / len(same),
        " %",
        f"{sum(same)} of {len(same)} answers, {kinds} of them unlike; log-probabilities at most {max(apart):.1g} apart",
        Target(100, at_least=True),
        {"largest_gaps": apart, "answers": [list(answer.tokens) for answer in ours]},
    )


def batch_sweep(bench: Bench) -> list[dict[str, float]]:
    """Images per second of ours with five labels, by the number of images at once."""
    found = []
    for batch in (1, 2, 4, 8, 16, 32, 64):
        tokens = bench.exact[1].tokens
        ours = Ours(
            bench.models["C"],
            bench.processor,
            tokens=tokens,
            image_batch=batch,
            row_batch=5 * batch,
        )
        images = pictures(batch)
        work = partial(ours.locate, images, LABELS[:5])
        work()
        took = min(seconds(work, bench.device) for _ in range(3))
        found.append({"images": batch, "images_per_s": batch / took})
    return found


def _turn(bench: Bench, name: str, count: int, effort: Effort, images: Sequence[Any]) -> Turn:
    asked, labels = (
        (images, LABELS[:count])
        if name == "C"
        # One image after another is what A and B do anyhow: one of them says it all.
        else (images[:1], LABELS[: min(count, effort.calls)])
    )
    with timed_parts(bench.models[name]) as parts:
        bench.ways[name].locate(asked, labels)
    scale = count / len(labels) / len(asked)
    return Turn(name, count, scale * parts.total, scale * parts.cpu_seconds, parts.shares())
