"""What the models found in an image file, as `firstpass predict` prints it and gives it as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.text import Text

from backend.pages.summary import Table
from backend.pages.terminal import table_parts
from models.types import Classification, Detection, Detections, ModelOutput

if TYPE_CHECKING:
    from PIL import Image

__all__ = ["print_found", "print_hidden", "report_of", "shown"]


def shown(
    outputs: Sequence[ModelOutput], least: float
) -> tuple[list[Detection], Classification | None]:
    """The detections that score at least so much, and the choices, if any were asked."""
    detections: list[Detection] = []
    tags: Classification | None = None
    for output in outputs:
        match output:
            case Detections():
                detections = [found for found in output.items if (found.score or 0.0) >= least]
            case Classification():
                tags = output
            case _:
                pass
    return detections, tags


def report_of(
    path: Path, image: Image.Image, detections: list[Detection], tags: Classification | None
) -> dict[str, Any]:
    return {
        "image": str(path),
        "width": image.width,
        "height": image.height,
        "detections": [
            {
                "label": found.phrase,
                "score": found.score,
                "box": _sides(found),
            }
            for found in detections
        ],
        "choices": (
            dict(zip(tags.candidates, tags.probabilities, strict=True)) if tags is not None else {}
        ),
        # As in a project, where such a choice stays open.
        "none_fits": tags is not None and tags.none_fits,
    }


def _sides(found: Detection) -> tuple[float, ...]:
    return (found.box.x_min, found.box.y_min, found.box.x_max, found.box.y_max)


def print_hidden(console: Console, outputs: Sequence[ModelOutput], least: float) -> None:
    """Say what came closest where boxes were asked and none scored enough."""
    for output in outputs:
        if isinstance(output, Detections):
            best = max(output.items, key=lambda found: found.score or 0.0, default=None)
            if best is None:
                console.print("Nothing was found: no box of any score.")
            else:
                said = (
                    f"Nothing was found that scores {least:g} or more; the best, {best.phrase!r}, has "
                    f"{best.score or 0.0:.2f} (--score-threshold would show it)."
                )
                console.print(Text(said))


def print_found(
    console: Console,
    path: Path,
    image: Image.Image,
    detections: list[Detection],
    tags: Classification | None,
) -> None:
    """The boxes, if any, and the choices, the likeliest first."""
    rows = [
        (
            found.phrase,
            "-" if found.score is None else f"{found.score:.2f}",
            *(f"{side:.1f}" for side in _sides(found)),
        )
        for found in detections
    ]
    columns = ("label", "score#", "x_min#", "y_min#", "x_max#", "y_max#")
    title = f"{path} ({image.width}x{image.height})"
    if rows:
        console.print(*table_parts(Table(title, columns, rows)))
    else:  # a table without a row says nothing
        console.print(Text(title))
    if tags is not None:
        ranked = sorted(zip(tags.probabilities, tags.candidates, strict=True), reverse=True)
        shares = ", ".join(f"{name} {p:.2f}" for p, name in ranked)
        told = (
            f"none fits, so a project's choice stays open ({shares})" if tags.none_fits else shares
        )
        console.print(Text(f"choices: {told}"))
