"""A folder's predictions made into a dataset: which labels it holds, its images, its objects."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from unicodedata import normalize

import cv2
import numpy as np

from backend.bulk.dataset_files import DatasetFormat, split_dataset, write_dataset
from backend.bulk.dataset_image import DatasetImage, Outlined
from backend.bulk.dataset_split import TRAIN, VALIDATE, Split
from backend.bulk.dataset_yolo import MOST_CLASSES
from backend.bulk.siblings import Siblings, siblings_of
from backend.bulk.task_file import OutputUnwritable
from backend.errors import BadRequest, ImageError, ImageUnreachable, OutOfMemory
from backend.images.decode import decode_image, image_facts
from backend.images.local_files import read_local_file
from backend.label_config.class_numbers import class_numbers
from backend.prediction.plan import Plan
from backend.prediction.read_regions import read_regions
from backend.prediction.region_shapes import Polygon, Rectangle
from backend.prediction.shape_pixels import corners_of
from backend.settings import Settings
from models.types import ImageSize

__all__ = ["DatasetTarget", "dataset_classes", "has_outlines", "left_out"]

#: Control tags, by how their names begin, whose regions these formats hold, and those they do not.
_HELD = ("Rectangle", "Polygon")
_NOT_HELD = ("Brush", "Ellipse", "KeyPoint")
#: Copied as they are, under this suffix; others become PNG, which all training tools read alike.
_COPIED = {"JPEG": ".jpg", "PNG": ".png", "BMP": ".bmp", "WEBP": ".webp"}
#: Says that a folder was written by us and may be replaced.
MARKER = "firstpass.json"
#: Bytes of a file name without its suffix; file systems take 255 in all.
LONGEST_STEM = 200


def dataset_classes(plan: Plan, xml: str, format_name: DatasetFormat) -> dict[str, int]:
    """The labels of a label config with their numbers as classes, as Label Studio exports them.

    Raises `BadRequest` when nothing is drawn, a tag draws what the format does not hold, or the format
    cannot hold the numbers.
    """
    unheld = [step.control for step in plan.steps if step.control.kind.startswith(_NOT_HELD)]
    if unheld:
        named = ", ".join(f"<{control.kind} name={control.name!r}>" for control in unheld)
        raise BadRequest(
            f"--format {format_name} holds boxes and polygons; the label config also has {named}: "
            'write the tasks as JSON instead (without --format), or set model_skip="true" on these tags'
        )
    drawn = [step.control for step in plan.steps if step.control.kind.startswith(_HELD)]
    if not drawn:
        raise BadRequest(
            f"--format {format_name} holds boxes and polygons; the label config has neither: write the "
            "tasks as JSON instead (without --format)"
        )
    classes = class_numbers(xml)
    if format_name is not DatasetFormat.VOC:
        _check_numbers(classes, format_name)
    return classes


def _check_numbers(classes: Mapping[str, int], format_name: DatasetFormat) -> None:
    """Raises `BadRequest` for numbers (`category` of labels) that a reader would mix up."""
    most = MOST_CLASSES if format_name is DatasetFormat.YOLO else None
    by_number: dict[int, str] = {}
    for label, number in classes.items():
        if number in by_number:
            raise BadRequest(
                f"--format {format_name} names classes by number, but the label config gives {number} "
                f"to {by_number[number]!r} and {label!r}; give each label a category of its own"
            )
        if number < 0 or (most is not None and number >= most):
            bound = "" if most is None else f" and below {most:,}"
            raise BadRequest(
                f"--format {format_name} numbers classes from 0 on{bound}, but the label config gives "
                f"{number} to {label!r}; set another category"
            )
        by_number[number] = label


def has_outlines(plan: Plan) -> bool:
    """Whether any region may be a polygon."""
    return any(step.control.kind.startswith("Polygon") for step in plan.steps)


def left_out(plan: Plan) -> tuple[str, ...]:
    """The control tags whose answers no dataset holds: choices, texts and the like."""
    others = (step.control for step in plan.steps if not step.control.kind.startswith(_HELD))
    return tuple(dict.fromkeys(f"<{control.kind} name={control.name!r}>" for control in others))


class DatasetTarget:
    """The folder that a dataset goes to; it appears, or is replaced, when it is whole."""

    def __init__(
        self,
        out: Path,
        format_name: DatasetFormat,
        classes: Mapping[str, int],
        *,
        outlines: bool = False,
        share: float | None = None,
        follow_links: bool = False,
    ) -> None:
        """`outlines`: regions may be polygons; `share` of the images, by what they show, is for training.

        Raises `BadRequest` for a folder that holds something else.
        """
        if (
            out.exists()
            and not (out / MARKER).is_file()
            and (not out.is_dir() or any(out.iterdir()))
        ):
            raise BadRequest(
                f"expected --out to be a new or empty folder for --format {format_name}, or one that "
                f"this command wrote; {out} is neither"
            )
        self._out, self._format, self._classes = out, format_name, classes
        self._outlines, self._split = outlines, None if share is None else Split(share)
        self._follow_links = follow_links
        #: Why images of the rows are not in the dataset that was written, by their paths.
        self.left_out: dict[str, str] = {}

    def write(self, folder: Path, rows: Iterable[tuple[str, str]], settings: Settings) -> int:
        """Copies the images of the rows (path below `folder`, prediction as JSON) and annotates them.

        Gives their number. Raises `OutputUnwritable`.
        """
        beside = self._out.with_name(f".{self._out.name}.{os.getpid()}.part")
        images = beside / "images"
        count = 0

        def placed() -> Iterator[DatasetImage]:
            nonlocal count
            names = _Stems()
            for path, prediction in rows:
                stem = images / names.of(path)
                try:
                    image = self._image(folder, path, prediction, stem, settings)
                except (ImageError, ImageUnreachable, OutOfMemory) as error:
                    self.left_out[path] = str(error)
                    continue
                yield image
                count += 1

        try:
            images.mkdir(parents=True)
            write_dataset(self._format, beside, self._classes, placed(), outlines=self._outlines)
            if self.left_out and not count:
                path, reason = next(iter(self.left_out.items()))
                raise OutputUnwritable(
                    f"{self._out} is left as it was, since none of its images can be read; "
                    f"{path}: {reason}"
                )
            if self._split is not None:
                split_dataset(self._format, beside, self._classes, self._split.sides())
            (beside / MARKER).write_text(json.dumps({"format": self._format, "images": count}))
            if self._out.exists():
                shutil.rmtree(self._out)
            beside.rename(self._out)
        except OSError as error:
            raise OutputUnwritable(f"{self._out} cannot be written: {error.strerror}") from error
        finally:
            shutil.rmtree(beside, ignore_errors=True)
        return count

    def counts(self) -> dict[str, int]:
        """How many images are on each side of the split; none where there is no split."""
        sides = {} if self._split is None else self._split.sides()
        return {side: len(names) for side, names in sides.items()}

    @property
    def is_split_in_vain(self) -> bool:
        """Whether all images show one picture, which then is on both sides."""
        sides = {} if self._split is None else self._split.sides()
        return bool(sides and sides[TRAIN]) and sides[TRAIN] == sides[VALIDATE]

    def _image(
        self, folder: Path, path: str, prediction: str, stem: Path, settings: Settings
    ) -> DatasetImage:
        """Raises `ImageError`, `ImageUnreachable` or `OutOfMemory` for an image that is not read any more."""
        data = read_local_file(
            folder,
            path,
            max_bytes=settings.image_max_bytes,
            follow_links=self._follow_links,
            listed=True,
        )
        file, size_wh = self._place(data, stem, settings.image_max_pixels)
        found = siblings_of(read_regions(json.loads(prediction)["result"]))
        objects = tuple(one for group in found for one in self._objects(group, size_wh))
        return DatasetImage(file, size_wh, objects)

    def _place(self, data: bytes, stem: Path, max_pixels: int) -> tuple[Path, tuple[int, int]]:
        """Puts an image file where the dataset has it, upright whatever reads it; with its size.

        It is copied where training tools show it as a browser does: one of a usual format, without an
        orientation, which some of them overlook.
        """
        facts = image_facts(data, max_pixels)
        suffix = None if facts.has_orientation else _COPIED.get(facts.format_name)
        if suffix is not None and not _is_read_by_tools(data):
            suffix = None
        file = stem.with_name(stem.name + (suffix or ".png"))
        if suffix is not None:
            file.write_bytes(data)
        if suffix is None or self._split is not None:
            image = decode_image(data, max_pixels)
            if suffix is None:
                image.save(file)
            if self._split is not None:
                self._split.add(file.name, image)
        return file, (facts.upright.width, facts.upright.height)

    def _objects(self, group: Siblings, size_wh: tuple[int, int]) -> Iterator[Outlined]:
        """The group under its first label; nothing for a label of another control, or no place."""
        label = next((word for word in group.words if word in self._classes), None)
        if label is not None and isinstance(group.place, Rectangle | Polygon):
            points = tuple(corners_of(group.place, ImageSize(*size_wh)))
            yield Outlined(label, points, is_box=isinstance(group.place, Rectangle))


def _is_read_by_tools(data: bytes) -> bool:
    """Whether OpenCV, by which training tools and our own writers read images, makes anything of it."""
    try:
        return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_REDUCED_COLOR_8) is not None
    except cv2.error:
        return False


class _Stems:
    """File names without suffix for images of many subfolders in one: readable, each only once.

    Some formats list names line by line or write them as XML, and their readers cut spaces off.
    """

    def __init__(self) -> None:
        self._taken: set[str] = set()

    def of(self, path: str) -> str:
        whole = str(Path(path).with_suffix("")).replace("/", "__")
        wanted = "".join(char if char.isprintable() else "_" for char in whole).strip() or "_"
        while len(wanted.encode()) > LONGEST_STEM:
            wanted = wanted[1:]
        stem, number = wanted, 1
        while _same(stem) in self._taken:
            number += 1
            stem = f"{wanted}-{number}"
        self._taken.add(_same(stem))
        return stem


def _same(stem: str) -> str:
    """Equal for names that some file system takes for one."""
    return normalize("NFC", normalize("NFC", stem).casefold())
