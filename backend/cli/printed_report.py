"""A command's report as it is printed: as JSON for programs, or as figures and tables for people."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import typer
from rich.console import Console

from backend.pages.summary import Summary
from backend.pages.terminal import summary_parts

__all__ = ["print_report", "print_summary"]


class _Report(Protocol):
    def to_json(self) -> str: ...


def print_report(report: _Report, summary: Callable[[], Summary], *, as_json: bool) -> None:
    """To stdout, either the one or the other."""
    if as_json:
        typer.echo(report.to_json(), nl=False)
    else:
        print_summary(summary())


def print_summary(summary: Summary) -> None:
    """To stdout, for people."""
    console = Console()
    for part in summary_parts(summary):
        console.print(part)
