"""A YOLO dataset, read: `data.yaml` or a list of classes, and a text file of objects beside each image."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from backend.dataset.folder import FoundImage
from backend.errors import BadRequest, Failure, TaskError
from backend.evaluation.image_files import ImageFiles, image_task
from backend.evaluation.labelled import (
    ANY_IMAGE,
    LabelledSet,
    LabelledTask,
    TrueBox,
    Truth,
    fractions,
)
from models.types import Box

__all__ = ["read_yolo"]

_NAMED_IN = ("data.yaml", "data.yml", "dataset.yaml", "dataset.yml")
_LISTED_IN = ("classes.txt", "labels/classes.txt", "obj.names")
_SPLITS = ("train", "val", "test")
#: Box: class and four numbers. Outline: class and at least three points.
_BOX, _LEAST_OUTLINE = 5, 7


def read_yolo(folder: Path, annotations: Path | None, split: str | None) -> LabelledSet:
    """The images of a YOLO dataset: all, or those of one split. One without a text file shows nothing.

    `annotations` names the YAML file (or list of classes) where it has another name. Raises `BadRequest`
    where the classes are not named, and where there is no image.
    """
    listed, body = _classes(folder, annotations)
    files = ImageFiles(folder)
    images = list(_of_split(files, body, folder, split))
    if not images:
        raise BadRequest(f"expected images in {folder}, found none of split {split!r}")
    poses = "kpt_shape" in body
    tasks = [_task(folder, image, listed, poses=poses) for image in images]
    without = sum(task.failure is None and not task.truths[ANY_IMAGE].boxes for task in tasks)
    if without == len(tasks):
        raise BadRequest(
            f"expected text files of objects in {folder} (labels/NAME.txt for images/NAME.jpg, or beside "
            "the images), found none with an object"
        )
    return LabelledSet(
        source=f"yolo {folder.resolve()} {split or ''}",
        words=str(folder),
        tasks=tasks,
        classes=tuple(dict.fromkeys(listed.values())),
        notes=(f"without an object: {without:,} of {len(tasks):,} images",) if without else (),
    )


def _classes(folder: Path, annotations: Path | None) -> tuple[dict[int, str], Mapping[str, Any]]:
    """The classes by number, and what else the YAML file says."""
    places = [annotations] if annotations else [folder / name for name in (*_NAMED_IN, *_LISTED_IN)]
    path = next((place for place in places if place.is_file()), None)
    if path is None:
        raise BadRequest(
            f"expected the classes of a YOLO dataset in {' or '.join(map(str, places[:1]))} (names: ...) "
            "or in classes.txt, found neither; name the file by --annotations"
        )
    try:
        text = path.read_text(encoding="utf-8-sig")
        if path.suffix.lower() not in (".yaml", ".yml"):
            lines = [line.strip() for line in text.splitlines() if line.strip()]
            return dict(enumerate(lines)), {}
        body = yaml.safe_load(text)
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise BadRequest(f"{path} cannot be read: {' '.join(str(error).split())[:200]}") from error
    names = body.get("names") if isinstance(body, dict) else None
    if isinstance(names, list):
        names = dict(enumerate(names))
    if not isinstance(names, dict) or not names:
        raise BadRequest(
            f"expected names in {path} as a list or as numbers with names, got {str(names)[:60]}"
        )
    try:
        return {int(number): str(name) for number, name in names.items()}, body
    except (TypeError, ValueError) as error:
        raise BadRequest(f"expected names in {path} by number, got {str(names)[:60]}") from error


def _of_split(
    files: ImageFiles, body: Mapping[str, Any], folder: Path, split: str | None
) -> Iterator[FoundImage]:
    """The images of a split: those in its folders, or in the list that it names."""
    if split is None:
        yield from files.all()
        return
    given = body.get(split)
    if given is None:
        has = ", ".join(name for name in _SPLITS if body.get(name)) or "none"
        raise BadRequest(f"expected --split as one that data.yaml has ({has}), got {split!r}")
    base = Path(str(body.get("path") or ""))
    for place in given if isinstance(given, list) else [given]:
        for at in (folder / base / str(place), folder / str(place)):
            if at.suffix == ".txt" and at.is_file():
                yield from _listed(files, at)
                break
        else:
            # Roboflow writes ../train/images for train/images.
            wanted = str(place).replace("\\", "/").removeprefix("./").lstrip("./").rstrip("/")
            yield from (
                image
                for image in files.all()
                if f"/{wanted}/" in f"/{(base / image.path).as_posix()}"
            )


def _listed(files: ImageFiles, at: Path) -> Iterator[FoundImage]:
    for line in at.read_text(encoding="utf-8-sig").splitlines():
        image = files.find(line.strip().removeprefix("./")) if line.strip() else None
        if image is not None:
            yield image


def _task(
    folder: Path, image: FoundImage, classes: Mapping[int, str], *, poses: bool
) -> LabelledTask:
    path = next((each for each in _text_files(folder / image.path) if each.is_file()), None)
    if path is None:
        return image_task(image.path, image, Truth())
    stamp = path.stat()
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
        boxes = tuple(
            _true_box(line.split(), classes, f"{path.name}, line {number}", poses=poses)
            for number, line in enumerate(lines, start=1)
            if line.strip()
        )
    except (OSError, UnicodeDecodeError, TaskError) as error:
        failure = Failure.of(
            error if isinstance(error, TaskError) else TaskError(f"{path}: {error}")
        )
        return LabelledTask(
            image.path, {}, {ANY_IMAGE: Truth()}, stamp=str(stamp.st_mtime_ns), failure=failure
        )
    return image_task(image.path, image, Truth(boxes))


def _text_files(image: Path) -> Iterator[Path]:
    """Where an image's objects may stand: in `labels` where it is in `images`, or beside it."""
    name = f"{image.stem}.txt"
    for number, part in reversed(list(enumerate(image.parts[:-1]))):
        if part == "images":
            yield Path(*image.parts[:number], "labels", *image.parts[number + 1 : -1], name)
    yield image.with_name(name)
    yield image.parent / "labels" / name


def _true_box(
    words: Sequence[str], classes: Mapping[int, str], where: str, *, poses: bool
) -> TrueBox:
    """The object of a line. Raises `TaskError` for one that says none."""
    try:
        number, sides = int(float(words[0])), [float(word) for word in words[1:]]
    except (ValueError, OverflowError) as error:
        raise TaskError(f"{where}: expected numbers, got {' '.join(words)[:60]!r}") from error
    label = classes.get(number)
    if label is None:
        raise TaskError(f"{where}: class {number} is not among the {len(classes)} that are named")
    box = _box(sides, poses=poses)
    if box is None:
        raise TaskError(
            f"{where}: expected class, x, y, width and height in 0..1, or class and an outline of three or "
            f"more points, got {' '.join(words)[:60]!r}"
        )
    return TrueBox(label, box)


def _box(sides: Sequence[float], *, poses: bool) -> Box | None:
    count = len(sides) + 1
    if count == _BOX or (poses and count > _BOX):
        x, y, width, height = sides[:4]
        return fractions(x - width / 2, y - height / 2, x + width / 2, y + height / 2, 1, 1)
    if count >= _LEAST_OUTLINE and count % 2:
        xs, ys = sides[::2], sides[1::2]
        return fractions(min(xs), min(ys), max(xs), max(ys), 1, 1)
    return None
