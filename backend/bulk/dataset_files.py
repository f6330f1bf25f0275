"""Predictions as a dataset that training tools read: COCO, YOLO or Pascal VOC, beside its images.

What each image shows is written as it comes, so that memory stays flat.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from pathlib import Path

from backend.bulk.dataset_coco import split_coco, write_coco
from backend.bulk.dataset_image import DatasetImage
from backend.bulk.dataset_voc import split_voc, write_voc
from backend.bulk.dataset_yolo import split_yolo, write_yolo

__all__ = ["DatasetFormat", "split_dataset", "write_dataset"]


class DatasetFormat(StrEnum):
    """How boxes and outlines are written; scores are in none of them."""

    COCO = "coco"
    YOLO = "yolo"
    VOC = "voc"


def write_dataset(
    format_name: DatasetFormat,
    folder: Path,
    classes: Mapping[str, int],
    images: Iterable[DatasetImage],
    *,
    outlines: bool,
) -> None:
    """Writes the annotations of images that lie in `folder / "images"`, each under a stem of its own.

    COCO: `annotations.json`; YOLO: `labels/` and `data.yaml`; VOC: `annotations/`. `outlines`: some
    objects may have one.
    """
    match format_name:
        case DatasetFormat.COCO:
            write_coco(folder, classes, images)
        case DatasetFormat.YOLO:
            write_yolo(folder, classes, images, outlines=outlines)
        case DatasetFormat.VOC:
            write_voc(folder, images)


def split_dataset(
    format_name: DatasetFormat,
    folder: Path,
    classes: Mapping[str, int],
    sides: Mapping[str, Sequence[str]],
) -> None:
    """Tells the sides of a dataset that `write_dataset` wrote, by the names of their image files.

    COCO: `train.json` and `val.json`; YOLO: `train.txt` and `val.txt`, named by `data.yaml`; VOC: lists in
    `ImageSets/Main`.
    """
    match format_name:
        case DatasetFormat.COCO:
            split_coco(folder, {side: frozenset(names) for side, names in sides.items()})
        case DatasetFormat.YOLO:
            split_yolo(folder, classes, sides)
        case DatasetFormat.VOC:
            split_voc(folder, sides)
