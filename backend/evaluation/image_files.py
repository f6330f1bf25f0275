"""The image files of a dataset, found by the names that its annotations give them."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from urllib.parse import quote

from backend.dataset.folder import FoundImage, walk_images
from backend.errors import BadRequest, Failure, ImageNotFound
from backend.evaluation.labelled import ANY_IMAGE, LabelledTask, Truth
from backend.wording import images as in_words

__all__ = ["DATA_KEY", "NO_FILE", "ImageFiles", "image_task", "refuse_images_elsewhere"]

#: Where a dataset's task has its image; its address is that of a local file of Label Studio.
DATA_KEY = "image"
SHOWN = 3
NO_FILE = "no file of that name is in the folder of images"


class ImageFiles:
    """The images below a folder."""

    def __init__(self, folder: Path) -> None:
        """Raises `BadRequest` when there is no such folder, or no image in it."""
        self.folder = folder
        self._by_path = {image.path: image for image in walk_images(folder)}
        if not self._by_path:
            raise BadRequest(
                f"expected images in {folder} (JPEG, PNG, WebP, GIF, BMP, TIFF or AVIF, by their names), "
                "found none"
            )
        self._by_name: defaultdict[str, list[FoundImage]] = defaultdict(list)
        self._by_stem: defaultdict[str, list[FoundImage]] = defaultdict(list)
        for image in self._by_path.values():
            self._by_name[PurePosixPath(image.path).name].append(image)
            self._by_stem[PurePosixPath(image.path).stem].append(image)

    def __len__(self) -> int:
        return len(self._by_path)

    def all(self) -> Sequence[FoundImage]:
        """Every image, by path."""
        return list(self._by_path.values())

    def find(self, name: str) -> FoundImage | None:
        """The image of that path below the folder; else the one that shares the longest end of it.

        `None` where there is none, or several that fit as well.
        """
        parts = PurePosixPath(name.replace("\\", "/")).parts
        for start in range(len(parts)):
            found = self._by_path.get("/".join(parts[start:]).lstrip("/"))
            if found is not None:
                return found
        called = self._by_name.get(parts[-1] if parts else "", [])
        fitting = sorted(called, key=lambda image: -_shared_end(image.path, parts))
        if not fitting:
            return None
        ends = [_shared_end(image.path, parts) for image in fitting[:2]]
        return None if len(ends) > 1 and ends[0] == ends[1] else fitting[0]

    def beside(self, annotations: Path, name: str) -> FoundImage | None:
        """The image that a file of its own, somewhere in or beside the folder, calls by that name.

        Every subfolder may have an image of the same name: first counts the one next to the file.
        """
        called = PurePosixPath(name.replace("\\", "/")).name
        near = Path(os.path.relpath(annotations.parent, self.folder)).joinpath(called).as_posix()
        return self._by_path.get(near) or self.find(name) or self.find(near)

    def why_not(self, name: str) -> str:
        """Why no image is found by that name."""
        several = self._by_name.get(PurePosixPath(name.replace("\\", "/")).name, [])
        if len(several) < 2:
            return NO_FILE
        named = ", ".join(image.path for image in several[:SHOWN])
        return f"several files of that name are in the folder of images ({named}): its path must say which"

    def of_stem(self, stem: str) -> FoundImage | None:
        """The only image of that name without its suffix."""
        called = self._by_stem.get(stem, [])
        return called[0] if len(called) == 1 else None


def image_task(
    name: str, image: FoundImage | None, truth: Truth, why_not: str = NO_FILE
) -> LabelledTask:
    """The task of a dataset's image; a failed one where the file is not there, or cannot be told."""
    if image is None:
        gone = Failure.of(ImageNotFound(why_not))
        return LabelledTask(name, {}, {ANY_IMAGE: truth}, failure=gone)
    if not image.is_utf8:
        odd = Failure.of(ImageNotFound("expected a file name in UTF-8; rename the file"))
        return LabelledTask(image.path, {}, {ANY_IMAGE: truth}, failure=odd)
    address = f"/data/local-files/?d={quote(image.path)}"
    return LabelledTask(image.path, {DATA_KEY: address}, {ANY_IMAGE: truth}, stamp=image.stamp)


def refuse_images_elsewhere(tasks: Sequence[LabelledTask], annotations: Path, folder: Path) -> None:
    """Raises `BadRequest` where not one image that the annotations name is in the folder."""
    reasons = {task.failure.message if task.failure is not None else "" for task in tasks}
    if reasons != {NO_FILE}:
        return
    named = ", ".join(task.key for task in tasks[:SHOWN])
    raise BadRequest(
        f"{annotations} names {in_words(len(tasks))} ({named}{', ...' if len(tasks) > SHOWN else ''}), and "
        f"none of them is in {folder}: give the folder that they lie in"
        " (and the file as --annotations)"
    )


def _shared_end(path: str, parts: Sequence[str]) -> int:
    count = 0
    for one, other in zip(reversed(PurePosixPath(path).parts), reversed(parts), strict=False):
        if one != other:
            break
        count += 1
    return count
