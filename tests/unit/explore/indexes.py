"""An index of made-up vectors over drawn pictures: what the command explores, without any model."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from backend.vectors.file_store import FileIndex
from backend.vectors.file_writer import open_writer
from backend.vectors.places import IndexPlace
from backend.vectors.records import ImageRow, IndexedImage, IndexedRegion, Looks, RegionRow
from tests.unit.vectors.made_rows import LOOKS, place_in

__all__ = ["index_of", "labelled"]


def labelled(label: str, annotation: int) -> IndexedRegion:
    """A box that a person drew."""
    row = RegionRow(
        "annotation", annotation, "r1", "label", label, (0.1, 0.2, 0.5, 0.6), None, LOOKS
    )
    return IndexedRegion(row, (1.0, *[0.0] * 31), b"crop")


def index_of(
    home: Path,
    vectors: Sequence[Sequence[float]] | Any,
    pictures: Sequence[Image.Image] = (),
    regions: Sequence[Sequence[IndexedRegion]] = (),
    name: str = "project-3-0a1b2c3d",
) -> tuple[IndexPlace, FileIndex]:
    """The images of tasks 1, 2, ... with these vectors."""
    place = place_in(home, name)
    with open_writer(place) as writer:
        writer.put(
            _image(number, vector, pictures, regions) for number, vector in enumerate(vectors)
        )
    return place, FileIndex(place)


def _image(
    number: int,
    vector: Sequence[float],
    pictures: Sequence[Image.Image],
    regions: Sequence[Sequence[IndexedRegion]],
) -> IndexedImage:
    picture = pictures[number] if number < len(pictures) else Image.new("RGB", (64, 48))
    file = io.BytesIO()
    picture.convert("RGB").save(file, "JPEG", quality=90)
    digest = hashlib.sha256(f"{number}".encode()).hexdigest()
    # Hashes that are no nearer than chance makes them.
    one, mirrored = (
        int(hashlib.sha256(f"{way} {number}".encode()).hexdigest()[:16], 16) for way in "ab"
    )
    looks = Looks(digest, one, mirrored, 0.5, 0.25, 120.0, 0.1)
    task = number + 1
    row = ImageRow(
        str(task), task, 0, f"/data/{task}.png", "s", digest, picture.width, picture.height, looks
    )
    own = tuple(regions[number]) if number < len(regions) else ()
    return IndexedImage(row, tuple(float(value) for value in vector), file.getvalue(), own)
