"""Predictions as a dataset that training tools read: COCO, YOLO or Pascal VOC, with its images.

supervision writes each format. It takes whole datasets, so it is given a few images at a time, and memory
stays flat. COCO's single file is put together on disk.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import IO, Any

import numpy as np
import supervision as sv
from supervision.config import AREA_DATA_FIELD, COCO_RAW_SEGMENTATION

__all__ = ["DatasetFormat", "DatasetImage", "Outlined", "write_dataset"]

#: Images handed to supervision at once, and pixels of masks: YOLO and VOC outlines are read off one
#: mask per region.
CHUNK_IMAGES = 64
CHUNK_MASK_PX = 200_000_000


class DatasetFormat(StrEnum):
    """How boxes and outlines are written; scores are in none of them."""

    COCO = "coco"
    YOLO = "yolo"
    VOC = "voc"


@dataclass(frozen=True, slots=True)
class Outlined:
    """One object: its class, and its outline as xy pixels, or the corners of its box alone."""

    label: str
    points: tuple[tuple[float, float], ...]
    is_box: bool

    @property
    def xyxy(self) -> tuple[float, float, float, float]:
        """The box around it."""
        xs, ys = zip(*self.points, strict=True)
        return min(xs), min(ys), max(xs), max(ys)

    @property
    def area(self) -> float:
        """Square pixels within the outline."""
        ends = (*self.points[1:], self.points[0])
        doubled = sum(
            x * next_y - next_x * y
            for (x, y), (next_x, next_y) in zip(self.points, ends, strict=True)
        )
        return abs(doubled) / 2


@dataclass(frozen=True, slots=True)
class DatasetImage:
    """An image file in the dataset's `images` folder, and what is on it; `size_wh` in pixels."""

    file: Path
    size_wh: tuple[int, int]
    objects: tuple[Outlined, ...]

    @property
    def mask_px(self) -> int:
        """Pixels of the masks that its outlines take."""
        if all(one.is_box for one in self.objects):
            return 0
        return self.size_wh[0] * self.size_wh[1] * len(self.objects)


def write_dataset(
    format_name: DatasetFormat, folder: Path, classes: Sequence[str], images: Iterable[DatasetImage]
) -> None:
    """Writes the annotations of images that lie in `folder / "images"`, each under a stem of its own.

    COCO: `annotations.json`; YOLO: `labels/` and `data.yaml`; VOC: `annotations/`.
    """
    if format_name is DatasetFormat.COCO:
        _write_coco(folder, classes, images)
        return
    for chunk in _chunks(images):
        dataset = _dataset(classes, chunk, _with_masks)
        if format_name is DatasetFormat.YOLO:
            dataset.as_yolo(annotations_directory_path=str(folder / "labels"))
        else:
            dataset.as_pascal_voc(annotations_directory_path=str(folder / "annotations"))
    if format_name is DatasetFormat.YOLO:
        _dataset(classes, [], _with_masks).as_yolo(data_yaml_path=str(folder / "data.yaml"))


def _chunks(images: Iterable[DatasetImage]) -> Iterator[list[DatasetImage]]:
    chunk: list[DatasetImage] = []
    pixels = 0
    for image in images:
        if chunk and (len(chunk) >= CHUNK_IMAGES or pixels + image.mask_px > CHUNK_MASK_PX):
            yield chunk
            chunk, pixels = [], 0
        chunk.append(image)
        pixels += image.mask_px
    if chunk:
        yield chunk


def _dataset(classes: Sequence[str], chunk: Sequence[DatasetImage], detections: Any) -> Any:
    files = [str(image.file) for image in chunk]
    annotations = {str(image.file): detections(image, classes) for image in chunk}
    return sv.DetectionDataset(classes=list(classes), images=files, annotations=annotations)


def _with_masks(image: DatasetImage, classes: Sequence[str]) -> Any:
    """Outlines as masks; a box among them has an empty one, which stands for its box."""
    found = _with_boxes(image, classes)
    if image.mask_px:
        width, height = image.size_wh
        masks = np.zeros((len(image.objects), height, width), dtype=bool)
        for number, one in enumerate(image.objects):
            if not one.is_box:
                corners = np.round(np.array(one.points)).astype(np.int32)
                masks[number] = sv.polygon_to_mask(corners, image.size_wh).astype(bool)
        found.mask = masks
    return found


def _with_outlines(image: DatasetImage, classes: Sequence[str]) -> Any:
    """Outlines point by point, as COCO has them."""
    found = _with_boxes(image, classes)
    outlines = np.empty(len(image.objects), dtype=object)
    for number, one in enumerate(image.objects):
        outlines[number] = [] if one.is_box else [[axis for point in one.points for axis in point]]
    found.data[COCO_RAW_SEGMENTATION] = outlines
    found.data[AREA_DATA_FIELD] = np.array([one.area for one in image.objects])
    return found


def _with_boxes(image: DatasetImage, classes: Sequence[str]) -> Any:
    if not image.objects:
        return sv.Detections.empty()
    return sv.Detections(
        xyxy=np.array([one.xyxy for one in image.objects], dtype=np.float32),
        class_id=np.array([classes.index(one.label) for one in image.objects]),
    )


def _write_coco(folder: Path, classes: Sequence[str], images: Iterable[DatasetImage]) -> None:
    part, entries = folder / "part.json", {}
    for name in ("images", "annotations"):
        entries[name] = folder / f"{name}.part"
    image_id = annotation_id = 1
    with entries["images"].open("w") as kept, entries["annotations"].open("w") as marked:
        for chunk in _chunks(images):
            image_id, annotation_id = _dataset(classes, chunk, _with_outlines).as_coco(
                annotations_path=str(part),
                starting_image_id=image_id,
                starting_annotation_id=annotation_id,
            )
            body = json.loads(part.read_text())
            for image in body["images"]:
                del image["license"]  # supervision says CC BY 4.0 of every image; we know of none
                _add(kept, image)
            for annotation in body["annotations"]:
                _add(marked, annotation)
    categories = [{"id": number, "name": name} for number, name in enumerate(classes, start=1)]
    with (folder / "annotations.json").open("w") as whole:
        whole.write('{"info": {}, "licenses": [], "categories": ' + json.dumps(categories))
        for name, path in entries.items():
            whole.write(f',\n"{name}": [\n')
            with path.open() as lines:
                shutil.copyfileobj(lines, whole)
            whole.write("\n]")
        whole.write("}\n")
    for path in (*entries.values(), part):
        path.unlink(missing_ok=True)


def _add(file: IO[str], entry: object) -> None:
    file.write((",\n" if file.tell() else "") + json.dumps(entry))
