"""Whether answers of a batch equal those of single images."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import takewhile
from typing import Any

import torch

from models.florence2.parsing import Answer
from models.protocols import ImageQueries
from models.queries import Classify
from models.types import Classification
from tests.bench.engine_size import LABELS, pictures
from tests.bench.gpu_check_ways import Loaded, answers

__all__ = ["agreement", "compared", "tag_agreement"]


def agreement(found: Loaded, *, images: int, labels: int, beams: int) -> dict[str, Any]:
    """Asks every label of every image, all at once and one by one, and compares the answers."""
    shown, asked = pictures(images, seed=1), LABELS[:labels]
    with _exact_convolutions():
        batched = answers(found.runtime, shown, asked, beams=beams, single=False)
        single = answers(found.runtime, shown, asked, beams=beams, single=True)
    return compared(batched, single)


def compared(batched: Sequence[Answer], single: Sequence[Answer]) -> dict[str, Any]:
    """Gives the share of answers with equal tokens, and how far log-probabilities are apart.

    The latter up to the first token that differs: what follows another beginning is another answer.
    """
    equal, gaps = 0, [0.0]
    for one, other in zip(batched, single, strict=True):
        equal += one.tokens == other.tokens
        pairs = list(zip(one.tokens, other.tokens, strict=False))
        same = len(list(takewhile(lambda pair: pair[0] == pair[1], pairs)))
        both = zip(one.token_log_probs[:same], other.token_log_probs[:same], strict=True)
        gaps += [abs(a - b) for a, b in both]
    return {
        "answers": len(single),
        "unlike": len({answer.tokens for answer in single}),
        "equal": equal,
        "largest_gap": max(gaps),
    }


def tag_agreement(found: Loaded, *, images: int, labels: int) -> float:
    """Gives the largest difference of a candidate's probability between a batch and single images."""
    query, shown = Classify(LABELS[:labels]), pictures(images, seed=1)
    items = [ImageQueries(image, f"at once {at}", (query,)) for at, image in enumerate(shown)]
    alone = [ImageQueries(image, f"alone {at}", (query,)) for at, image in enumerate(shown)]
    batched = [_shares(output) for (output,) in found.runtime.run_raw(items)]
    single = [_shares(found.runtime.run_raw([item])[0][0]) for item in alone]
    return max(
        abs(a - b)
        for one, other in zip(batched, single, strict=True)
        for a, b in zip(one, other, strict=True)
    )


def _shares(output: object) -> tuple[float, ...]:
    if not isinstance(output, Classification):
        raise TypeError(f"expected a classification, got {type(output).__name__}")
    return output.probabilities


@contextmanager
def _exact_convolutions() -> Iterator[None]:
    """Computes convolutions of float32 in float32: cuDNN takes 10 bits of 23 unless told otherwise."""
    allowed = torch.backends.cudnn.allow_tf32
    torch.backends.cudnn.allow_tf32 = False
    try:
        yield
    finally:
        torch.backends.cudnn.allow_tf32 = allowed
