"""The commands that pages give, as they stand there: what a test runs or checks is what people copy."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from typer.main import get_command

from backend.cli.main import app

REPOSITORY = Path(__file__).parents[1]


def blocks(page: str, section: str | None = None) -> list[str]:
    """The shell blocks of a page, or of one of its sections, in order."""
    text = (REPOSITORY / page).read_text()
    if section is not None:
        _, _, behind = text.partition(f"\n## {section}\n")
        assert behind, f"{page} has no section {section}"
        text = behind.partition("\n## ")[0]
    return re.findall(r"^```sh\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def parses(arguments: list[str]) -> bool:
    """Whether these make a command of ours with options that it has; the error that says what is wrong, else."""
    command: Any = get_command(app)
    context = command.make_context("firstpass", list(arguments))
    while hasattr(command, "resolve_command"):  # a group of commands
        words = [*context._protected_args, *context.args]
        if not words and command.invoke_without_command:
            return True
        name, command, rest = command.resolve_command(context, words)
        context = command.make_context(name, rest, parent=context)
    return True
