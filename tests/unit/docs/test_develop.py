"""What docs/develop.md names is there; that the walks go so is shown by tests that go them."""

from __future__ import annotations

import ast
import re

import pytest

from tests.pages import REPOSITORY
from tests.walks import PAGE, walk

TEXT = (REPOSITORY / PAGE).read_text()


def test_files_that_the_page_names_are_there() -> None:
    """Whole paths, and those of a table or a sentence that begin with a folder of ours."""
    named = set(re.findall(r"`((?:backend|models|tests|docker|label_config)/[\w./-]*)`", TEXT))

    assert len(named) > 40
    assert {one for one in named if not (REPOSITORY / one).exists()} == set()


@pytest.mark.parametrize("section", ["How a request travels", "How a bulk run travels"])
def test_each_file_of_a_walk_has_the_function_that_it_is_entered_by(section: str) -> None:
    """At most twelve files, none twice."""
    steps = walk(section).steps

    assert 10 <= len(steps) <= 12
    assert len({file for file, _ in steps}) == len(steps)
    for file, function in steps:
        assert function in _functions(ast.parse((REPOSITORY / file).read_text())), (file, function)


def test_a_control_tag_takes_five_files() -> None:
    """Its table has as many rows; each names a place that is there."""
    part = TEXT.partition("\n## How a new control tag travels\n")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| `([\w./]+)` \|", part, re.MULTILINE)

    assert len(rows) == 5
    assert [row for row in rows if not (REPOSITORY / row).exists()] == []


def test_the_rooms_are_those_of_the_import_contract() -> None:
    """Every folder of `backend` is in the list."""
    part = TEXT.partition("\n## The rooms\n")[2].partition("\n## ")[0]
    folders = {
        folder.name
        for folder in (REPOSITORY / "backend").iterdir()
        if (folder / "__init__.py").exists()
    }

    assert {name for name in folders if f"{name}/" not in part} == set()


def test_each_word_of_delivery_is_explained() -> None:
    """Every module of the folder but those with plain names."""
    part = TEXT.partition("\n## The words of `delivery/`\n")[2]
    plain = {"__init__", "complaints", "doubles", "failed_tasks", "keys", "rows"}
    modules = {file.stem for file in (REPOSITORY / "backend" / "delivery").glob("*.py")} - plain

    assert {name for name in modules if f"`backend/delivery/{name}.py`" not in part} == set()


def _functions(tree: ast.AST, within: str = "") -> set[str]:
    """All functions by name, methods with their class; those within functions by their own name."""
    found: set[str] = set()
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.ClassDef):
            found |= _functions(node, f"{node.name}.")
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            found.add(f"{within}{node.name}")
            found |= _functions(node)
        else:
            found |= _functions(node, within)
    return found
