"""A COCO file of instances, read: boxes, or the boxes around outlines and masks."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from backend.errors import BadRequest
from backend.evaluation.image_files import ImageFiles, image_task, refuse_images_elsewhere
from backend.evaluation.labelled import LabelledSet, LabelledTask, TrueBox, Truth, fractions
from models.types import Box, ImageSize

__all__ = ["read_coco"]

#: Where a COCO file is looked for, if it is not named: in the folder of images, and beside it.
_PLACES = ("annotations.json", "_annotations.coco.json", "annotations/*.json", "*.json")


def read_coco(folder: Path, annotations: Path | None) -> LabelledSet:
    """The images that a COCO file names, with what it says of them; those in the folder without an entry are left out.

    Boxes with `iscrowd` are ignored ones. Raises `BadRequest` for a file that cannot be read as COCO, and
    where none of its images is in the folder.
    """
    path = annotations if annotations is not None else _found(folder)
    body = _body(path)
    files = ImageFiles(folder)
    names = _names(body, path)
    bad: Counter[str] = Counter()
    marked = _by_image(body, names, bad)
    tasks = [
        _task(image, marked.get(image.get("id"), ()), files, bad)
        for image in _list(body, "images", path)
    ]
    if not tasks:
        raise BadRequest(f"expected images in {path}, it lists none")
    refuse_images_elsewhere(tasks, path, folder)
    return LabelledSet(
        source=f"coco {path.resolve()}",
        words=str(path),
        tasks=tasks,
        classes=tuple(dict.fromkeys(names.values())),
        notes=_notes(bad, len(files) - sum(task.failure is None for task in tasks), folder),
    )


def _found(folder: Path) -> Path:
    for base in (folder, folder.parent):
        for pattern in _PLACES if base == folder else _PLACES[:-1]:
            found = [path for path in sorted(base.glob(pattern)) if _is_instances(path)]
            if len(found) == 1:
                return found[0]
            if found:
                names = ", ".join(str(path.relative_to(base)) for path in found)
                raise BadRequest(
                    f"expected one COCO file in {base}, found {names}: name one by --annotations"
                )
    raise BadRequest(
        f"expected a COCO file such as annotations.json in {folder} or beside it, found none: name it by "
        "--annotations"
    )


def _is_instances(path: Path) -> bool:
    """Whether a JSON file is about objects: COCO has captions and key points in files of their own."""
    return path.is_file() and not path.name.startswith(
        ("captions_", "person_keypoints_", "firstpass")
    )


def _body(path: Path) -> Mapping[str, Any]:
    try:
        body = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadRequest(f"expected a COCO file at {path}: {error.strerror}") from error
    except ValueError as error:
        raise BadRequest(f"expected a COCO file at {path}, it is not JSON: {error}") from error
    if not isinstance(body, dict) or not {"images", "annotations", "categories"} <= body.keys():
        came = ", ".join(sorted(body)) if isinstance(body, dict) else type(body).__name__
        raise BadRequest(
            f"expected a COCO file at {path}, with images, annotations and categories; it has "
            f"{came[:120] or 'nothing'}"
        )
    return body


def _list(body: Mapping[str, Any], key: str, path: Path) -> list[dict[str, Any]]:
    entries = body[key]
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise BadRequest(f"expected {key} of {path} as a list of objects")
    return entries


def _names(body: Mapping[str, Any], path: Path) -> dict[Any, str]:
    """The categories, by id; a supercategory that Roboflow puts first has no boxes, and is left out."""
    used = {entry.get("category_id") for entry in _list(body, "annotations", path)}
    entries = _list(body, "categories", path)
    parents = {entry.get("supercategory") for entry in entries}
    names = {
        entry.get("id"): str(entry.get("name", ""))
        for entry in entries
        if entry.get("id") in used or entry.get("name") not in parents
    }
    if not names:
        raise BadRequest(f"expected categories in {path}, it lists none")
    return names


def _by_image(
    body: Mapping[str, Any], names: Mapping[Any, str], bad: Counter[str]
) -> dict[Any, list[Mapping[str, Any]]]:
    """The annotations of each image, with the name of their category."""
    marked: defaultdict[Any, list[Mapping[str, Any]]] = defaultdict(list)
    for entry in body["annotations"]:
        name = names.get(entry.get("category_id"))
        if name is None:
            bad["of a category that is not listed"] += 1
        else:
            marked[entry.get("image_id")].append({**entry, "name": name})
    return dict(marked)


def _task(
    image: Mapping[str, Any],
    entries: Sequence[Mapping[str, Any]],
    files: ImageFiles,
    bad: Counter[str],
) -> LabelledTask:
    name = str(image.get("file_name", ""))
    width, height = image.get("width"), image.get("height")
    if not (isinstance(width, int) and isinstance(height, int) and width > 0 and height > 0):
        raise BadRequest(
            f"expected width and height of image {name!r} in the COCO file as pixels, got {width!r} and "
            f"{height!r}"
        )
    size = ImageSize(width, height)
    boxes = []
    for entry in entries:
        box = _box(entry, size)
        crowd = bool(entry.get("iscrowd"))
        if box is None:
            bad["without a box that can be read"] += 1
        else:
            boxes.append(TrueBox(entry["name"], box, ignored=crowd, crowd=crowd))
    return image_task(name, files.find(name), Truth(tuple(boxes), size))


def _box(entry: Mapping[str, Any], size: ImageSize) -> Box | None:
    """The box of an annotation, else the one around its outlines or its mask."""
    given, outline = entry.get("bbox"), entry.get("segmentation")
    try:
        if given:
            left, top, width, height = map(float, given)
        elif isinstance(outline, list):
            points = [float(axis) for polygon in outline for axis in polygon]
            left, top = min(points[::2]), min(points[1::2])
            width, height = max(points[::2]) - left, max(points[1::2]) - top
        else:
            left, top, width, height = _around_mask(outline)
    except (TypeError, ValueError, KeyError, RuntimeError):
        return None
    return fractions(left, top, left + width, top + height, size.width, size.height)


def _around_mask(code: Any) -> tuple[float, ...]:
    """x, y, width and height of a mask in COCO's run-length code, plain or compressed."""
    from faster_coco_eval import mask

    height, width = map(int, code["size"])
    counts = code["counts"]
    if isinstance(counts, list):
        code = mask.frPyObjects({"size": [height, width], "counts": counts}, height, width)
    else:
        code = {"size": [height, width], "counts": counts.encode()}
    return tuple(map(float, mask.toBbox(code)))


def _notes(bad: Counter[str], unnamed: int, folder: Path) -> tuple[str, ...]:
    notes = [f"left out: annotations {why} ({count:,})" for why, count in bad.items()]
    if unnamed > 0:
        notes.append(f"left out: images in {folder} that the COCO file does not name ({unnamed:,})")
    return tuple(notes)
