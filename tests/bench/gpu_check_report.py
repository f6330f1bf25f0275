"""What the check found: kept as JSON, and as Markdown that goes into the documentation as it is."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

__all__ = ["Found", "markdown", "write"]

Row = dict[str, Any]


@dataclass(slots=True)
class Found:
    """Everything measured so far; each list holds rows of figures in the order measured."""

    card: Row
    settings: Row
    loads: list[Row] = field(default_factory=list)
    towers: list[Row] = field(default_factory=list)
    speeds: list[Row] = field(default_factory=list)
    shares: list[Row] = field(default_factory=list)
    agreements: list[Row] = field(default_factory=list)
    tags: list[Row] = field(default_factory=list)
    #: Operations per second by the maker, and of a measured matrix product.
    peaks: Row = field(default_factory=dict)
    #: What was left out, and why.
    skipped: list[str] = field(default_factory=list)
    #: Seconds that each step took.
    seconds: dict[str, float] = field(default_factory=dict)


def write(found: Found, paths: Iterable[Path]) -> None:
    """Writes JSON to a path that ends so, and Markdown to any other."""
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        as_json = json.dumps(asdict(found), indent=2) + "\n"
        path.write_text(as_json if path.suffix == ".json" else markdown(found), encoding="utf-8")


def markdown(found: Found) -> str:
    """Gives the card, then a table for each thing measured."""
    sections = [
        _card(found),
        _table("Loading", _LOADS, found.loads),
        _table("The vision tower alone", _TOWERS, found.towers),
        _table("Boxes: vision, encoder and decoder", _SPEEDS, found.speeds),
        _table("Where the time of boxes goes", _SHARES, found.shares),
        _table("Tags with CLIP", _TAGS, found.tags),
        _table("Answers of a batch beside those of single images", _AGREEMENTS, found.agreements),
        *[f"Not measured: {words}." for words in found.skipped],
    ]
    return "\n\n".join(section for section in sections if section) + "\n"


_LOADS = {
    "model": lambda row: row["model"],
    "number format": lambda row: row["dtype"],
    "seconds": lambda row: f"{row['seconds']:.1f}",
    "weights on the device": lambda row: _memory(row["bytes"]),
}
_TOWERS = {
    "model": lambda row: row["model"],
    "images at once": lambda row: str(row["images"]),
    "images/s": lambda row: _number(row["images_per_s"]),
    "of the maker's peak": lambda row: _share(row["of_makers_peak"]),
    "of a measured product": lambda row: _share(row["of_measured_peak"]),
    "peak memory": lambda row: _memory(row["peak_bytes"]),
}
_SPEEDS = {
    "model": lambda row: row["model"],
    "number format": lambda row: row["dtype"],
    "beams": lambda row: str(row["beams"]),
    "rows in a batch": lambda row: str(row["row_batch"]),
    "images at once": lambda row: str(row["images"]),
    "labels": lambda row: str(row["labels"]),
    "images/s": lambda row: _number(row["images_per_s"]),
    "of the maker's peak": lambda row: _share(row["of_makers_peak"]),
    "of a measured product": lambda row: _share(row["of_measured_peak"]),
    "peak memory": lambda row: _memory(row["peak_bytes"]),
}
_SHARES = {
    "model": lambda row: row["model"],
    "images at once": lambda row: str(row["images"]),
    "labels": lambda row: str(row["labels"]),
    "sizing the images, ms each": lambda row: f"{row['preparing_ms']:.1f}",
    "vision": lambda row: _share(row["vision"]),
    "encoder": lambda row: _share(row["encoder"]),
    "decoder": lambda row: _share(row["decoder"]),
    "the rest": lambda row: _share(row["other"]),
}
_TAGS = {
    "model": lambda row: row["model"],
    "number format": lambda row: row["dtype"],
    "images at once": lambda row: str(row["images"]),
    "labels": lambda row: str(row["labels"]),
    "images/s": lambda row: _number(row["images_per_s"]),
    "peak memory": lambda row: _memory(row["peak_bytes"]),
}
_AGREEMENTS = {
    "model": lambda row: row["model"],
    "number format": lambda row: row["dtype"],
    "decoding": lambda row: row["decoding"],
    "equal answers": lambda row: _equal(row),
    "largest difference": lambda row: f"{row['largest_gap']:.1g}",
}


def _card(found: Found) -> str:
    card, peaks = found.card, found.peaks
    about = [
        f"{card['memory_gib']} GiB" if "memory_gib" in card else "",
        f"compute capability {card['capability']}" if "capability" in card else "",
        f"driver {card['driver']}" if "driver" in card else "",
        f"torch {card['torch']} ({card['runtime']})",
        f"transformers {card['transformers']}",
    ]
    lines = [f"**{card['name']}**: {', '.join(word for word in about if word)}."]
    if peaks:
        known = f"{peaks['makers'] / 1e12:.0f} TFLOP/s" if peaks["makers"] else "not listed here"
        lines.append(
            f"Dense {peaks['dtype']} products: {known} by the maker; measured with square matrices of "
            f"{peaks['side']:,}: {peaks['measured'] / 1e12:.3g} TFLOP/s."
        )
    lines.append(
        f"Random weights; every answer has {found.settings['tokens']} tokens; images of 1,024 x 768 "
        f"pixels, decoded before the clock starts; medians of {found.settings['rounds']} rounds after "
        "one to warm up. Peak memory is what torch held."
    )
    return "\n".join(lines)


def _table(title: str, columns: dict[str, Any], rows: Sequence[Row]) -> str:
    if not rows:
        return ""
    lines = [list(columns), ["---"] * len(columns)]
    lines += [[give(row) for give in columns.values()] for row in rows]
    return "\n".join([f"### {title}", "", *(f"| {' | '.join(line)} |" for line in lines)])


def _number(value: float) -> str:
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def _share(value: float | None) -> str:
    return "" if value is None else f"{100 * value:.2g} %"


def _memory(count: int | None) -> str:
    return "" if count is None else f"{count / 1e9:.2f} GB"


def _equal(row: Row) -> str:
    if row["answers"] is None:
        return ""
    return f"{row['equal']} of {row['answers']} ({row['unlike']} unlike)"
