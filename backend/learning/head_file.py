"""Learned tags -> the bytes of a head."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from safetensors.numpy import save

from backend.learning.learned_tag import LearnedTag
from models.heads import MOST_BYTES, MOST_EXAMPLES, head_fingerprint, metadata_of

__all__ = ["head_bytes", "most_examples"]


def most_examples(width: int, tags: int) -> int:
    """How many examples each of so many tags may have, so that the head stays within its bounds.

    >>> most_examples(512, 1), most_examples(1024, 2)
    (4000, 1843)
    """
    room = int(MOST_BYTES * 0.9) // (2 * width) // max(1, tags)
    return min(MOST_EXAMPLES, room)


def head_bytes(classifier: str, learned: Sequence[LearnedTag]) -> tuple[str, bytes] | None:
    """The fingerprint and the bytes of a head of what is on; `None` where nothing is."""
    on = [one for one in learned if one.is_on]
    if not on:
        return None
    tensors = {}
    for number, one in enumerate(on):
        tensors[f"{number}.examples"] = np.ascontiguousarray(one.examples.vectors, np.float16)
        tensors[f"{number}.labels"] = one.examples.true.astype(np.int32)
        tensors[f"{number}.texts"] = np.ascontiguousarray(one.texts, np.float16)
    width = int(on[0].texts.shape[1])
    data = save(tensors, metadata=metadata_of(classifier, width, tuple(one.part for one in on)))
    return head_fingerprint(data), data
