"""What a person waits for: the second prompt on an image beside the first, whose features are kept."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from statistics import median

import torch
from PIL import Image

from tests.bench.engine_measure import Bench
from tests.bench.engine_parts import seconds
from tests.bench.engine_size import LABELS, pictures
from tests.bench.engine_ways import Ours
from tests.bench.figures import Figure, Target, ratios

__all__ = ["TARGET", "prompt_figure", "second_prompt"]

#: Of the first prompt's model time.
TARGET = 0.4


def second_prompt(bench: Bench, rounds: int) -> Figure:
    """Measures two prompts on each of several images, after one image to warm up."""
    ours = bench.ways["C"]
    if not isinstance(ours, Ours):
        raise TypeError(f"expected our way under C, got {type(ours).__name__}")
    first, second = [], []
    for image in pictures(rounds + 1, seed=2):
        one, other = _two_prompts(ours, image, bench.device)
        first.append(one)
        second.append(other)
    return prompt_figure(first[1:], second[1:])


def prompt_figure(first: Sequence[float], second: Sequence[float]) -> Figure:
    """Gives the median of the rounds' ratios; seconds of each prompt."""
    shares = ratios(second, first)
    return Figure(
        "Second prompt's model time on an image, of the first's",
        median(shares),
        "",
        f"{median(second):.2f} s against {median(first):.2f} s",
        Target(TARGET),
        {"ratios": shares, "first_s": list(first), "second_s": list(second)},
    )


def _two_prompts(ours: Ours, image: Image.Image, device: torch.device) -> tuple[float, float]:
    locate = ours.looking_at(image)
    one, other = (seconds(partial(locate, label), device) for label in LABELS[:2])
    return one, other
