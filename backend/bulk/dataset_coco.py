"""A dataset's annotations as COCO instances: one JSON file, or one more for each side of a split."""

from __future__ import annotations

import json
import shutil
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import IO

from backend.bulk.dataset_image import DatasetImage, Outlined
from backend.plain import Json

__all__ = ["split_coco", "write_coco"]

WHOLE = "annotations.json"


def write_coco(folder: Path, classes: Mapping[str, int], images: Iterable[DatasetImage]) -> None:
    """Writes `annotations.json`, put together on disk."""
    parts = {name: folder / f"{name}.part" for name in ("images", "annotations")}
    annotation_id = 1
    with parts["images"].open("w") as kept, parts["annotations"].open("w") as marked:
        for image_id, image in enumerate(images, start=1):
            width, height = image.size_wh
            entry = {"id": image_id, "file_name": image.file.name, "width": width, "height": height}
            _add(kept, entry)
            for one in image.objects:
                numbers = {"id": annotation_id, "image_id": image_id}
                _add(marked, {**numbers, **_annotation(one, classes)})
                annotation_id += 1
    categories = [{"id": number, "name": name} for name, number in classes.items()]
    _put_together(folder / WHOLE, categories, parts)


def split_coco(folder: Path, sides: Mapping[str, Collection[str]]) -> None:
    """Writes `<side>.json` for each side, with the images whose file names it holds."""
    body = folder / WHOLE
    with body.open() as lines:
        categories = json.loads(next(lines).partition('"categories": ')[2].rstrip().rstrip(","))
    for side, names in sides.items():
        ids: set[int] = set()
        parts = {name: folder / f"{name}.part" for name in ("images", "annotations")}
        with parts["images"].open("w") as kept, parts["annotations"].open("w") as marked:
            for entry in _entries(body):
                if entry.get("file_name") in names:
                    ids.add(entry["id"])
                    _add(kept, entry)
                elif entry.get("image_id") in ids:
                    _add(marked, entry)
        _put_together(folder / f"{side}.json", categories, parts)


def _annotation(one: Outlined, classes: Mapping[str, int]) -> Json:
    left, top, right, bottom = one.xyxy
    outline = [] if one.is_box else [[axis for point in one.points for axis in point]]
    return {
        "category_id": classes[one.label],
        "bbox": [left, top, right - left, bottom - top],
        "area": one.area,
        "segmentation": outline,
        "iscrowd": 0,
    }


def _put_together(path: Path, categories: list[Json], parts: Mapping[str, Path]) -> None:
    """One line for the categories, then one for each image and each annotation."""
    with path.open("w") as whole:
        whole.write('{"info": {}, "licenses": [], "categories": ' + json.dumps(categories))
        for name, part in parts.items():
            whole.write(f',\n"{name}": [\n')
            with part.open() as lines:
                shutil.copyfileobj(lines, whole)
            whole.write("\n]")
        whole.write("}\n")
    for part in parts.values():
        part.unlink()


def _entries(path: Path) -> Iterator[Json]:
    """The images and annotations of a file that `_put_together` wrote, images first."""
    with path.open() as lines:
        for line in lines:
            if line.startswith('{"id": '):
                yield json.loads(line.rstrip().rstrip(","))


def _add(file: IO[str], entry: Json) -> None:
    file.write((",\n" if file.tell() else "") + json.dumps(entry))
