"""The numbers of a label config's labels as classes, as Label Studio's own export numbers them. Pure.

A label's `category` is its number; the rest get the numbers that are left, in the order of their names.
Labels of all control tags are numbered together, served or not, so that a dataset of ours and one that
Label Studio exported from the same project can be trained on together.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from itertools import count
from xml.etree.ElementTree import Element

from backend.label_config.label_config import read_xml

__all__ = ["class_numbers"]

_LABELS = ("Label", "Choice", "Relation")
_NO_CONTROLS = ("Filter",)


def class_numbers(xml: str) -> dict[str, int]:
    """Each label as regions carry it, with its number; by number, and of equal ones by name.

    >>> class_numbers(
    ...     '<View><Labels name="a" toName="i"><Label value="b"/><Label value="c" category="0"/></Labels></View>'
    ... )
    {'c': 0, 'b': 1}

    Raises `LabelConfigError` for XML that cannot be read.
    """
    by_tag: dict[str, dict[str, str | None]] = {}
    for tag, label, category in _labels(read_xml(xml), (), set()):
        by_tag.setdefault(tag, {})[label] = category
    numbers: dict[str, int] = {}
    for labels in by_tag.values():
        for label, category in labels.items():
            with suppress(TypeError, ValueError):
                numbers[label] = int(category or "")
    free = (number for number in count() if number not in set(numbers.values()))
    unnumbered = {label for labels in by_tag.values() for label in labels} - numbers.keys()
    numbers.update(zip(sorted(unnumbered), free, strict=False))
    return dict(sorted(numbers.items(), key=lambda item: (item[1], item[0])))


def _labels(
    element: Element, within: tuple[str, ...], tags: set[str]
) -> Iterator[tuple[str, str, str | None]]:
    """Each label with the control tag around it, and its `category`."""
    name = element.get("name")
    if name and element.get("toName") and element.tag not in _NO_CONTROLS:
        tags.add(name)
    if element.tag in _LABELS:
        label = element.get("alias") or element.get("value") or element.get("valueList")
        tag = next((each for each in reversed(within) if each in tags), None)
        if label and tag is not None:
            yield tag, label, element.get("category")
    for child in element:
        yield from _labels(child, (*within, name) if name else within, tags)
