"""Help as it is printed on a terminal of 80 columns, and what it says of options, examples and codes."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from backend import cli
from backend.cli import ends
from backend.cli.main import app
from backend.queue.leases import EXIT_HUNG
from backend.settings import Settings, variable_name
from tests.unit.cli.command_tree import COMMANDS, ROOT, lines_in, parse

REPOSITORY = Path(__file__).parents[3]
README = REPOSITORY / "README.md"
SETTINGS_PAGE = REPOSITORY / "docs" / "settings.md"
GROUPS = ["", *(name for name, command in ROOT.commands.items() if hasattr(command, "commands"))]  # type: ignore[attr-defined]
VARIABLES = {variable_name(field) for field in Settings.model_fields}
#: In the order of the commands that users see in help and on the pages.
PAGES = [*dict.fromkeys([*GROUPS, *COMMANDS])]


@pytest.fixture(scope="module")
def printed() -> dict[str, str]:
    """What each command's --help prints."""

    def show(page: str) -> str:
        done = CliRunner().invoke(app, [*page.split(), "--help"], env={"COLUMNS": "80"})
        assert done.exit_code == 0, done.output
        return done.output

    return {page: show(page) for page in PAGES}


@pytest.mark.parametrize("page", ["", "prelabel project"])
def test_a_terminal_shows_the_same(printed: dict[str, str], page: str) -> None:
    """The pages below are read as printed in this process; these, from a process of their own."""
    terminal = {"COLUMNS": "80", "PYTHONIOENCODING": "utf-8", "PATH": os.environ["PATH"]}  # noqa: TID251

    done = subprocess.run(
        [sys.executable, "-m", "backend.cli.main", *page.split(), "--help"],
        env=terminal, cwd=REPOSITORY, capture_output=True, text=True, check=True, timeout=120,
    )  # fmt: skip

    assert without_program(done.stdout) == without_program(printed[page])


def without_program(text: str) -> str:
    """Without the usage line, which names what was started."""
    return re.sub(r"^ Usage: .*$", "", text, flags=re.MULTILINE)


@pytest.mark.parametrize("page", PAGES)
def test_help_fits_80_columns_and_nothing_is_cut(printed: dict[str, str], page: str) -> None:
    """Every option's name and variable stands there in one piece."""
    text = printed[page]

    assert max(map(len, text.splitlines())) <= 80
    assert "…" not in text
    command = COMMANDS.get(page)
    for parameter in command.params if command is not None else ():
        if parameter.param_type_name == "option":
            assert all(f"{name} " in text for name in parameter.opts)
        if parameter.envvar:
            assert f"[env var: {parameter.envvar}]" in text


@pytest.mark.parametrize("path", COMMANDS)
def test_settings_and_only_they_have_variables(path: str) -> None:
    """A variable of a setting is honoured wherever the setting is; there is no other kind."""
    for parameter in COMMANDS[path].params:
        assert parameter.help, parameter.name
        if parameter.envvar is not None:
            assert parameter.envvar in VARIABLES
        else:
            assert parameter.name not in Settings.model_fields


@pytest.mark.parametrize("path", COMMANDS)
def test_options_of_several_subjects_stand_in_groups(printed: dict[str, str], path: str) -> None:
    titles = re.findall(r"^╭─ (.+?) ─+╮$", printed[path], flags=re.MULTILINE)

    assert len(titles) == len(set(titles))
    assert ("Models" in titles) == ("--model " in printed[path] or "--device" in printed[path])


