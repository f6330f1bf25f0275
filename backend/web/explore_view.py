"""What the pages of `/explore/PROJECT` show, as data without numpy: rows of the index and what was found of them."""

from __future__ import annotations

import sys
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from backend.pages.summary import Table

__all__ = ["Cluster", "CopiesFound", "Explored", "MapPoint", "Remark", "map_points"]


@dataclass(frozen=True, slots=True)
class MapPoint:
    """Where an image lies on the map, 0..1 across and down, and the number of its cluster."""

    row: int
    x: float
    y: float
    cluster: int = 0


@dataclass(frozen=True, slots=True)
class Cluster:
    """Images that are alike. `examples` are rows, the most typical first."""

    number: int
    name: str
    size: int
    examples: Sequence[int]
    about: str = ""


@dataclass(frozen=True, slots=True)
class CopiesFound:
    """Rows of images that are copies of one, and how that was seen."""

    rows: Sequence[int]
    reason: str
    conflict: bool = False
    leak: bool = False


@dataclass(frozen=True, slots=True)
class Remark:
    """Something about one image, with its reason in words."""

    row: int
    reason: str


@dataclass(frozen=True, slots=True)
class Explored:
    """All that `firstpass explore` found of an index, the most telling first. `state`: of the index then."""

    made_at: str
    state: str
    points: Sequence[MapPoint] = ()
    clusters: Sequence[Cluster] = ()
    copies: Sequence[CopiesFound] = ()
    odd: Sequence[Remark] = ()
    quality: Sequence[Remark] = ()
    tables: Sequence[Table] = ()
    notes: Sequence[str] = ()
    #: How unlike others of its label a box is, by its row; the higher the odder.
    oddness: Mapping[int, float] = field(default_factory=dict)


def map_points(points: Sequence[MapPoint], tasks: Mapping[int, int]) -> bytes:
    """The points as the map's script reads them; `tasks` are by row.

    Little-endian columns, each of all points: row and task (0: none) of 32 bits, x, y and cluster of 16.
    """
    kept = [point for point in points if point.row in tasks]
    columns = (
        array("I", (point.row for point in kept)),
        array("I", (tasks[point.row] for point in kept)),
        array("H", (_of_16_bits(point.x) for point in kept)),
        array("H", (_of_16_bits(point.y) for point in kept)),
        array("H", (max(0, min(65_535, point.cluster)) for point in kept)),
    )
    return b"".join(_little_endian(column) for column in columns)


def _of_16_bits(share: float) -> int:
    return max(0, min(65_535, round(65_535 * share)))


def _little_endian(column: array[int]) -> bytes:
    if sys.byteorder == "big":
        column.byteswap()
    return column.tobytes()
