"""The rules by which examples judge, chosen so that they judge best what they have not seen.

Tip-Adapter's form without training: the logit of a label is alpha times the sum over its examples of
exp(-beta (1 - cosine)), plus scale times the cosine with its text, plus a weight if it was predicted. Each
example is judged by those of other groups alone, and the rules that find its label likeliest are taken.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from backend.learning.evidence import FloatArray
from models.clip.heads import unwanted_share
from models.heads import HeadPart

__all__ = ["LabelExamples", "fitted_labels", "fitted_unwanted"]

_ALPHAS = (0.0, 0.1, 0.3, 0.6, 1.0, 2.0, 3.0, 5.0, 10.0, 30.0)
_BETAS = (1.0, 3.0, 6.0, 9.0, 12.0, 18.0, 30.0)
_SCALES = (0.0, 1.0, 3.0, 10.0, 20.0, 50.0)
_PREDICTED = (0.0, 1.0, 2.0, 4.0, 8.0)
_ROUNDS = 2
_UNWANTED_BETAS = (3.0, 10.0, 30.0, 100.0)


@dataclass(frozen=True, slots=True)
class LabelExamples:
    """Vectors of length 1, shape (n, width); the number of each one's true and predicted label; its group.

    A true label may be as many as there are labels: it was deleted, or nothing is there. So may a predicted one:
    nothing was predicted in its place.
    """

    vectors: FloatArray
    true: FloatArray
    predicted: FloatArray
    groups: FloatArray

    def only(self, which: FloatArray) -> LabelExamples:
        """Those that a mask, shape (n,), names."""
        return LabelExamples(
            self.vectors[which], self.true[which], self.predicted[which], self.groups[which]
        )

    def marks(self, labels: int) -> FloatArray:
        """Which label each has, shape (n, labels); a deleted one has none."""
        marks: FloatArray = (self.true[:, None] == np.arange(labels)[None, :]).astype(np.float32)
        return marks

    def given(self, labels: int) -> FloatArray:
        """Which label was predicted for each, shape (n, labels); none where nothing was."""
        given: FloatArray = (self.predicted[:, None] == np.arange(labels)[None, :]).astype(
            np.float32
        )
        return given

    def near(self) -> FloatArray:
        """Cosine of each with each, shape (n, n); minus infinity with those of its own group."""
        near = self.vectors @ self.vectors.T
        near[self.groups[:, None] == self.groups[None, :]] = -np.inf
        return near


def fitted_labels(part: HeadPart, examples: LabelExamples, texts: FloatArray) -> HeadPart:
    """The part with alpha, beta, scale and the weight of the predicted label that these examples choose."""
    wanted = examples.only(examples.true < len(part.labels))
    if not len(wanted.true):
        return part
    near, marks = wanted.near(), wanted.marks(len(part.labels))
    told, own = wanted.vectors @ texts.T, np.arange(len(wanted.true))
    given = wanted.given(len(part.labels))
    sums = {beta: np.exp(-beta * (1 - near)) @ marks for beta in _BETAS}

    def loss(rules: HeadPart) -> float:
        logits = rules.alpha * sums[rules.beta] + rules.scale * told + rules.predicted * given
        top = logits.max(1)
        total = np.log(np.exp(logits - top[:, None]).sum(1)) + top
        return float((total - logits[own, wanted.true]).mean())

    found = replace(part, alpha=1.0, beta=_BETAS[2], scale=_SCALES[2], predicted=1.0)
    for _ in range(_ROUNDS):
        tries = [replace(found, alpha=alpha, beta=beta) for beta in _BETAS for alpha in _ALPHAS]
        found = min(tries, key=loss)
        found = min((replace(found, scale=scale) for scale in _SCALES), key=loss)
        found = min((replace(found, predicted=weight) for weight in _PREDICTED), key=loss)
    return found


def fitted_unwanted(part: HeadPart, examples: LabelExamples) -> HeadPart:
    """The part with the sharpness that tells deleted ones best."""
    unwanted = (examples.true == len(part.labels)).astype(np.float32)
    near = examples.near()
    alone = ~np.isfinite(near).any(1)
    near[alone] = 0.0

    def loss(beta: float) -> float:
        shares = unwanted_share(beta, near, unwanted)
        sure = np.clip(np.where(unwanted > 0, shares, 1 - shares), 0.01, 0.99)
        return float(-np.log(sure).mean())

    return replace(part, unwanted_beta=min(_UNWANTED_BETAS, key=loss))
