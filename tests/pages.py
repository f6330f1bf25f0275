"""The commands that pages give, as they stand there: what a test runs or checks is what people copy."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

from typer.main import get_command

from backend.cli.main import app

REPOSITORY = Path(__file__).parents[1]
#: Every page that people are sent to, the first of them first.
PAGES = (
    "README.md",
    *sorted(f"docs/{page.name}" for page in (REPOSITORY / "docs").glob("*.md")),
    *("docker/README.md", "label_config/README.md", "models/tiny/README.md"),
    *("DECISIONS.md", "CHANGELOG.md"),
)


def blocks(page: str, section: str | None = None) -> list[str]:
    """The shell blocks of a page, or of one of its sections, in order."""
    text = (REPOSITORY / page).read_text()
    if section is not None:
        _, _, behind = text.partition(f"\n## {section}\n")
        assert behind, f"{page} has no section {section}"
        text = behind.partition("\n## ")[0]
    return re.findall(r"^```sh\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def commands_of(block: str) -> list[str]:
    """The commands of a shell block, without comments: one for each line, quoted line breaks and all.

    A function or a loop, whose inner lines are indented, is one command.
    """
    found: list[str] = []
    for line in block.splitlines():
        bare = re.sub(r"\s+#\s.*$", "", line)
        goes_on = found and (found[-1].count("'") % 2 or line.startswith((" ", ")", "done")))
        if goes_on:
            found[-1] += f"\n{bare}"
        elif bare.strip():
            found.append(bare)
    return found


def anchors(page: Path) -> set[str]:
    """The names under which a page's headings can be linked to, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    texts = (re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading) for heading in headings)
    return {re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-") for text in texts}


@cache
def _command() -> Any:
    """All commands, which are made anew whenever they are asked for."""
    return get_command(app)


def parses(arguments: list[str]) -> bool:
    """Whether these make a command of ours with options that it has; the error that says what is wrong, else."""
    command: Any = _command()
    context = command.make_context("firstpass", list(arguments))
    while hasattr(command, "resolve_command"):  # a group of commands
        words = [*context._protected_args, *context.args]
        if not words and command.invoke_without_command:
            return True
        name, command, rest = command.resolve_command(context, words)
        if not rest and hasattr(command, "resolve_command"):
            return True  # prose names a group of commands, such as `firstpass prelabel`
        context = command.make_context(name, rest, parent=context)
    return True
