"""Images that may be of little use: blurred, dark, bright, pale, of one colour, or of an odd size. Pure.

Limits are those of the set itself, so that a set of night shots is not all dark, and wide ones beside that hold for any.
Each is a hint: a blurred picture may be just what is wanted.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from backend.explore.ranked import Ranked

__all__ = ["ImageLooks", "quality_hints"]

#: Beyond so many usual distances from the middle of the set something is odd.
_FAR = 4.0
#: Fewer images have no usual.
_LEAST_IMAGES = 12
#: Makes the median distance comparable to a standard deviation.
_NORMAL = 1.4826


@dataclass(frozen=True, slots=True)
class ImageLooks:
    """Size in pixels; brightness and contrast of grey, 0..1; variance of the Laplacian with 256 pixels on the longer
    side; the share of the commonest colour, 0..1."""

    width: int
    height: int
    brightness: float
    contrast: float
    sharpness: float
    commonest_share: float


@dataclass(frozen=True, slots=True)
class _Measure:
    """One thing measured: odd where it is beyond `bound`, or far from the set's middle and beyond `at_least`."""

    kind: str
    words: str
    value: Callable[[ImageLooks], float]
    #: 1: too much of it is odd; -1: too little; 0: either.
    side: int
    #: Odd in any set.
    bound: float | None
    #: Never odd before this, however even the set.
    at_least: float
    #: Least distance that counts as usual: an even set makes no trifle odd.
    spread: float


def _log(value: float) -> float:
    return math.log(max(value, 1e-3))


_MEASURES = (
    _Measure("one colour", "{0:.0%} of it has one colour", lambda one: one.commonest_share, 1, 0.97, 0.85, 0.05),
    _Measure("dark", "mean brightness {0:.0%}", lambda one: one.brightness, -1, 0.04, 0.25, 0.04),
    _Measure("bright", "mean brightness {0:.0%}", lambda one: one.brightness, 1, 0.97, 0.8, 0.04),
    _Measure("pale", "contrast {0:.1%}", lambda one: one.contrast, -1, 0.015, 0.06, 0.02),
    _Measure("blurred", "sharpness {1:.3g}, usual here is {2:.3g}", lambda one: _log(one.sharpness), -1, _log(2), _log(150), 0.3),
    _Measure("size", "{1:.3g} megapixels, usual here is {2:.3g}", lambda one: _log(one.width * one.height / 1e6), 0, None, 0.0, 0.2),
    _Measure("shape", "{3} x {4} pixels", lambda one: abs(_log(one.width / one.height)), 1, _log(5), _log(2.5), 0.1),
    _Measure("tiny", "{3} x {4} pixels", lambda one: float(min(one.width, one.height)), -1, 24.0, 0.0, 1.0),
)  # fmt: skip


def quality_hints(looks: Sequence[ImageLooks]) -> list[Ranked]:
    """Give what is odd about single images, the oddest first; one image may be odd in several ways."""
    found = [hint for measure in _MEASURES for hint in _odd(measure, looks)]
    plain = {hint.item for hint in found if hint.kind == "one colour"}
    # What has one colour is neither sharp nor rich in contrast: that says nothing more.
    kept = [
        hint for hint in found if hint.item not in plain or hint.kind not in ("blurred", "pale")
    ]
    return sorted(kept, key=lambda hint: (-hint.score, hint.item, hint.kind))


def _odd(measure: _Measure, looks: Sequence[ImageLooks]) -> Iterator[Ranked]:
    from statistics import median

    values = [measure.value(one) for one in looks]
    if not values:
        return
    middle = median(values)
    usual = max(measure.spread, _NORMAL * median(abs(value - middle) for value in values))
    for item, (value, one) in enumerate(zip(values, looks, strict=True)):
        away = (value - middle) / usual
        away = abs(away) if measure.side == 0 else away * measure.side
        beyond = measure.side * (value - measure.at_least) > 0 if measure.side else True
        far = away > _FAR and beyond and len(values) >= _LEAST_IMAGES
        wrong = measure.bound is not None and measure.side * (value - measure.bound) > 0
        if far or wrong:
            words = measure.words.format(
                value,
                math.exp(min(value, 30.0)),
                math.exp(min(middle, 30.0)),
                one.width,
                one.height,
            )
            score = round(max(away / _FAR, 1.0 if wrong else 0.0), 3)
            yield Ranked(item, score, measure.kind, f"{measure.kind}: {words}")
