"""A dataset's annotations as Pascal VOC: an XML file per image, with what the devkit's readers ask for.

Pixels count from 1 there: a box holds those from `min` to `max`. An outline stands beside its box as
`<polygon>`, which is no part of VOC, but of what labelling tools write.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from backend.bulk.dataset_image import DatasetImage, Outlined

__all__ = ["split_voc", "write_voc"]

CHANNELS = 3
_DECIMALS = 3


def write_voc(folder: Path, images: Iterable[DatasetImage]) -> None:
    """Writes `annotations/`."""
    annotations = folder / "annotations"
    annotations.mkdir()
    for image in images:
        root = _annotation(image)
        indent(root)
        path = annotations / f"{image.file.stem}.xml"
        path.write_bytes(tostring(root, encoding="utf-8") + b"\n")


def split_voc(folder: Path, sides: Mapping[str, Iterable[str]]) -> None:
    """Lists the images of each side in `ImageSets/Main/<side>.txt`, where VOC has such lists."""
    lists = folder / "ImageSets" / "Main"
    lists.mkdir(parents=True)
    for side, names in sides.items():
        (lists / f"{side}.txt").write_text(
            "".join(f"{Path(name).stem}\n" for name in names), encoding="utf-8"
        )


def _annotation(image: DatasetImage) -> Element:
    root = Element("annotation")
    _add(root, "folder", image.file.parent.name)
    _add(root, "filename", image.file.name)
    _add(SubElement(root, "source"), "database", "Unknown")
    size = SubElement(root, "size")
    for name, number in zip(("width", "height", "depth"), (*image.size_wh, CHANNELS), strict=True):
        _add(size, name, number)
    _add(root, "segmented", int(any(not one.is_box for one in image.objects)))
    for one in image.objects:
        root.append(_object(one, image.size_wh))
    return root


def _object(one: Outlined, size_wh: tuple[int, int]) -> Element:
    thing = Element("object")
    _add(thing, "name", one.label)
    # Nobody looked at these; a reader that leaves difficult objects out must keep them.
    for name, value in (("pose", "Unspecified"), ("truncated", 0), ("difficult", 0)):
        _add(thing, name, value)
    left, top, right, bottom = one.xyxy
    box = SubElement(thing, "bndbox")
    for name, axis, side in (("xmin", left, 0), ("ymin", top, 1)):
        _add(box, name, min(round(axis) + 1, size_wh[side]))
    for name, axis, least in (("xmax", right, "xmin"), ("ymax", bottom, "ymin")):
        _add(box, name, max(round(axis), int(box.findtext(least) or 1)))
    if not one.is_box:
        polygon = SubElement(thing, "polygon")
        for number, point in enumerate(one.points, start=1):
            for name, axis in zip(("x", "y"), point, strict=True):
                _add(polygon, f"{name}{number}", f"{axis + 1:.{_DECIMALS}f}")
    return thing


def _add(parent: Element, name: str, value: object) -> None:
    SubElement(parent, name).text = str(value)
