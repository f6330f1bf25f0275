"""Whether two pictures are copies of one: laid over each other as well as they can be, and compared. Pure.

Hashes and vectors propose; this decides, on pictures of some hundred pixels. A copy may be smaller, brighter,
compressed, a little cut at its edges, or mirrored.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PIL import Image

__all__ = ["LEAST_LIKENESS", "Likeness", "Small", "likeness", "small"]

#: A small picture, float32 in 0..1, shape (SIDE, SIDE, 3), RGB.
Small: TypeAlias = "NDArray[Any]"

SIDE = 96
#: The picture on which the first guess is made, and how much of its middle is looked for.
_COARSE, _MIDDLE = 32, 24
#: What of a side is left of a copy that was cut at its edges; 1: nothing was cut.
_LEFT = (1.0, 0.94, 0.88, 0.82)
#: A first guess below this leads nowhere: of copies the least was 0.82.
_LEAST_GUESS = 0.7
#: Most steps of laying one over the other.
_STEPS = 30
#: Of a picture at least so much must lie over the other.
_LEAST_OVERLAP = 0.6
#: Pixels at the edge of the overlap that are not compared, and sides of the blocks of which the worst counts.
_EDGE, _BLOCK = 5, 12
#: From here on two pictures are copies of one. Of 1,500 copies of scenes the least had 0.933,
#: of 1,200 pairs of different scenes that look most alike the most had 0.893.
LEAST_LIKENESS = 0.92


@dataclass(frozen=True, slots=True)
class Likeness:
    """How like two pictures are: 1 is the same; `mirrored` tells the way in which they are most alike."""

    score: float
    mirrored: bool = False

    @property
    def is_copy(self) -> bool:
        return self.score >= LEAST_LIKENESS


def small(picture: Image.Image) -> Small:
    """Give the picture as it is compared: squashed to a square."""
    import numpy as np
    from PIL import Image

    square = picture.convert("RGB").resize((SIDE, SIDE), Image.Resampling.BOX)
    return np.asarray(square, np.float32) / 255


def likeness(one: Small, other: Small) -> Likeness:
    """Give how like two pictures are, as they stand or mirrored, whichever is more.

    >>> import numpy as np
    >>> picture = np.random.default_rng(0).random((SIDE, SIDE, 3), np.float32)
    >>> likeness(picture, picture).is_copy, likeness(picture, picture[:, ::-1]).mirrored
    (True, True)
    """
    import numpy as np

    straight = _score(one, other)
    if straight >= LEAST_LIKENESS:
        return Likeness(straight)
    turned = _score(one, np.ascontiguousarray(other[:, ::-1]))
    return Likeness(straight) if straight >= turned else Likeness(turned, mirrored=True)


def _score(one: Small, other: Small) -> float:
    """How like they are in 0..1: the least of three measures, so that each has a say."""
    import cv2
    import numpy as np

    as_is = _compared(one, other, np.ones(one.shape[:2], bool))
    if as_is >= LEAST_LIKENESS:
        return as_is
    grey, others = (cv2.cvtColor(each, cv2.COLOR_RGB2GRAY) for each in (one, other))
    guess, warp = _first_guess(grey, others)
    if guess < _LEAST_GUESS:
        return max(as_is, 0.0)
    warp = _refined(grey, others, warp)
    laid, whole = (
        cv2.warpAffine(
            each,
            warp,
            (SIDE, SIDE),
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=border,
        )
        for each, border in (
            (other, cv2.BORDER_REPLICATE),
            (np.ones((SIDE, SIDE), np.float32), cv2.BORDER_CONSTANT),
        )
    )
    over = cv2.erode((whole > 0.5).astype(np.uint8), np.ones((_EDGE, _EDGE), np.uint8)) > 0
    if over.mean() < _LEAST_OVERLAP:
        return max(as_is, 0.0)
    return max(as_is, _compared(one, laid, over))


def _first_guess(grey: Small, other: Small) -> tuple[float, Small]:
    """Where the middle of one lies in the other, at several sizes; both ways, since either may be the cut one.

    Gives the correlation there, and the affine map from places in `grey` to places in `other`.
    """
    import cv2
    import numpy as np

    best, found = -1.0, np.eye(2, 3, dtype=np.float32)
    for swapped in (False, True):
        whole, cut = (other, grey) if swapped else (grey, other)
        field = cv2.resize(whole, (_COARSE, _COARSE), interpolation=cv2.INTER_AREA)
        for left in _LEFT[1:] if swapped else _LEFT:
            side = round(_COARSE * left)
            start = (side - _MIDDLE) // 2
            shrunk = cv2.resize(cut, (side, side), interpolation=cv2.INTER_AREA)
            middle = shrunk[start : start + _MIDDLE, start : start + _MIDDLE]
            _, value, _, at = cv2.minMaxLoc(cv2.matchTemplate(field, middle, cv2.TM_CCOEFF_NORMED))
            if value > best:
                scale, unit = side / _COARSE, SIDE / _COARSE
                x, y = ((place - start) * unit for place in at)
                maps = (
                    [[scale, 0, x], [0, scale, y]]
                    if swapped
                    else [[1 / scale, 0, -x / scale], [0, 1 / scale, -y / scale]]
                )
                best, found = float(value), np.array(maps, np.float32)
    return best, found


def _refined(grey: Small, other: Small, warp: Small) -> Small:
    """The map that lays one over the other best; the first guess where none is found."""
    import cv2
    import numpy as np

    end = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, _STEPS, 1e-4)
    mask = np.full(grey.shape, 255, np.uint8)
    try:
        _, best = cv2.findTransformECC(grey, other, warp.copy(), cv2.MOTION_AFFINE, end, mask, 5)
    except cv2.error:  # the two are so different that no step makes it better
        return warp
    found: Small = best
    return found


def _compared(one: Small, other: Small, over: Small) -> float:
    """The least of correlation, structural similarity and what the worst block leaves; in places that are `over`.

    Brightness and contrast may differ by a factor: that is how copies are made.
    """
    import cv2
    import numpy as np

    first, second = (cv2.GaussianBlur(each, (0, 0), 1.2) for each in (one, other))
    x, y = first[over], second[over]
    x_mean, y_mean = float(x.mean()), float(y.mean())
    x, y = x - x_mean, y - y_mean
    product, x_square, y_square = (float((a * b).sum()) for a, b in ((x, y), (x, x), (y, y)))
    if min(x_square, y_square) < 1e-3:  # of one colour, as is the other or not
        alike = max(x_square, y_square) < 1e-3 and abs(x_mean - y_mean) < 0.02
        return 1.0 if alike else 0.0
    correlation = product / (x_square * y_square) ** 0.5
    gain = min(1.6, max(0.6, product / y_square))
    fitted = (second - y_mean) * gain + x_mean
    apart = np.where(over, np.abs(first - fitted).mean(axis=2), 0)
    blocks = (_BLOCK, _BLOCK)
    sums = cv2.boxFilter(apart, -1, blocks, normalize=False)
    counts = cv2.boxFilter(over.astype(np.float32), -1, blocks, normalize=False)
    worst = float((sums / np.maximum(counts, _BLOCK**2 / 2)).max())
    greys = (cv2.cvtColor(each.astype(np.float32), cv2.COLOR_RGB2GRAY) for each in (first, fitted))
    structure = float(_structure(*greys)[over].mean())
    return float(max(0.0, min(correlation, structure, 1 - worst / 2)))


def _structure(one: Small, other: Small) -> Small:
    """The structural similarity at each place (Wang and others, 2004), with a Gaussian window."""
    import cv2

    def mean(values: Small) -> Small:
        soft: Small = cv2.GaussianBlur(values, (0, 0), 2.5)
        return soft

    a, b = mean(one), mean(other)
    a_spread, b_spread = mean(one * one) - a * a, mean(other * other) - b * b
    both = mean(one * other) - a * b
    light, contrast = 0.01**2, 0.03**2
    shared = (2 * a * b + light) * (2 * both + contrast)
    apart: Small = (a * a + b * b + light) * (a_spread + b_spread + contrast)
    found: Small = shared / apart
    return found
