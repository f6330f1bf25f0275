"""Which images of a dataset are trained on, and which are kept for validating.

What an image shows decides, not its name or place: copies of a picture stay on one side, also as another
kind of file, and an image stays on its side when the folder grows.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from PIL import Image

__all__ = ["TRAIN", "VALIDATE", "Split"]

TRAIN, VALIDATE = "train", "val"
_DIGEST_BYTES = 8


class Split:
    """Takes images one by one; about `share` of all different pictures are for training.

    >>> split = Split(0.5)
    >>> for name in ("a", "b", "copy of a"):
    ...     split.add(name, Image.new("RGB", (1, 1), "red" if name == "b" else "blue"))
    >>> split.sides()
    {'train': ['a', 'copy of a'], 'val': ['b']}
    """

    def __init__(self, share: float) -> None:
        """`share` lies between 0 and 1."""
        self._share = share
        self._places: list[tuple[float, str]] = []

    def add(self, name: str, image: Image.Image) -> None:
        """Take note of an upright RGB image."""
        digest = hashlib.sha256(f"{image.width}x{image.height}\n".encode())
        digest.update(image.tobytes())
        place = int.from_bytes(digest.digest()[:_DIGEST_BYTES], "big") / 256**_DIGEST_BYTES
        self._places.append((place, name))

    def sides(self) -> dict[str, Sequence[str]]:
        """The names on each side, in the order in which they came.

        Neither is empty, for a dataset needs both: a single picture is on both.
        """
        places = sorted({place for place, _ in self._places})
        if len(places) < 2:
            names = [name for _, name in self._places]
            return {TRAIN: names, VALIDATE: names}
        bound = min(max(self._share, _between(places[0], places[1])), places[-1])
        return {
            TRAIN: [name for place, name in self._places if place < bound],
            VALIDATE: [name for place, name in self._places if place >= bound],
        }


def _between(one: float, other: float) -> float:
    return (one + other) / 2
