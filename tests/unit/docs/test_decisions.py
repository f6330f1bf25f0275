"""Decisions have numbers, and what is cited anywhere is there."""

from __future__ import annotations

import re
from pathlib import Path

from tests.pages import PAGES, REPOSITORY

HEADINGS = re.findall(
    r"^### D-(\d+): (.+)$", (REPOSITORY / "DECISIONS.md").read_text(), re.MULTILINE
)


def cited() -> dict[str, set[str]]:
    """Where each number is cited: in code, in files for operators, and on pages."""
    found: dict[str, set[str]] = {}
    for file in _files():
        for number in re.findall(r"\bD-(\d+)\b", file.read_text(errors="replace")):
            found.setdefault(number, set()).add(str(file.relative_to(REPOSITORY)))
    return found


def _files() -> list[Path]:
    folders = ("backend", "models", "training", "docker", ".ci")
    code = [
        file for folder in folders for file in (REPOSITORY / folder).rglob("*") if _is_ours(file)
    ]
    pages = [REPOSITORY / page for page in PAGES if page != "DECISIONS.md"]
    return [*code, *pages, REPOSITORY / "Makefile", REPOSITORY / "pyproject.toml"]


def _is_ours(file: Path) -> bool:
    return file.suffix in (".py", ".lua", ".sh", ".yaml", ".yml", "") and file.is_file()


def test_each_decision_has_a_number_of_its_own() -> None:
    """Every heading of the third level is one, none stands twice, and each says something."""
    text = (REPOSITORY / "DECISIONS.md").read_text()
    numbers = [int(number) for number, _ in HEADINGS]

    assert len(re.findall(r"^### ", text, re.MULTILINE)) == len(HEADINGS) > 100
    assert sorted(numbers) == list(range(1, len(numbers) + 1))
    for part in re.split(r"^### ", text, flags=re.MULTILINE)[1:]:
        heading, _, body = part.partition("\n")
        lines = body.split("\n## ")[0].strip().splitlines()
        assert 1 <= len(lines) <= 12, heading


def test_what_is_cited_is_there() -> None:
    """A comment that names a decision which there is not sends its reader nowhere."""
    there = {number for number, _ in HEADINGS}

    assert {number: files for number, files in cited().items() if number not in there} == {}


def test_citations_are_found() -> None:
    """The check above sees those of the worker."""
    assert "backend/queue/worker.py" in set().union(*cited().values())


def test_no_comment_points_at_the_page_without_a_number() -> None:
    """Nobody reads 150 decisions for one."""
    for file in (
        file
        for folder in ("backend", "models", "training")
        for file in (REPOSITORY / folder).rglob("*.py")
    ):
        assert "DECISIONS" not in file.read_text(), file
