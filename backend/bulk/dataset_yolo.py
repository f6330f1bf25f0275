"""A dataset's annotations as ultralytics reads them: a text file per image, and `data.yaml`.

The rules were read in ultralytics' own check. It takes a row of more than five numbers for an outline, and
then takes every row of that file for one, and drops all outlines where any object of the dataset has none.
So in a dataset with outlines a box is written as one, too.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from backend.bulk.dataset_image import DatasetImage, Outlined

__all__ = ["MOST_CLASSES", "split_yolo", "write_yolo"]

#: The reader wants a name for each number up to the largest.
MOST_CLASSES = 10_000
_DECIMALS = 6
_UNPRINTABLE = re.compile("[\x7f-\x9f\u2028\u2029\ufeff]")


def write_yolo(
    folder: Path, classes: Mapping[str, int], images: Iterable[DatasetImage], *, outlines: bool
) -> None:
    """Writes `labels/` and `data.yaml`, with all images to train on and to validate with."""
    labels = folder / "labels"
    labels.mkdir()
    for image in images:
        rows = (_row(one, classes, image.size_wh, outlines=outlines) for one in image.objects)
        (labels / f"{image.file.stem}.txt").write_text("".join(f"{row}\n" for row in rows))
    _write_yaml(folder, classes, train="images", val="images")


def split_yolo(
    folder: Path, classes: Mapping[str, int], sides: Mapping[str, Iterable[str]]
) -> None:
    """Lists the images of each side in `<side>.txt`, which `data.yaml` then names."""
    for side, names in sides.items():
        (folder / f"{side}.txt").write_text(
            "".join(f"./images/{name}\n" for name in names), encoding="utf-8"
        )
    _write_yaml(folder, classes, **{side: f"{side}.txt" for side in sides})


def _write_yaml(folder: Path, classes: Mapping[str, int], **sides: str) -> None:
    """Without `path`, by which readers take the folder of the file itself: it may be moved."""
    names = dict(_names(classes))
    lines = [f"{side}: {place}" for side, place in sides.items()]
    lines += [f"nc: {len(names)}", "names:"]
    lines += [f"  {number}: {_quoted(name)}" for number, name in names.items()]
    (folder / "data.yaml").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def _names(classes: Mapping[str, int]) -> Iterator[tuple[int, str]]:
    """A name for each number from 0 on; one that no label has says so."""
    by_number = {number: name for name, number in classes.items()}
    for number in range(max(by_number, default=-1) + 1):
        yield number, by_number.get(number, f"unused {number}")


def _quoted(name: str) -> str:
    """As YAML reads it back, which takes JSON's quotes."""
    return _UNPRINTABLE.sub(
        lambda match: f"\\u{ord(match[0]):04x}", json.dumps(name, ensure_ascii=False)
    )


def _row(
    one: Outlined, classes: Mapping[str, int], size_wh: tuple[int, int], *, outlines: bool
) -> str:
    """The class, then middle and size of the box, or the points; 0..1 of the image."""
    width, height = size_wh
    if outlines:
        numbers = [
            axis / side for point in one.points for axis, side in zip(point, size_wh, strict=True)
        ]
    else:
        left, top, right, bottom = one.xyxy
        numbers = [
            (left + right) / 2 / width,
            (top + bottom) / 2 / height,
            (right - left) / width,
            (bottom - top) / height,
        ]
    kept = (min(1.0, max(0.0, number)) for number in numbers)
    return " ".join((str(classes[one.label]), *(f"{number:.{_DECIMALS}f}" for number in kept)))
