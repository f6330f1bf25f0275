"""Every command of the command line, with its path."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from typing import Any

import typer

from backend.cli.main import app
from tests.pages import parses


def commands(command: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every command below this one that does something; typer's own objects carry no public types."""
    if not hasattr(command, "commands"):
        yield path, command
        return
    if command.invoke_without_command:
        yield path, command
    for name, child in command.commands.items():
        yield from commands(child, f"{path} {name}".strip())


ROOT = typer.main.get_command(app)
COMMANDS = dict(commands(ROOT))


def parse(line: str) -> None:
    """Return for a command line that would run; raise what the parser raises for any other."""
    _program, *words = shlex.split(line, comments=True)
    assert parses(words)


def lines_in(text: str) -> list[str]:
    """The lines of a text that are commands of ours, with what a backslash continues."""
    joined = re.sub(r"\\\n\s*", " ", text)
    return [line.strip() for line in joined.splitlines() if line.strip().startswith("firstpass ")]
