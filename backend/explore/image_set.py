"""The images of an index as they are explored: vectors, looks, labels and small pictures, in one order."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from backend.explore.alignment import Small, small
from backend.explore.copies import ImageFacts
from backend.explore.copy_candidates import Signs, layouts
from backend.explore.neighbours import Floats, checked
from backend.explore.quality import ImageLooks

if TYPE_CHECKING:
    from backend.vectors.records import ImageRow, RegionRow
    from backend.vectors.store import IndexReader

__all__ = ["ImageSet", "image_name", "read_images"]

#: A choice divides a set into scenes when so many of its images have one.
_MOST_HAVE = 0.5


@dataclass(frozen=True, slots=True)
class ImageSet:
    """All that the questions go by; every list is in the order of `rows`."""

    rows: Sequence[ImageRow]
    vectors: Floats
    #: What people annotated; `None` where nobody has.
    labels: Sequence[frozenset[str] | None]
    #: The same, or what is predicted where nobody has annotated; `None` where neither is.
    any_labels: Sequence[frozenset[str] | None]
    #: Ids of the annotations of an image.
    annotations: Sequence[frozenset[int]]
    index: IndexReader
    state: str
    _pictures: dict[int, Small | None] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def facts(self) -> list[ImageFacts]:
        """What tells copies, and what is at odds among them."""
        return [
            ImageFacts(row.sha256, row.looks.pixels_sha256, labels, row.split)
            for row, labels in zip(self.rows, self.labels, strict=True)
        ]

    @property
    def looks(self) -> list[ImageLooks]:
        found = []
        for row in self.rows:
            seen = row.looks
            measures = (seen.brightness, seen.contrast, seen.sharpness, seen.commonest_share)
            found.append(ImageLooks(row.width, row.height, *measures))
        return found

    def picture(self, place: int) -> Small | None:
        """The thumbnail as it is compared; `None` where it is gone or no picture."""
        from PIL import Image

        if place not in self._pictures:
            data = self.index.thumbnail(self.rows[place].row)
            try:
                with Image.open(io.BytesIO(data or b"")) as image:
                    self._pictures[place] = small(image)
            except (OSError, ValueError):
                self._pictures[place] = None
        return self._pictures[place]

    def signs(self) -> Signs:
        """What copies are proposed by."""
        import numpy as np

        found = layouts([self.picture(place) for place in range(len(self))])
        hashes = np.array([row.looks.hash for row in self.rows], np.uint64)
        mirrored = np.array([row.looks.mirrored_hash for row in self.rows], np.uint64)
        return Signs(self.vectors, hashes, mirrored, *found)

    def scenes(self) -> tuple[str, list[str | None]] | None:
        """What each image shows as a whole, by the choice that most images have, and the name of its control tag.

        `None` where no choice is made for half of the images, or all have the same.
        """
        have = Counter(
            control for row in self.rows for control in {one.control for one in row.said}
        )
        for control, images in sorted(have.items(), key=lambda pair: (-pair[1], pair[0])):
            values = [
                next((one.value for one in row.said if one.control == control), None)
                for row in self.rows
            ]
            if images >= _MOST_HAVE * len(self.rows) and len({*values} - {None}) > 1:
                return control, values
        return None


def image_name(row: ImageRow) -> str:
    """How an image is called to people."""
    return row.path if row.task is None else f"task {row.task}"


def read_images(index: IndexReader) -> ImageSet:
    """Read the whole index. Raises `BadRequest` for a vector that is none, by the image's name."""
    state = index.state()
    rows = index.images()
    of: dict[int, list[RegionRow]] = {row.row: [] for row in rows}
    for region in index.regions():
        if region.image in of:
            of[region.image].append(region)
    vectors = index.vectors([row.row for row in rows])
    vectors = checked(vectors, [image_name(row) for row in rows])
    made = [_labels(row, of[row.row], annotated=True) for row in rows]
    told = [_labels(row, of[row.row], annotated=False) for row in rows]
    either = [told[place] if each is None else each for place, each in enumerate(made)]
    annotations = [_annotations(row, of[row.row]) for row in rows]
    return ImageSet(rows, vectors, made, either, annotations, index, state)


def _labels(
    row: ImageRow, regions: Sequence[RegionRow], *, annotated: bool
) -> frozenset[str] | None:
    """Of regions, and of choices about the whole image; `None` where nothing is from there."""
    made = [one.label for one in regions if (one.source == "annotation") == annotated]
    said = [one.value for one in row.said if (one.source == "annotation") == annotated]
    return frozenset(filter(None, [*made, *said])) if made or said else None


def _annotations(row: ImageRow, regions: Sequence[RegionRow]) -> frozenset[int]:
    results = [one.result for one in regions if one.source == "annotation"]
    results += [one.result for one in row.said if one.source == "annotation"]
    return frozenset(result for result in results if result is not None)
