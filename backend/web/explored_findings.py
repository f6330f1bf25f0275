"""What `firstpass explore` kept of an index -> what its pages show. Pure but for the file it is kept in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache

from backend.explore.findings import FINDINGS_FILE, KeptFinding, KeptFindings
from backend.pages.summary import Table
from backend.plain import Json
from backend.vectors.places import IndexPlace
from backend.web.explore_view import Cluster, CopiesFound, Explored, MapPoint, Remark

__all__ = ["explored_of", "read_explored"]

#: Gaps of which the page tells, and examples of a cluster.
_MOST_GAPS, _EXAMPLES = 20, 6


def read_explored(place: IndexPlace) -> Explored | None:
    """What was found of an index; `None` where nobody has explored it. Raises `IndexUnusable`.

    Every page asks, and a large map takes a while to read: so it is read once, until it is written again.
    """
    try:
        written = (place.folder / FINDINGS_FILE).stat().st_mtime_ns
    except FileNotFoundError:
        return None
    return _read(place, written)


@lru_cache(maxsize=4)
def _read(place: IndexPlace, written: int) -> Explored | None:
    return explored_of(KeptFindings(place).all())


def explored_of(kept: Mapping[str, KeptFinding]) -> Explored | None:
    """The findings, each of its own time: the page tells the earliest, and the state of that."""
    if not kept:
        return None
    first = min(kept.values(), key=lambda one: one.made_at)
    bodies = {question: one.body for question, one in kept.items()}
    boxes = bodies.get("boxes", {})
    return Explored(
        made_at=first.made_at,
        state=first.state,
        points=tuple(_points(bodies.get("map", {}))),
        clusters=tuple(_clusters(bodies.get("clusters", {}))),
        copies=tuple(
            CopiesFound(group["rows"], group["reason"], group["conflict"], group["leak"])
            for group in bodies.get("copies", {}).get("groups", ())
        ),
        odd=tuple(_remarks(bodies.get("outliers", {}).get("images", ()))),
        quality=tuple(_remarks(bodies.get("quality", {}).get("hints", ()))),
        tables=tuple(_tables(bodies)),
        oddness=dict(zip(boxes.get("rows", ()), boxes.get("oddness", ()), strict=True)),
    )


def _points(body: Json) -> Iterator[MapPoint]:
    columns = (body.get(name, ()) for name in ("rows", "x", "y", "cluster"))
    for row, x, y, cluster in zip(*columns, strict=True):
        yield MapPoint(row, x, y, cluster + 1)  # clusters count from 1


def _clusters(body: Json) -> Iterator[Cluster]:
    for one in body.get("clusters", ()):
        about = f"of which {one['purity']:.0%} {one['label']}" if one.get("label") else ""
        yield Cluster(one["number"], one["name"], one["size"], one["rows"][:_EXAMPLES], about)


def _remarks(found: Sequence[Json]) -> Iterator[Remark]:
    for one in found:
        yield Remark(one["row"], one["reason"])


def _tables(bodies: Mapping[str, Json]) -> Iterator[Table]:
    gaps = bodies.get("gaps", {})
    rows = [
        (one["label"], one["scene"], f"{one['there']:,}", f"{one['expected']:.1f}", one["reason"])
        for one in gaps.get("gaps", ())[:_MOST_GAPS]
    ]
    if rows:
        by = f"by {gaps['scenes']}" if gaps.get("scenes") else "by cluster"
        columns = ("label", "scene", "images#", "expected#", "reason")
        note = f"of {gaps['looked']:,} pairs that were looked at; labels are those {gaps['labels']}"
        yield Table(f"Gaps, {by}", columns, rows, (note,))
    drift = bodies.get("drift")
    if drift is not None:
        told = [
            (one["reason"], f"{one['share']:.0%}", f"{one['other_share']:.0%}")
            for one in drift["clusters"]
        ]
        said = f"AUROC {drift['auroc']:.3f} ({drift['low']:.3f} to {drift['high']:.3f}): {drift['reason']}"
        yield Table(
            f"Against {drift['against']}", ("what differs", "here#", "there#"), told, (said,)
        )
