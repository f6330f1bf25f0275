"""Shares of what was counted, with how much of each may owe to chance. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass

__all__ = ["Share", "share_of"]

#: Standard deviations to each side that hold 95 of 100 cases.
_Z = 1.959964
_DECIMALS = 4


@dataclass(frozen=True, slots=True)
class Share:
    """`count` out of `of`; from `low` to `high` in 95 of 100 cases, all `None` out of none."""

    count: int
    of: int
    share: float | None = None
    low: float | None = None
    high: float | None = None

    @property
    def words(self) -> str:
        """The share with its interval, for people.

        >>> share_of(9, 10).words, share_of(0, 0).words
        ('90 % (60-98)', '-')
        """
        if self.share is None or self.low is None or self.high is None:
            return "-"
        return f"{100 * self.share:.0f} % ({100 * self.low:.0f}-{100 * self.high:.0f})"


def share_of(count: int, of: int) -> Share:
    """The share with its 95 % interval after Wilson, which holds for few cases and at 0 and 1, too."""
    if of == 0:
        return Share(count, of)
    share, square = count / of, _Z * _Z
    middle = (share + square / (2 * of)) / (1 + square / of)
    reach = _Z * math.sqrt(share * (1 - share) / of + square / (4 * of * of)) / (1 + square / of)
    low, high = max(0.0, middle - reach), min(1.0, middle + reach)
    return Share(count, of, *(round(each, _DECIMALS) for each in (share, low, high)))