@pytest.mark.parametrize("path", [path for path in COMMANDS if path != "models list"])
def test_two_examples_are_printed_in_one_line_each_and_parse(
    printed: dict[str, str], path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(REPOSITORY)
    docstring, shown = lines_in(COMMANDS[path].help), lines_in(printed[path])

    assert len(shown) >= 2
    assert shown == docstring
    assert all(f"\n   {example}" in printed[path] for example in shown), "not indented"
    for example in shown:
        assert example.startswith(f"firstpass {path}")
        parse(example)


@pytest.mark.parametrize("path", COMMANDS)
def test_help_ends_with_the_exit_codes_of_the_table(printed: dict[str, str], path: str) -> None:
    found = re.findall(r"^ (\d+) +(\S.*?) *$", printed[path].split("Exit codes:")[1], re.MULTILINE)

    assert {int(code): meaning for code, meaning in found} == {
        code: ends.MEANINGS[code]
        for code in ends.MEANINGS
        if code not in ends.COMMANDS or any(_is_of(path, one) for one in ends.COMMANDS[code])
    }


def _is_of(path: str, listed: str) -> bool:
    return path == listed or path.startswith(f"{listed} ")


def test_the_table_names_commands_that_there_are() -> None:
    for listed in ends.COMMANDS.values():
        for one in listed:
            assert any(_is_of(path, one) for path in COMMANDS), one
    assert ends.HUNG == EXIT_HUNG


def test_commands_end_with_the_codes_that_the_table_says_of_them() -> None:
    """No module of a command exits with a number, nor with a code that is not listed for it."""
    for file in sorted(Path(cli.__path__[0]).glob("*.py")):
        found = {name for call in _exits(file) for name in _names(call)}
        for name in found:
            code = getattr(ends, name)
            whose = ends.COMMANDS.get(code, (file.stem,))
            assert file.stem in {one.split()[0] for one in whose} | {"ends"}, (file.name, name)


def _exits(file: Path) -> list[ast.Call]:
    return [
        node
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("typer.Exit", "sys.exit")
    ]


def _names(call: ast.Call) -> list[str]:
    for one in call.args:
        numbers = [node for node in ast.walk(one) if isinstance(node, ast.Constant)]
        assert not numbers, ast.unparse(call)
    return [
        node.id
        for one in call.args
        for node in ast.walk(one)
        if isinstance(node, ast.Name) and node.id.isupper()
    ]


def test_the_page_of_settings_has_the_table_of_exit_codes() -> None:
    rows = re.findall(
        r"^\| (\d+) \| (.+?) \| (.+?) \|$", SETTINGS_PAGE.read_text(), flags=re.MULTILINE
    )

    assert {int(code): (meaning, whose) for code, meaning, whose in rows} == {
        code: (
            meaning,
            ", ".join(f"`{one}`" for one in ends.COMMANDS[code])
            if code in ends.COMMANDS
            else "every command",
        )
        for code, meaning in ends.MEANINGS.items()
    }


def _documents() -> list[Path]:
    return [
        README,
        *sorted((REPOSITORY / "docs").glob("*.md")),
        REPOSITORY / "DECISIONS.md",
        REPOSITORY / "docker" / "README.md",
        REPOSITORY / "label_config" / "README.md",
    ]


@pytest.mark.parametrize("file", _documents(), ids=lambda file: str(file.relative_to(REPOSITORY)))
def test_commands_in_documents_parse(file: Path) -> None:
    text = file.read_text()
    blocks = re.findall(r"```sh\n(.*?)```", text, flags=re.DOTALL)
    for line in (line for block in blocks for line in lines_in(_quoted_whole(block))):
        parse(line)
    for mention in re.findall(r"`(firstpass [^`\n]+)`", text):
        _parse_mention(mention)


def test_commands_in_sentences_of_the_program_parse() -> None:
    """A remedy that names an option or a command that is not there helps nobody."""
    count = 0
    for file in sorted((REPOSITORY / "backend").rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text())):
            for mention in re.findall(r"`(firstpass [a-z][^`]+)`", _sentence(node)):
                count += 1
                _parse_mention(" ".join(mention.split()))
    assert count > 50


def _sentence(node: ast.AST) -> str:
    """A text of the source, with 3 for what is filled in."""
    if isinstance(node, ast.JoinedStr):
        return "".join(
            str(one.value) if isinstance(one, ast.Constant) else "3" for one in node.values
        )
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def _quoted_whole(block: str) -> str:
    """The block, with line breaks within quotes made spaces."""
    return re.sub(r"'[^']*'", lambda found: found[0].replace("\n", " "), block)


def _parse_mention(mention: str) -> None:
    """Raise for an option or a command that is not there; arguments may be left out in a sentence."""
    try:
        parse(re.split(" [|>]", mention)[0])
    except Exception as error:
        kind: Any = type(error).__name__
        absent = kind == "BadParameter" and "does not exist" in str(error)  # FILE.xml
        if not absent and kind not in ("MissingParameter", "NoArgsIsHelpError", "Exit"):
            raise AssertionError(f"{mention}: {kind}: {error}") from error


def test_the_version_is_told_with_what_a_report_needs() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "backend.cli.main", "--version"],
        cwd=REPOSITORY, capture_output=True, text=True, check=True, timeout=120,
    )  # fmt: skip

    assert re.fullmatch(
        r"firstpass \d+\.\d+\.\d+, answers \d+\nPython 3\.\d+\.\d+, \w+ \w+\n"
        r"torch [\d.+\w]+, transformers [\d.]+, rq [\d.]+\n",
        done.stdout,
    )
