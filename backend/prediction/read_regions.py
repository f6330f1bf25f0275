"""The entries of a `result`, as people and predictions have left them in Label Studio. Pure.

The one reader of them: what is not there, or is of another kind than expected, is empty or `None`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TypeAlias

from backend.plain import Json
from backend.prediction.region_shapes import Shape, shape_of, size_of
from models.types import ImageSize

__all__ = [
    "PREDICTED_LABEL",
    "RAW_SCORE",
    "Choices",
    "Number",
    "ReadRegion",
    "Relation",
    "Said",
    "TextArea",
    "read_region",
    "read_regions",
]


#: Under this name `meta` holds the score before it was calibrated, which thresholds are about.
RAW_SCORE = "raw_score"
#: Under this name `meta` holds the label whose threshold and calibration counted, where another one is shown.
PREDICTED_LABEL = "predicted_label"


@dataclass(frozen=True, slots=True)
class Choices:
    """What was ticked: each choice as its path, of one step where there is no tree."""

    paths: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class TextArea:
    """What was typed or read."""

    texts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Number:
    """A count or a rating."""

    value: int | float


Said: TypeAlias = Choices | TextArea | Number


@dataclass(frozen=True, slots=True)
class Relation:
    """An arrow from one region to another, by their ids, and what it is called."""

    from_id: str
    to_id: str
    direction: str
    labels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ReadRegion:
    """One entry: a thing in the image, or what is said of a thing or of the whole image.

    Entries of one thing share its `id`. `page` counts from 0, `size` is the image's in pixels as the
    entry has it, `turned` its `image_rotation` in degrees; `note` is the text of its `meta`. `entry` is all
    of it as it stands, to be suggested again.
    """

    id: str
    from_name: str
    to_name: str
    kind: str
    labels: tuple[str, ...]
    score: float | None
    page: int
    size: ImageSize | None
    turned: object
    origin: str
    note: str | None
    entry: Json = field(repr=False, compare=False)

    @property
    def is_drawn(self) -> bool:
        """Whether it has a place in the image, readable or not."""
        return not {"x", "points", "rle"}.isdisjoint(self.entry["value"])

    @property
    def raw_score(self) -> float | None:
        """The score before it was calibrated; what the entry has where it was not."""
        meta = self.entry.get("meta")
        raw = meta.get(RAW_SCORE) if isinstance(meta, dict) else None
        known = _finite(raw)
        return self.score if known is None else known

    @property
    def predicted_labels(self) -> tuple[str, ...]:
        """The label as it was predicted, which thresholds are about; else the labels that it shows."""
        meta = self.entry.get("meta")
        predicted = meta.get(PREDICTED_LABEL) if isinstance(meta, dict) else None
        return (predicted,) if isinstance(predicted, str) and self.labels else self.labels

    @property
    def shape(self) -> Shape | None:
        """Where it is; `None` where it has no place. Raises `BadRequest` for a place that cannot be."""
        return shape_of(self.entry)

    @property
    def said(self) -> Said | None:
        """What it says besides labels; `None` for nothing."""
        value = self.entry["value"]
        match value:
            case {"choices": chosen} | {"taxonomy": chosen}:
                return Choices(tuple(_paths(chosen)))
            case {"number": int() | float() as number} | {"rating": int() | float() as number}:
                return Number(number)
            case {"text": str(text)}:
                return TextArea((text,))
            case {"text": texts}:
                return TextArea(_strings(texts))
        return None

    @property
    def words(self) -> tuple[str, ...]:
        """Labels, choices, texts or number, as a person reads them."""
        match self.said:
            case None:
                return self.labels
            case Choices(paths=paths):
                return (*self.labels, *(" > ".join(path) for path in paths))
            case TextArea(texts=texts):
                return (*self.labels, *texts)
            case Number(value=value):
                return (*self.labels, str(value))


def read_region(entry: object) -> ReadRegion | Relation | None:
    """What one entry is; `None` for what is no region and no relation.

    >>> read_region({"type": "relation", "from_id": "a", "to_id": "b", "direction": "right"})
    Relation(from_id='a', to_id='b', direction='right', labels=())
    """
    if not isinstance(entry, dict):
        return None
    kind, value = _text(entry, "type"), entry.get("value")
    if isinstance(value, dict):
        key = kind if kind.endswith("labels") else next(filter(_is_labels, value), "labels")
        score, page = entry.get("score"), entry.get("item_index")
        return ReadRegion(
            id=_text(entry, "id"),
            from_name=_text(entry, "from_name"),
            to_name=_text(entry, "to_name"),
            kind=kind,
            labels=_strings(value.get(key)),
            score=_finite(score),
            page=page if type(page) is int else 0,
            size=size_of(entry),
            turned=entry.get("image_rotation"),
            origin=_text(entry, "origin"),
            note=_note(entry.get("meta")),
            entry=entry,
        )
    one, other = _text(entry, "from_id"), _text(entry, "to_id")
    if kind == "relation" and one and other:
        return Relation(one, other, _text(entry, "direction"), _strings(entry.get("labels")))
    return None


def read_regions(result: Iterable[object]) -> list[ReadRegion]:
    """The regions among the entries, in their order."""
    return [found for found in map(read_region, result) if isinstance(found, ReadRegion)]


def _is_labels(key: object) -> bool:
    return str(key).endswith("labels")


def _text(entry: Json, key: str) -> str:
    value = entry.get(key)
    return value if isinstance(value, str) else ""


def _finite(value: object) -> float | None:
    """A number that can be reckoned with; others' rows may have any that JSON can hold."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    with suppress(OverflowError):
        return value if math.isfinite(value) else None
    return None


def _strings(values: object) -> tuple[str, ...]:
    listed = values if isinstance(values, list) else ()
    return tuple(value for value in listed if isinstance(value, str))


def _note(meta: object) -> str | None:
    match meta:
        case {"text": [str(note)]}:
            return note
    return None


def _paths(chosen: object) -> Iterator[tuple[str, ...]]:
    for one in chosen if isinstance(chosen, list) else [chosen]:
        yield tuple(map(str, one)) if isinstance(one, list) else (str(one),)
