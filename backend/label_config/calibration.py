"""What a label's score says of being right, once people have reviewed it: a curve over the raw score. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass

__all__ = ["MOST", "Calibration", "logit"]

#: Beyond these numbers a curve is a step, and no score of a reviewed box led there.
MOST = 20.0
#: Scores are written with four decimals: beyond these a score says as good as never and always.
_LEAST, _GREATEST = 1e-4, 1 - 1e-4


def logit(score: float) -> float:
    """The logarithm of the odds of a score in 0..1; at both ends that of the nearest score told apart.

    >>> logit(0.5), round(logit(1.0), 2)
    (0.0, 9.21)
    """
    inside = min(max(score, _LEAST), _GREATEST)
    return math.log(inside / (1 - inside))


@dataclass(frozen=True, slots=True)
class Calibration:
    """A straight line over the logit of the raw score; it rises, so the order of a label's boxes stays."""

    slope: float
    shift: float

    def __post_init__(self) -> None:
        if not (0 < self.slope <= MOST and abs(self.shift) <= MOST):
            raise ValueError(
                f"expected a slope above 0 and up to {MOST:g} and a shift from -{MOST:g} to {MOST:g}, "
                f"got {self.slope:g} and {self.shift:g}"
            )

    def of(self, score: float) -> float:
        """The share of boxes with this raw score that are right.

        >>> Calibration(1.0, 0.0).of(0.75), round(Calibration(1.0, -1.0).of(0.75), 3)
        (0.75, 0.525)
        """
        if (self.slope, self.shift) == (1.0, 0.0):
            return score
        return 1 / (1 + math.exp(-(self.slope * logit(score) + self.shift)))

    @property
    def text(self) -> str:
        """As the label config has it.

        >>> Calibration(1.25, -0.4).text
        '1.25 -0.4'
        """
        return f"{self.slope:g} {self.shift:g}"

    @classmethod
    def parse(cls, text: str) -> Calibration:
        """What `text` wrote. Raises `ValueError` for anything else."""
        slope, shift = map(float, text.split())
        return cls(slope, shift)
