"""`firstpass predict IMAGE...`: ask the models about files, without any server."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.text import Text

from backend.cli.options import AsJson, with_settings
from backend.errors import BadRequest, FirstpassError, ImageUnreadable, InferenceFailed
from backend.inference.load import load_models
from backend.pages.summary import Table
from backend.pages.terminal import table_parts
from backend.prediction.engine import engine_of
from backend.runs.output_file import check_output, check_output_folder, writing
from backend.settings import Settings
from models.queries import Classify, Ground, Query
from models.types import Classification, Detection, Detections, ModelOutput

if TYPE_CHECKING:
    from PIL import Image

    from models.runtime import LoadedRuntime

__all__ = ["predict"]

#: What pictures are drawn as, by the name given.
_FORMATS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP"}


@with_settings("model", "device", "dtype", "score_threshold")
def predict(
    settings: Settings,
    images: Annotated[list[Path], typer.Argument(help="Image files.")],
    labels: Annotated[
        str,
        typer.Option(help="Phrases to find, commas between."),
    ] = "",
    choices: Annotated[
        str,
        typer.Option(help="Candidates for the whole image, commas between."),
    ] = "",
    multiple: Annotated[bool, typer.Option(help="Any number of choices may hold.")] = False,
    out: Annotated[
        Path | None,
        typer.Option(
            help="Where to save the picture with boxes drawn; a folder for several images."
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Find labels in image files, and tag them, without any server.

    Boxes are x_min, y_min, x_max, y_max in pixels of the upright image.

    Examples:
      firstpass predict street.jpg --labels "car,red bus" --out found.png
      firstpass predict *.jpg --choices indoor,outdoor --json
    """
    queries = _queries(labels, choices, multiple=multiple)
    engine = engine_of(settings)
    for query in queries:
        if (reason := engine.refuses(query)) is not None:
            raise BadRequest(reason)
    least = settings.score_threshold
    if least is None:
        least = engine.score_threshold()
    targets = _targets(images, out)
    for path in images:
        _look_at(path, settings)
    runtime = load_models(settings)
    console = Console()
    reports = []
    for path in images:
        image, outputs = _ask(runtime, path, queries, settings)
        detections, tags = _shown(outputs, least)
        reports.append(_report(path, image, detections, tags))
        if not as_json:
            _print(console, path, image, detections, tags)
            if not detections:
                _print_hidden(console, outputs, least)
        if path in targets:
            from models.drawing import draw_detections

            with writing(targets[path]) as file:
                draw_detections(image, detections).save(file, format=_drawn_as(targets[path]))
    if as_json:
        typer.echo(json.dumps(reports, indent=2, ensure_ascii=False))


def _queries(labels: str, choices: str, *, multiple: bool) -> tuple[Query, ...]:
    """Raises `BadRequest` when nothing is asked, or a phrase cannot be asked."""
    phrases, candidates = (
        tuple(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))
        for text in (labels, choices)
    )
    queries: list[Query] = []
    try:
        if phrases:
            queries.append(Ground(phrases))
        if candidates:
            queries.append(Classify(candidates, multi=multiple))
    except ValueError as error:
        raise BadRequest(str(error)) from error
    if not queries:
        raise BadRequest('expected --labels "red circle,blue star" or --choices "indoor,outdoor"')
    return tuple(queries)


def _targets(images: list[Path], out: Path | None) -> dict[Path, Path]:
    """Where each drawn picture goes.

    Raises `BadRequest` for one file for several images, `OutputUnwritable` for a place that takes none.
    """
    if out is None:
        return {}
    if len(images) == 1 and not out.is_dir():
        _drawn_as(out)
        check_output(out)
        return {images[0]: out}
    if out.suffix and not out.is_dir():
        raise BadRequest(f"expected --out to be a folder for {len(images)} images, got {out}")
    check_output_folder(out)
    out.mkdir(parents=True, exist_ok=True)
    return {path: out / f"{path.stem}.png" for path in images}


def _drawn_as(path: Path) -> str:
    """The format of the picture at that path. Raises `BadRequest` for a name that tells none."""
    found = _FORMATS.get(path.suffix.lower())
    if found is None:
        raise BadRequest(f"expected --out NAME{', NAME'.join(_FORMATS)} or a folder, got {path}")
    return found


def _look_at(path: Path, settings: Settings) -> None:
    """What can be known of a file before the models load. Raises `ImageError`."""
    from backend.images.decode import upright_size

    with _naming(path):
        if path.exists() and not path.is_file() and not path.is_dir():
            # It may have no end, and gives nobody its bytes a second time.
            raise ImageUnreadable("expected a file, got a pipe or a device; write it into a file")
        upright_size(path.read_bytes(), settings.image_max_pixels)


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Has errors about a file begin with its name."""
    try:
        yield
    except OSError as error:
        raise ImageUnreadable(f"{path}: {error.strerror}") from error
    except FirstpassError as error:
        error.args = (f"{path}: {error}",)
        raise


def _ask(
    runtime: LoadedRuntime, path: Path, queries: tuple[Query, ...], settings: Settings
) -> tuple[Image.Image, tuple[ModelOutput, ...]]:
    from backend.images.decode import decode_image
    from models.protocols import ImageQueries

    with _naming(path):
        image = decode_image(path.read_bytes(), settings.image_max_pixels)
    try:
        (outputs,) = runtime.run([ImageQueries(image, str(path), queries)])
    except FloatingPointError as error:
        raise InferenceFailed(f"{path}: {error}") from error
    return image, outputs


def _shown(
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


def _report(
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
    }


def _sides(found: Detection) -> tuple[float, ...]:
    return (found.box.x_min, found.box.y_min, found.box.x_max, found.box.y_max)


def _print_hidden(console: Console, outputs: Sequence[ModelOutput], least: float) -> None:
    """Say what came closest where boxes were asked and none scored enough."""
    for output in outputs:
        if isinstance(output, Detections):
            best = max(output.items, key=lambda found: found.score or 0.0, default=None)
            hidden = "nothing was found at all"
            if best is not None:
                hidden = f"the best, {best.phrase!r}, has {best.score or 0.0:.2f} (see --score-threshold)"
            console.print(Text(f"no box scores {least:g} or more; {hidden}"))


def _print(
    console: Console,
    path: Path,
    image: Image.Image,
    detections: list[Detection],
    tags: Classification | None,
) -> None:
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
    console.print(*table_parts(Table(title, columns, rows)))
    if tags is not None:
        ranked = sorted(zip(tags.probabilities, tags.candidates, strict=True), reverse=True)
        console.print(Text("choices: " + ", ".join(f"{name} {p:.2f}" for p, name in ranked)))
