"""`firstpass --version`: what a report of a fault needs to name."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version

import typer

__all__ = ["show_version"]


def show_version(wanted: bool) -> None:
    """Print the versions and end, where they are wanted."""
    if not wanted:
        return
    from models.registry import ANSWERS_VERSION

    typer.echo(f"firstpass {_version('firstpass')}, answers {ANSWERS_VERSION}")
    typer.echo(f"Python {platform.python_version()}, {platform.system()} {platform.machine()}")
    typer.echo(", ".join(f"{name} {_version(name)}" for name in ("torch", "transformers", "rq")))
    raise typer.Exit


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"
