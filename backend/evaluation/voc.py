"""A Pascal VOC dataset, read: one XML file per image."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from xml.etree.ElementTree import Element, ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring

from backend.errors import BadRequest, Failure, TaskError
from backend.evaluation.image_files import ImageFiles, image_task, refuse_images_elsewhere
from backend.evaluation.labelled import (
    ANY_IMAGE,
    LabelledSet,
    LabelledTask,
    TrueBox,
    Truth,
    fractions,
)
from models.types import ImageSize

__all__ = ["read_voc"]


def read_voc(folder: Path, annotations: Path | None, split: str | None) -> LabelledSet:
    """The images that XML files in the folder (or in `annotations`) are about, with their boxes.

    Objects marked difficult are ignored ones. `split` takes those of `ImageSets/Main/<split>.txt`.
    Raises `BadRequest` where there is no such file, and where none of the images is there.
    """
    base = annotations if annotations is not None else folder
    paths = [base] if base.is_file() else sorted(base.rglob("*.xml"))
    if split is not None:
        stems = _stems(folder, split)
        paths = [path for path in paths if path.stem in stems]
    files = ImageFiles(folder)
    tasks = [task for path in paths if (task := _task(path, files)) is not None]
    if not tasks:
        raise BadRequest(
            f"expected Pascal VOC files (NAME.xml, with <annotation>) in {base} or below, found none"
        )
    refuse_images_elsewhere(tasks, base, folder)
    labels = (box.label for task in tasks for box in task.truths[ANY_IMAGE].boxes)
    unnamed = len(files) - sum(task.failure is None for task in tasks)
    return LabelledSet(
        source=f"voc {base.resolve()} {split or ''}",
        words=str(base),
        tasks=tasks,
        classes=tuple(dict.fromkeys(labels)),
        notes=(
            (f"left out: images in {folder} without an XML file ({unnamed:,})",)
            if unnamed > 0
            else ()
        ),
    )


def _stems(folder: Path, split: str) -> set[str]:
    path = folder / "ImageSets" / "Main" / f"{split}.txt"
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        has = ", ".join(sorted(each.stem for each in path.parent.glob("*.txt"))) or "none"
        raise BadRequest(
            f"expected --split as a list in {path.parent} (there are {has}), got {split!r}"
        ) from error
    return {line.split()[0] for line in lines if line.strip()}


def _task(path: Path, files: ImageFiles) -> LabelledTask | None:
    """The task of an XML file; `None` for XML about something else."""
    try:
        root: Element = fromstring(path.read_bytes(), forbid_dtd=True)
    except (OSError, ParseError, DefusedXmlException, ValueError) as error:
        failure = Failure.of(TaskError(f"the XML file cannot be read: {error}"))
        return LabelledTask(path.name, {}, {ANY_IMAGE: Truth()}, failure=failure)
    if root.tag != "annotation":
        return None
    name = (root.findtext("filename") or "").strip() or path.stem
    try:
        size = _size(root)
        truth = Truth(tuple(_boxes(root, size)), size)
    except (TaskError, ValueError) as error:
        failure = Failure.of(TaskError(f"{path.name}: {error}"))
        return LabelledTask(name, {}, {ANY_IMAGE: Truth()}, failure=failure)
    return image_task(name, files.find(name) or files.of_stem(path.stem), truth)


def _size(root: Element) -> ImageSize:
    width, height = (float(root.findtext(f"size/{side}") or 0) for side in ("width", "height"))
    if not (width > 0 and height > 0):
        raise TaskError(f"expected <size> with width and height, got {width:g} and {height:g}")
    return ImageSize(int(width), int(height))


def _boxes(root: Element, size: ImageSize) -> Iterator[TrueBox]:
    for thing in root.iter("object"):
        label = (thing.findtext("name") or "").strip()
        sides = [thing.findtext(f"bndbox/{side}") for side in ("xmin", "ymin", "xmax", "ymax")]
        if not label or None in sides:
            raise TaskError(
                "expected <name> and <bndbox> with xmin, ymin, xmax and ymax in each <object>"
            )
        # Pixels count from 1 in this format, as supervision writes and reads it, too.
        left, top, right, bottom = (float(side or 0) - 1 for side in sides)
        box = fractions(left, top, right, bottom, size.width, size.height)
        if box is None:
            raise TaskError(f"the box of {label!r} has no area on the image")
        yield TrueBox(label, box, ignored=(thing.findtext("difficult") or "0").strip() == "1")
