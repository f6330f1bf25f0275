"""Command-line options that stand for settings: same type, same variable, same words in `--help`."""

from __future__ import annotations

from typing import Any

import typer
from pydantic_core import PydanticUndefined

from backend.settings import Settings, variable_name

__all__ = ["setting"]


def setting(field: str, *names: str) -> Any:
    """A typer option for one field of `Settings`; `None` (its default) means not given.

    >>> setting("port").envvar
    'FIRSTPASS_PORT'
    """
    info = Settings.model_fields[field]
    default = "" if info.default in (None, PydanticUndefined, ()) else f" (default: {info.default})"
    return typer.Option(
        *(names or (f"--{field.replace('_', '-')}",)),
        envvar=variable_name(field),
        help=f"{info.description}{default}",
        show_default=False,
    )
