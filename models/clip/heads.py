"""Heads at work: what the examples of a project say of a vector, as Tip-Adapter does it without training."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load

from models.heads import HeadCard, HeadPart, HeadUnusable, read_card
from models.protocols import HeadMissing, HeadSource
from models.queries import Judge
from models.types import Judgement

__all__ = ["FloatArray", "Heads", "label_logits", "unwanted_share"]

#: Of float32.
FloatArray: TypeAlias = NDArray[Any]

#: Heads that are kept in memory: each is at most 8 MiB, and twice that once it is read.
_KEPT = 8


def label_logits(
    part: HeadPart, near: FloatArray, marks: FloatArray, told: FloatArray
) -> FloatArray:
    """Gives a logit for each label.

    `near`: cosine with each example, shape (n,) or (m, n); `marks`: which label each example has, shape (n,
    labels); `told`: cosine with the text of each label, shape (labels,) or (m, labels).
    """
    return part.alpha * (np.exp(-part.beta * (1 - near)) @ marks) + part.scale * told


def unwanted_share(beta: float, near: FloatArray, unwanted: FloatArray) -> FloatArray:
    """Gives the share in 0..1 of examples that people deleted, the nearer the more they count."""
    # The nearest counts 1, so that a vector far from all has a share, too.
    weight = np.exp(beta * (near - near.max(-1, keepdims=True)))
    share: FloatArray = (weight @ unwanted) / weight.sum(-1)
    return share


@dataclass(frozen=True, slots=True)
class _Tensors:
    examples: FloatArray
    marks: FloatArray
    unwanted: FloatArray
    texts: FloatArray


@dataclass(frozen=True, slots=True)
class _Loaded:
    card: HeadCard
    parts: tuple[_Tensors, ...]


class Heads:
    """Judges vectors by heads that `source` finds; for one thread. `classifier`: see `HeadCard`."""

    def __init__(self, source: HeadSource | None, classifier: str) -> None:
        self._source = source
        self._classifier = classifier
        self._loaded: OrderedDict[str, _Loaded] = OrderedDict()

    def judge(self, query: Judge, vector: FloatArray) -> Judgement:
        """Gives what a part of a head says of a vector of length 1, shape (width,). Raises `HeadMissing`."""
        loaded = self._head(query.head)
        if query.part >= len(loaded.parts):
            raise HeadMissing(f"the learned head {query.head} has no part {query.part}")
        if vector.shape != (loaded.card.width,):
            raise HeadMissing(
                f"the learned head {query.head} is for vectors of {loaded.card.width} numbers, got {len(vector)}"
            )
        rules, known = loaded.card.parts[query.part], loaded.parts[query.part]
        near = known.examples @ vector
        logits = label_logits(rules, near, known.marks, known.texts @ vector)
        shares = np.exp(logits - logits.max()) if len(logits) else logits
        unwanted = 0.0
        if known.unwanted.any():
            unwanted = float(unwanted_share(rules.unwanted_beta, near, known.unwanted))
        return Judgement(
            rules.labels,
            tuple(round(float(share), 6) for share in shares / max(shares.sum(), 1e-9)),
            round(unwanted, 6),
        )

    def _head(self, fingerprint: str) -> _Loaded:
        if fingerprint not in self._loaded:
            self._loaded[fingerprint] = self._read(fingerprint)
            while len(self._loaded) > _KEPT:
                self._loaded.popitem(last=False)
        self._loaded.move_to_end(fingerprint)
        return self._loaded[fingerprint]

    def _read(self, fingerprint: str) -> _Loaded:
        data = self._source(fingerprint) if self._source is not None else None
        if data is None:
            raise HeadMissing(f"the learned head {fingerprint} is not there any more")
        try:
            card = read_card(data, fingerprint)
        except HeadUnusable as error:
            raise HeadMissing(f"the learned head {fingerprint} cannot be used: {error}") from error
        if card.classifier != self._classifier:
            raise HeadMissing(
                f"the learned head {fingerprint} is for vectors of another model ({card.classifier})"
            )
        tensors = load(data)
        return _Loaded(
            card, tuple(_tensors(tensors, number, part) for number, part in enumerate(card.parts))
        )


def _tensors(tensors: dict[str, FloatArray], number: int, part: HeadPart) -> _Tensors:
    labels = tensors[f"{number}.labels"]
    marks = (labels[:, None] == np.arange(len(part.labels))[None, :]).astype(np.float32)
    return _Tensors(
        np.nan_to_num(tensors[f"{number}.examples"].astype(np.float32)),
        marks,
        (labels == len(part.labels)).astype(np.float32),
        np.nan_to_num(tensors[f"{number}.texts"].astype(np.float32)),
    )
