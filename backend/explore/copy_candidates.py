"""Which pairs of images may be copies: by hash, by vector, and by how light and colour lie. Pure.

Each sign misses some copies: a hash those that are cut, a vector those that are mirrored. None proves one, so a
pair that is proposed here is told only after `alignment` has compared the two.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from backend.explore.alignment import Small
from backend.explore.neighbours import Floats, nearest

__all__ = ["Candidate", "Signs", "candidates", "layouts"]

#: Bits of 64 in which the hashes of copies may differ.
HASH_BITS = 8
#: Of each image so many of its nearest are proposed, by each sign.
_NEAREST = 4
#: Copies lie at least so alike on a grid of 8 x 8: of 1,500 copies of scenes the least had 0.867.
_LEAST_LAYOUT = 0.86
_GRID = 8
#: Vectors are alike when they are more so than this share of pairs drawn by chance.
_ALIKE_SHARE = 0.995
_DRAWN = 20_000


@dataclass(frozen=True, slots=True)
class Signs:
    """What pairs are proposed by; rows of all are the same images.

    `vectors` float32 of length 1, `hashes` and `mirrored_hashes` uint64 (of the image, and of it mirrored),
    `layouts` and `mirrored_layouts` as `layouts` gives them. What is `None` proposes nothing.
    """

    vectors: Floats | None = None
    hashes: Floats | None = None
    mirrored_hashes: Floats | None = None
    layouts: Floats | None = None
    mirrored_layouts: Floats | None = None


@dataclass(slots=True)
class Candidate:
    """A pair of places, the lower first, and how near by each sign that proposed it."""

    one: int
    other: int
    bits: int | None = None
    vector: float | None = None
    layout: float | None = None
    mirrored: bool = False
    #: How likely it is a copy, to compare the likeliest first.
    strength: float = field(default=0.0)


def layouts(pictures: Sequence[Small | None]) -> tuple[Floats, Floats]:
    """Give how light and colour lie in each picture, as vectors of length 1, and the same mirrored.

    Of a picture that there is none of, and of one of a single colour, all zeros.
    """
    import cv2
    import numpy as np

    found = np.zeros((len(pictures), _GRID, _GRID, 3), np.float32)
    for place, picture in enumerate(pictures):
        if picture is not None:
            soft = cv2.GaussianBlur(picture, (0, 0), 4)
            found[place] = cv2.resize(soft, (_GRID, _GRID), interpolation=cv2.INTER_AREA)
    both = []
    for grid in (found, found[:, :, ::-1]):
        flat = grid.reshape(len(found), _GRID * _GRID * 3)
        flat = flat - flat.mean(axis=1, keepdims=True)
        lengths = np.linalg.norm(flat, axis=1, keepdims=True)
        both.append(
            np.where(lengths > 0.02, flat / np.maximum(lengths, 0.02), 0).astype(np.float32)
        )
    return both[0], both[1]


def candidates(signs: Signs) -> list[Candidate]:
    """Give the pairs that may be copies, the likeliest first."""
    found: dict[tuple[int, int], Candidate] = {}
    _by_hash(signs, found)
    _by_layout(signs, found)
    _by_vector(signs, found)
    return sorted(found.values(), key=lambda one: (-one.strength, one.one, one.other))


def _pair(found: dict[tuple[int, int], Candidate], one: int, other: int) -> Candidate:
    key = (min(one, other), max(one, other))
    return found.setdefault(key, Candidate(*key))


def _by_hash(signs: Signs, found: dict[tuple[int, int], Candidate]) -> None:
    import numpy as np

    if signs.hashes is None or len(signs.hashes) < 2:
        return
    own = np.asarray(signs.hashes, np.uint64)
    for others, mirrored in ((own, False), (signs.mirrored_hashes, True)):
        if others is None:
            continue
        step = max(1, 16_000_000 // len(own))
        for start in range(0, len(own), step):
            block = np.bitwise_count(own[start : start + step, None] ^ np.asarray(others)[None])
            block[np.arange(len(block)), start + np.arange(len(block))] = 255
            # Of many equal frames each proposes its nearest only: else they were a square of pairs.
            near = min(_NEAREST, len(own) - 1)
            best = np.argpartition(block, near - 1, axis=1)[:, :near]
            bits = np.take_along_axis(block, best, axis=1)
            for row, column in np.argwhere(bits <= HASH_BITS):
                pair = _pair(found, start + int(row), int(best[row, column]))
                few = int(bits[row, column])
                if pair.bits is None or few < pair.bits:
                    pair.bits, pair.mirrored = few, mirrored
                pair.strength = max(pair.strength, 2 - pair.bits / HASH_BITS)


def _by_layout(signs: Signs, found: dict[tuple[int, int], Candidate]) -> None:
    import numpy as np

    if signs.layouts is None:
        return
    for others, mirrored in ((signs.layouts, False), (signs.mirrored_layouts, True)):
        if others is None:
            continue
        places, alike = nearest(signs.layouts, _NEAREST + 1, others=others)
        for row, column in np.argwhere(alike >= _LEAST_LAYOUT):
            other, value = int(places[row, column]), round(float(alike[row, column]), 4)
            if other == row:
                continue
            pair = _pair(found, int(row), other)
            if pair.layout is None or value > pair.layout:
                pair.layout = value
                pair.mirrored = mirrored if pair.bits is None else pair.mirrored
            pair.strength = max(pair.strength, value)


def _by_vector(signs: Signs, found: dict[tuple[int, int], Candidate]) -> None:
    import numpy as np

    if signs.vectors is None or len(signs.vectors) < 2:
        return
    vectors = signs.vectors
    drawn = np.random.default_rng(0).integers(len(vectors), size=(2, _DRAWN))
    drawn = drawn[:, drawn[0] != drawn[1]]
    usual = float(np.quantile((vectors[drawn[0]] * vectors[drawn[1]]).sum(axis=1), _ALIKE_SHARE))
    places, alike = nearest(vectors, _NEAREST)
    for row, column in np.argwhere(alike >= usual - 1e-6):
        pair = _pair(found, int(row), int(places[row, column]))
        pair.vector = round(float(alike[row, column]), 4)
        pair.strength = max(pair.strength, pair.vector - 0.3)
    for pair in found.values():
        if pair.vector is None:
            pair.vector = round(float(vectors[pair.one] @ vectors[pair.other]), 4)
