"""Command-line options, each declared once: settings by their field, and what several commands take.

A command names the settings it takes and gets them loaded; options that belong together come as one
frozen dataclass. Only settings have environment variables (D-14).
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Sequence
from dataclasses import MISSING, dataclass, fields, is_dataclass
from functools import cache, partial
from pathlib import Path
from typing import Annotated, Any, TypeAlias, get_args, get_type_hints

import typer

from backend.cli.running import as_it_runs
from backend.settings import Settings, load_settings, variable_name

__all__ = [
    "BOTH_SIDES",
    "MODELS",
    "PROJECT_HELP",
    "STATE",
    "AsJson",
    "ProjectOption",
    "ReadSettings",
    "RunOptions",
    "run",
    "which",
    "with_settings",
]

#: What a command takes that has to tell of bad settings in its own way.
ReadSettings: TypeAlias = Callable[[], Settings]
Command: TypeAlias = Callable[..., None]

PROJECT_HELP = "A project: its id, its address in Label Studio, or its title."
ProjectOption = Annotated[str, typer.Option("--project", help=PROJECT_HELP)]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]

#: Settings that are taken together: by what runs models, what looks at Redis, what calls both sides.
MODELS = ("model", "device", "dtype", "batch_max", "score_threshold")
STATE = ("redis_url", "home")
BOTH_SIDES = ("public_url", "label_studio_url", "host", "port")

#: Options of the two groups of help that runs have.
which = partial(typer.Option, rich_help_panel="Which images")
run = partial(typer.Option, rich_help_panel="The run")

#: The group of help that a setting stands in; those that are in none come under the last.
_PANELS = {
    "Models": MODELS,
    "Label Studio": ("label_studio_url", "local_files_root"),
    "Firstpass as Label Studio reaches it": ("public_url", "host", "port", "basic_auth_user"),
}
_OTHER_PANEL = "Redis, state and logs"


@dataclass(frozen=True, kw_only=True)
class RunOptions:
    """What every run over a project or a folder takes."""

    limit: Annotated[int | None, which(min=1, help="At most so many, the first.")] = None
    sample: Annotated[int | None, which(min=1, help="So many, chosen by chance.")] = None
    seed: Annotated[int, which(help="Another number chooses another sample.")] = 0
    retry_failed: Annotated[
        bool, run(help="Try again what failed in an earlier start of this run.")
    ] = False
    report: Annotated[
        list[Path] | None, run(help="FILE.html or FILE.json; may be given twice.", metavar="FILE")
    ] = None


def with_settings(*names: str, as_running: Sequence[str] = ()) -> Callable[[Command], Command]:
    """Make a typer command of a function whose first parameter is the settings.

    The command has an option for each named field of `Settings`, and one for each field of a parameter
    that is a dataclass. Fields in `as_running` that are not given are those of the Firstpass that runs.
    A flag that is off unless given has no `--no-` form. A function whose first parameter is `ReadSettings`
    loads the settings itself.
    """

    def decorate(function: Command) -> Command:
        first, *others = inspect.signature(function, eval_str=True).parameters.values()
        groups: dict[str, Any] = {
            one.name: one.annotation for one in others if is_dataclass(one.annotation)
        }
        parameters = [
            *(option for one in others for option in _options(one)),
            *(_parameter(name, *setting(name), None) for name in names),
        ]

        def command(**given: Any) -> None:
            options = {name: given.pop(name) for name in names}

            @cache  # who runs is said once
            def read() -> Settings:
                settings = load_settings(**options)
                return as_it_runs(settings, as_running) if as_running else settings

            for name, group in groups.items():
                given[name] = group(**{one.name: given.pop(one.name) for one in fields(group)})
            function(read() if first.annotation is Settings else read, **given)

        command.__name__, command.__doc__ = function.__name__, function.__doc__
        command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        return command

    return decorate


def setting(name: str) -> tuple[Any, Any]:
    """The type of the option for a field of `Settings`, and the option; `None` means not given.

    >>> setting("port")[1].envvar
    'FIRSTPASS_PORT'
    """
    info = Settings.model_fields[name]
    kinds = {info.annotation, *get_args(info.annotation)} & {int, float, Path}
    default = f" (default: {info.default})" if info.default not in (None, ()) else ""
    option = typer.Option(
        f"--{name.replace('_', '-')}",
        envvar=variable_name(name),
        help=f"{info.description}{default}",
        rich_help_panel=next(
            (panel for panel, held in _PANELS.items() if name in held), _OTHER_PANEL
        ),
        show_default=False,
    )
    return (kinds.pop() if kinds else str) | None, option


def _options(parameter: inspect.Parameter) -> Iterator[inspect.Parameter]:
    """The parameter itself, or one for each field of its dataclass, those it adds to its base first."""
    group = parameter.annotation
    if not is_dataclass(group):
        _name_flag(parameter.name, group, parameter.default)
        yield parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY)
        return
    hints = get_type_hints(group, include_extras=True)
    for one in sorted(
        fields(group), key=lambda one: one.name not in vars(group)["__annotations__"]
    ):
        kind, option = get_args(hints[one.name])
        default = inspect.Parameter.empty if one.default is MISSING else one.default
        _name_flag(one.name, hints[one.name], default)
        yield _parameter(one.name, kind, option, default)


def _name_flag(name: str, annotation: Any, default: Any) -> None:
    """Give the option of a flag that is off its one name, for typer would add another that puts it off."""
    if default is not False:
        return
    (option,) = annotation.__metadata__
    if option.default is ... and not option.param_decls:
        option.param_decls = (f"--{name.replace('_', '-')}",)


def _parameter(name: str, kind: Any, option: Any, default: Any) -> inspect.Parameter:
    return inspect.Parameter(
        name,
        inspect.Parameter.KEYWORD_ONLY,
        default=default,
        annotation=Annotated[kind, option],
    )
