"""What a search found, as a table for people, as JSON, and as the tiles of a sheet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import typer
from rich.console import Console

from backend.bulk.thumbnail_sheet import Shown
from backend.label_studio.project_key import data_page
from backend.pages.summary import Link, Summary, Table, to_json
from backend.pages.terminal import summary_parts
from backend.vectors.records import ImageRow, RegionRow
from models.types import Hits, IndexHit

__all__ = ["FoundImage", "show_found", "tile_of"]


@dataclass(frozen=True, slots=True)
class FoundImage:
    """One image, and what of it was found: a region or the whole."""

    image: ImageRow
    region: RegionRow | None
    hit: IndexHit


def show_found(
    found: Sequence[FoundImage],
    hits: Hits,
    question: str,
    home: str,
    number: int | None,
    *,
    as_json: bool,
) -> None:
    """Print it. `home` is the address of Label Studio for people, `number` the project's id."""
    if as_json:
        told = [
            {
                "key": one.image.key,
                "task": one.image.task,
                "path": one.image.path,
                "address": _address(one, home, number),
                "region": None if one.region is None else asdict(one.region),
                **asdict(one.hit),
            }
            for one in found
        ]
        typer.echo(to_json({"compared": hits.compared, "found": told}), nl=False)
        return
    rows = [
        (
            f"{place}",
            Link(_named(one), _address(one, home, number)),
            _what(one),
            f"{one.hit.z:.1f}",
            f"{100 * one.hit.percentile:.1f} %",
            _address(one, home, number) or one.image.path,
        )
        for place, one in enumerate(found, 1)
    ]
    table = Table(
        f"Found by {question}, among {hits.compared:,}",
        ("#", "image", "what fits", "z#", "better than#", "where"),
        rows,
    )
    console = Console()
    for part in summary_parts(Summary("", (), figures=[], notes=[], tables=[table])):
        console.print(part)


def _named(one: FoundImage) -> str:
    return one.image.path if one.image.task is None else f"task {one.image.task}"


def _what(one: FoundImage) -> str:
    if one.region is None:
        return "the image"
    return one.region.label or "a region"


def _address(one: FoundImage, home: str, number: int | None) -> str:
    if number is None or one.image.task is None or not home:
        return ""
    return f"{data_page(home, number)}?task={one.image.task}"


def tile_of(one: FoundImage, thumbnail: bytes) -> Shown:
    """Its tile on a sheet."""
    named = f"{_named(one)}: {_what(one)}"
    return Shown(thumbnail, (named, f"z {one.hit.z:.1f}"))
