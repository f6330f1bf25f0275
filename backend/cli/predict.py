"""`firstpass predict IMAGE...`: ask the models about files, without any server."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from backend.cli.options import STATE, AsJson, with_settings
from backend.cli.predicted import print_found, print_hidden, report_of, shown
from backend.cli.running import ANSWERS
from backend.errors import BadRequest, FirstpassError, ImageUnreadable, InferenceFailed
from backend.inference.load import load_models
from backend.prediction.engine import engine_of
from backend.runs.output_file import check_output, check_output_folder, writing
from backend.settings import Settings
from models.queries import Classify, Ground, Query
from models.types import ModelOutput

if TYPE_CHECKING:
    from PIL import Image

    from models.runtime import LoadedRuntime

__all__ = ["predict"]

#: What pictures are drawn as, by the name given.
_FORMATS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP"}


@with_settings("model", "device", "dtype", "score_threshold", *STATE, as_running=ANSWERS)
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
        if (strange := engine.strange(query)) is not None:
            typer.echo(f"{strange}.", err=True)
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
        detections, tags = shown(outputs, least)
        reports.append(report_of(path, image, detections, tags))
        if not as_json:
            print_found(console, path, image, detections, tags)
            if not detections:
                print_hidden(console, outputs, least)
        if path in targets:
            from models.drawing import draw_detections

            with writing(targets[path]) as file:
                draw_detections(image, detections).save(file, format=_drawn_as(targets[path]))
    if as_json:
        typer.echo(json.dumps(reports, indent=2, ensure_ascii=False))


def _queries(labels: str, choices: str, *, multiple: bool) -> tuple[Ground | Classify, ...]:
    """Raises `BadRequest` when nothing is asked, or a phrase cannot be asked."""
    phrases, candidates = (
        tuple(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))
        for text in (labels, choices)
    )
    queries: list[Ground | Classify] = []
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
    runtime: LoadedRuntime, path: Path, queries: Sequence[Query], settings: Settings
) -> tuple[Image.Image, tuple[ModelOutput, ...]]:
    from backend.images.decode import decode_image
    from models.protocols import ImageQueries

    with _naming(path):
        image = decode_image(path.read_bytes(), settings.image_max_pixels)
    try:
        (outputs,) = runtime.run([ImageQueries(image, str(path), tuple(queries))])
    except FloatingPointError as error:
        raise InferenceFailed(f"{path}: {error}") from error
    return image, outputs
