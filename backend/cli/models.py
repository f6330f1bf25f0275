"""`firstpass models`: which models there are, fetching them, and trying them out."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from backend.cli.options import setting
from backend.errors import ModelUnavailable
from backend.settings import load_settings

__all__ = ["models"]

models = typer.Typer(
    help="List models, fetch them, and check that they load.", no_args_is_help=True
)

Name = Annotated[
    str,
    typer.Argument(
        help="A name of `firstpass models list`, or a folder.", envvar="FIRSTPASS_MODEL"
    ),
]


@models.command("list")
def list_models() -> None:
    """Show every model by name, what it answers, and whether it is on this machine."""
    from models.checkpoint import locate
    from models.registry import REGISTRY, ModelNotAvailable

    table = Table()
    for column in ("name", "repository", "revision", "answers", "here"):
        table.add_column(column, overflow="fold")
    for entry in REGISTRY.values():
        try:
            locate(entry)
            here = "bundled" if entry.folder is not None else "yes"
        except ModelNotAvailable:
            here = "no"
        answers = ", ".join(sorted(query.__name__ for query in entry.queries))
        source = (entry.repository or "-", (entry.revision or "-")[:8])
        table.add_row(*(Text(cell) for cell in (entry.name, *source, answers, here)))
    console = Console()
    console.print(table)
    console.print(Text("`tiny` stands for tiny-florence2,tiny-clip"))


@models.command("pull")
def pull_model(name: Name) -> None:
    """Fetch a model's pinned revision from the hub into its cache (HF_HOME), with progress."""
    from models.checkpoint import check_files, pull
    from models.registry import resolve

    with _ours():
        for entry in resolve(name):
            folder = pull(entry)
            check_files(entry, folder)
            typer.echo(f"{entry.name}: in {folder}")


@models.command("check")
def check_model(
    name: Name,
    device: Annotated[str | None, setting("device")] = None,
    dtype: Annotated[str | None, setting("dtype")] = None,
) -> None:
    """Load a model, ask it about one generated image, and print device, dtype, memory and seconds."""
    settings = load_settings(device=device, dtype=dtype)
    from backend.queue.vitals import memory_mb
    from models.protocols import ImageQueries
    from models.queries import Classify, Ground, Query
    from models.registry import resolve
    from models.runtime import load_runtime
    from models.tiny.scenes import generate_scene

    started = time.monotonic()
    with _ours():
        runtime = load_runtime(name, settings.device, settings.dtype)
        entries = resolve(name)
    loaded = time.monotonic()
    asked: list[Query] = [Ground(("circle", "star")), Classify(("night", "snow"))]
    queries = tuple(
        replace(query, model=entry.name)
        for entry in entries
        for query in asked
        if type(query) in entry.queries
    )
    runtime.run([ImageQueries(generate_scene(1).image, "check", queries)])
    table = Table(show_header=False)
    for label, value in (
        ("model", name),
        ("fingerprint", runtime.fingerprint),
        ("device", runtime.device),
        ("dtype", ", ".join(runtime.dtypes)),
        ("asked", ", ".join(f"{type(query).__name__} ({query.model})" for query in queries)),
        ("load", f"{loaded - started:.2f} s"),
        ("first image", f"{time.monotonic() - loaded:.2f} s"),
        ("memory of this process", f"{memory_mb()} MiB"),
    ):
        table.add_row(label, Text(value))
    Console().print(table)


@contextmanager
def _ours() -> Iterator[None]:
    """Turns what the models say is missing into the error that the command line prints."""
    from models.registry import ModelNotAvailable

    try:
        yield
    except ModelNotAvailable as error:
        raise ModelUnavailable(str(error)) from error
    except ValueError as error:  # a device or number format that cannot be had
        raise ModelUnavailable(str(error)) from error
