"""Each command of each page is run by a test, or it is said why none can."""

from __future__ import annotations

import ast
import re

import pytest

from tests.page_commands import COMMANDS, AlsoRun, AsItStands, NotRun, Ran
from tests.pages import PAGES, REPOSITORY, blocks, commands_of

LISTED = [(page, name, ran) for page, names in COMMANDS.items() for name, ran in names.items()]


@pytest.mark.parametrize("page", PAGES)
def test_each_command_is_listed(page: str) -> None:
    """And none that the page does not give any more."""
    given = {command for block in blocks(page) for command in commands_of(block)}

    assert given == COMMANDS.get(page, {}).keys()


def test_blocks_of_other_kinds_hold_no_commands() -> None:
    """A command in a block without `sh` would be one that nobody looks at."""
    for page in PAGES:
        text = (REPOSITORY / page).read_text()
        fenced = re.findall(r"^```(\w*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
        lines = [line for kind, block in fenced if kind != "sh" for line in block.splitlines()]
        assert not [line for line in lines if re.match(r"(firstpass|make|docker|kubectl) ", line)]


@pytest.mark.parametrize("ran", sorted({ran for *_, ran in LISTED}, key=str), ids=str)
def test_what_runs_it_is_there(ran: Ran) -> None:
    """A test by that name, or a reason in words."""
    match ran:
        case NotRun(reason=reason):
            assert len(reason.split()) > 4
        case AsItStands(test=test) | AlsoRun(test=test):
            file, _, function = test.partition("::")
            assert function in _functions(file), test


@pytest.mark.parametrize(
    "ran", sorted({r for *_, r in LISTED if isinstance(r, AsItStands)}, key=str)
)
def test_what_is_run_as_it_stands_is_read_from_the_page(ran: AsItStands) -> None:
    """The test's file takes commands from the list here, or names each page whose blocks it runs."""
    text = (REPOSITORY / ran.test.partition("::")[0]).read_text()
    pages = {page for page, _, each in LISTED if each == ran}

    from_the_list = "commands_run_by(" in text
    assert from_the_list or all(page.rpartition("/")[2] in text for page in pages), pages


def _functions(file: str) -> set[str]:
    tree = ast.parse((REPOSITORY / file).read_text())
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
