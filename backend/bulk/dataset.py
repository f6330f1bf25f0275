"""A folder's predictions made into a dataset: which labels it holds, its images, its objects."""

from __future__ import annotations

import io
import json
import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import cv2
from PIL import Image

from backend.bulk.dataset_files import DatasetFormat, DatasetImage, Outlined, write_dataset
from backend.bulk.siblings import Siblings, siblings_of
from backend.bulk.task_file import OutputUnwritable
from backend.errors import BadRequest, ImageError
from backend.images.decode import decode_image
from backend.images.local_files import read_local_file
from backend.plan import Plan
from backend.settings import Settings

__all__ = ["DatasetTarget", "dataset_classes", "left_out"]

#: Control tags, by how their names begin, whose regions these formats hold, and those they do not.
_HELD = ("Rectangle", "Polygon")
_NOT_HELD = ("Brush", "Ellipse", "KeyPoint")
#: Copied as they are, under this suffix; others become PNG, which all training tools read alike.
_COPIED = {"JPEG": ".jpg", "PNG": ".png", "BMP": ".bmp", "WEBP": ".webp"}
_ORIENTATION = 0x0112
#: Says that a folder was written by us and may be replaced.
MARKER = "firstpass.json"
#: Bytes of a file name without its suffix; file systems take 255 in all.
LONGEST_STEM = 200


def dataset_classes(plan: Plan, format_name: DatasetFormat) -> tuple[str, ...]:
    """The labels of boxes and polygons, in the order of the label config.

    Raises `BadRequest` when there is none, or a tag draws what the format does not hold.
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
    return tuple(dict.fromkeys(label.value for control in drawn for label in control.labels))


def left_out(plan: Plan) -> tuple[str, ...]:
    """The control tags whose answers no dataset holds: choices, texts and the like."""
    others = (step.control for step in plan.steps if not step.control.kind.startswith(_HELD))
    return tuple(dict.fromkeys(f"<{control.kind} name={control.name!r}>" for control in others))


class DatasetTarget:
    """The folder that a dataset goes to; it appears, or is replaced, when it is whole."""

    def __init__(self, out: Path, format_name: DatasetFormat, classes: Sequence[str]) -> None:
        """Raises `BadRequest` for a folder that holds something else."""
        if (
            out.exists()
            and not (out / MARKER).is_file()
            and (not out.is_dir() or any(out.iterdir()))
        ):
            raise BadRequest(
                f"expected --out to be a new or empty folder for --format {format_name}, or one that "
                f"this command wrote; {out} is neither"
            )
        self._out, self._format, self._classes = out, format_name, tuple(classes)
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
                except ImageError as error:
                    self.left_out[path] = str(error)
                    continue
                yield image
                count += 1

        try:
            images.mkdir(parents=True)
            write_dataset(self._format, beside, self._classes, placed())
            if self.left_out and not count:
                path, reason = next(iter(self.left_out.items()))
                raise OutputUnwritable(
                    f"{self._out} is left as it was, since none of its images can be read; "
                    f"{path}: {reason}"
                )
            (beside / MARKER).write_text(json.dumps({"format": self._format, "images": count}))
            if self._out.exists():
                shutil.rmtree(self._out)
            beside.rename(self._out)
        except OSError as error:
            raise OutputUnwritable(f"{self._out} cannot be written: {error.strerror}") from error
        finally:
            shutil.rmtree(beside, ignore_errors=True)
        return count

    def _image(
        self, folder: Path, path: str, prediction: str, stem: Path, settings: Settings
    ) -> DatasetImage:
        """Raises `ImageError` for an image that cannot be read any more."""
        data = read_local_file(folder, path, max_bytes=settings.image_max_bytes)
        file = _place(data, stem, settings.image_max_pixels)
        found = [
            group
            for group in siblings_of(json.loads(prediction)["result"])
            if group.place is not None
        ]
        with Image.open(file) as image:
            size_wh = image.size
        objects = tuple(one for group in found for one in self._objects(group, size_wh))
        return DatasetImage(file, size_wh, objects)

    def _objects(self, group: Siblings, size_wh: tuple[int, int]) -> Iterator[Outlined]:
        """The group under its first label; nothing for a label of another control."""
        place = group.place or {}
        label = next((word for word in group.words if word in self._classes), None)
        if label is None:
            return
        if "points" in place:
            corners = place["points"]
        else:
            left, top = place["x"], place["y"]
            right, bottom = left + place["width"], top + place["height"]
            corners = [(left, top), (right, top), (right, bottom), (left, bottom)]
        width, height = size_wh
        points = tuple((x * width / 100, y * height / 100) for x, y in corners)
        yield Outlined(label, points, is_box="points" not in place)


class _Stems:
    """File names without suffix for images of many subfolders in one: readable, each only once."""

    def __init__(self) -> None:
        self._taken: set[str] = set()

    def of(self, path: str) -> str:
        wanted = str(Path(path).with_suffix("")).replace("/", "__")
        while len(wanted.encode()) > LONGEST_STEM:
            wanted = wanted[1:]
        stem, number = wanted, 1
        while stem.casefold() in self._taken:
            number += 1
            stem = f"{wanted}-{number}"
        self._taken.add(stem.casefold())
        return stem


def _place(data: bytes, stem: Path, max_pixels: int) -> Path:
    """Puts an image file where the dataset has it, upright whatever reads it."""
    suffix = _plain_suffix(data)
    if suffix is not None:
        file = stem.with_name(stem.name + suffix)
        file.write_bytes(data)
        if _is_read_by_tools(file):
            return file
        file.unlink()
    file = stem.with_name(f"{stem.name}.png")
    decode_image(data, max_pixels).save(file)
    return file


def _is_read_by_tools(file: Path) -> bool:
    """Whether OpenCV, by which training tools and our own writers read images, makes anything of it."""
    try:
        return cv2.imread(str(file), cv2.IMREAD_REDUCED_COLOR_8) is not None
    except cv2.error:
        return False


def _plain_suffix(data: bytes) -> str | None:
    """The suffix of an image that training tools show as a browser does; `None` for any other.

    That is one of a usual format, and not turned by EXIF, which some of them overlook.
    """
    try:
        with Image.open(io.BytesIO(data)) as image:
            upright = image.getexif().get(_ORIENTATION, 1) == 1
            return _COPIED.get(image.format or "") if upright else None
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None
