"""`firstpass models`: which models there are, fetching them, and trying them out."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from backend.cli.ends import exit_codes, going_on
from backend.cli.options import with_settings
from backend.cli.pull_progress import showing_pull
from backend.errors import ModelUnavailable
from backend.pages.summary import Figure
from backend.pages.terminal import figure_table
from backend.settings import Settings, load_settings

if TYPE_CHECKING:
    from models.hub.pull import Pulled
    from models.queries import Query
    from models.registry import Entry

__all__ = ["models"]

models = typer.Typer(
    name="models", help="List models, fetch them, and check that they load.", no_args_is_help=True
)

Names = Annotated[
    list[str] | None,
    typer.Argument(
        help="Names of `firstpass models list`, NAME@COMMIT for another revision, or folders; "
        "without any, those of FIRSTPASS_MODEL.",
        show_default=False,
    ),
]


@models.command("list", epilog=exit_codes("models list"))
def list_models() -> None:
    """Show every model: what it answers, and whether it is whole on this machine."""
    from models.hub.cache import pulled_revisions
    from models.registry import REGISTRY, resolve

    table = Table("name", "here, repository and revision, answers", show_lines=True)
    table.columns[0].no_wrap = True  # in one piece, to be copied
    others: list[Entry] = []
    for entry in REGISTRY.values():
        answers = ", ".join(sorted(query.__name__ for query in entry.queries))
        source = f"{entry.repository} {(entry.revision or '')[:8]}\n" if entry.repository else ""
        table.add_row(Text(entry.name), Text(f"{_here(entry)}\n{source}{answers}"))
        revisions = (one for one in pulled_revisions(entry) if one != entry.revision)
        others += [found for one in revisions for found in resolve(f"{entry.name}@{one}")]
    console = Console()
    console.print(table)
    # Too long for a column.
    for entry in others:
        console.print(
            f"{entry.name}: {_here(entry)}", highlight=False, markup=False, soft_wrap=True
        )
    console.print(Text("`tiny` stands for tiny-florence2,tiny-clip"))


@models.command("pull", epilog=exit_codes("models pull"))
def pull_models(names: Names = None) -> None:
    """Fetch models from the hub into its cache (HF_HOME): what is missing, or damaged.

    Stopped, by Ctrl-C or worse, the same command goes on where it was. Every
    file is compared with the digest that the hub names.

    Examples:
      firstpass models pull
      firstpass models pull florence-2-base clip-vit-b-32
    """
    named = ",".join(names or [load_settings().model])
    with going_on():
        from backend.prediction.engine import model_errors
        from models.hub.pull import pull
        from models.registry import resolve

        with model_errors():
            entries = resolve(named)
        with showing_pull(Console(stderr=True)) as watch:
            pulled, failed = pull(entries, watch)
    for one in pulled:
        typer.echo(_outcome(one))
    if failed:
        raise ModelUnavailable("\nfirstpass: ".join(map(str, failed)))


@models.command("check", epilog=exit_codes("models check"))
@with_settings("device", "dtype")
def check_models(
    settings: Settings,
    names: Names = None,
    verify: Annotated[
        bool,
        typer.Option(
            help="Compare every byte with the hub's digests first; reads whole files, asks no network."
        ),
    ] = False,
) -> None:
    """Load models and ask them about one generated image.

    Prints device, dtype, memory and seconds.

    Examples:
      firstpass models check tiny
      firstpass models check --verify --device cuda
    """
    from backend.inference.load import load_models
    from backend.prediction.engine import engine_of
    from backend.queue.vitals import memory_mb
    from models.protocols import ImageQueries
    from models.tiny.scenes import generate_scene

    if names:
        settings = settings.model_copy(update={"model": ",".join(names)})
    entries = engine_of(settings).entries
    compared = _verified(entries) if verify else None
    started = time.monotonic()
    runtime = load_models(settings)
    loaded = time.monotonic()
    queries = _trial(entries)
    runtime.run([ImageQueries(generate_scene(1).image, "check", queries)])
    rows = [
        ("model", settings.model),
        ("fingerprint", runtime.fingerprint),
        ("device", runtime.device),
        ("dtype", ", ".join(runtime.dtypes)),
        ("asked", ", ".join(f"{type(query).__name__} ({query.model})" for query in queries)),
        ("load", f"{loaded - started:.2f} s"),
        ("first image", f"{time.monotonic() - loaded:.2f} s"),
        ("memory of this process", f"{memory_mb()} MiB"),
    ]
    if compared is not None:
        rows.insert(2, ("bytes", compared))
    Console().print(figure_table(Figure(name, "", value) for name, value in rows))


def _trial(entries: Sequence[Entry]) -> tuple[Query, ...]:
    """One question for each model, of the kind that it answers."""
    from models.queries import Classify, Ground

    asked: list[Query] = [Ground(("circle", "star")), Classify(("night", "snow"))]
    return tuple(
        replace(query, model=entry.name)
        for entry in entries
        for query in asked
        if type(query) in entry.queries
    )


def _verified(entries: Sequence[Entry]) -> str:
    """How many files are byte for byte as the hub has them. Raises `ModelUnavailable` for damage."""
    from models.hub.cache import damaged_files

    damaged, compared = {}, []
    for entry in entries:
        found, count = damaged_files(entry)
        if found:
            damaged[entry.name] = found
        what = f"{count} files as the hub has them" if count else "no digests to compare with"
        compared.append(f"{entry.name}: {what}")
    if damaged:
        files = "; ".join(f"{', '.join(names)} of {name}" for name, names in damaged.items())
        raise ModelUnavailable(
            f"damaged, the bytes are not those that the hub named: {files}; "
            f"`firstpass models pull {' '.join(damaged)}` fetches them anew"
        )
    return "; ".join(compared)


def _here(entry: Entry) -> str:
    """Whether a model is on this machine, whole, and how large."""
    from models.hub.cache import bytes_here, is_pulled, located
    from models.registry import ModelNotAvailable

    size = f"{bytes_here(entry) / 1e6:,.0f} MB"
    try:
        located([entry])
    except ModelNotAvailable:
        if bytes_here(entry) == 0:
            return "no"
        return f"damaged, {size}" if is_pulled(entry) else f"in part, {size}"
    return f"bundled, {size}" if entry.folder is not None else f"yes, {size}"


def _outcome(pulled: Pulled) -> str:
    """One line about a model that is whole now."""
    name, folder = pulled.entry.name, pulled.folder
    if pulled.entry.repository is None:
        return f"{name}: in {folder}"
    how = f"{pulled.fetched} files fetched" if pulled.fetched else "was here"
    return f"{name}: {how}, {pulled.compared} compared byte for byte, in {folder}"
