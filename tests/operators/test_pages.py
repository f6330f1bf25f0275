"""The operators' pages name files, commands, settings and services that there are."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
import yaml

from backend.settings import Settings, variable_name
from tests.operators.conftest import REPOSITORY
from tests.pages import blocks, commands_of, parses

PAGES = (
    *("docs/operate.md", "docs/kubernetes.md", "docs/systemd.md", "docs/monitoring.md"),
    *("docs/backup.md", "docs/postgres.md", "docs/updates.md"),
)
NAMES = {variable_name(field) for field in Settings.model_fields}


def commands_of_ours(page: str) -> set[str]:
    """Each `firstpass ...` of a page, in text and in blocks, wherever it runs."""
    text = (REPOSITORY / page).read_text()
    code = re.findall(r"`([^`\n]+)`", text)
    code += [command for block in blocks(page) for command in commands_of(block)]
    found = (re.search(r"(?:^|/|-- )firstpass ([a-z].*?)(?: >>? .*)?$", one) for one in code)
    return {match[1] for match in found if match}


@pytest.mark.parametrize("page", PAGES)
def test_commands_of_ours_are_commands(page: str) -> None:
    """They parse, with their options."""
    for command in commands_of_ours(page):
        assert parses(shlex.split(command)), command


def test_commands_are_found() -> None:
    """The check above sees those in text, behind kubectl and behind a path."""
    assert "doctor --project 3" in commands_of_ours("docs/operate.md")
    assert "connect --project 3" in commands_of_ours("docs/kubernetes.md")
    assert "models pull" in commands_of_ours("docs/systemd.md")


@pytest.mark.parametrize("page", PAGES)
def test_files_and_settings_are_there(page: str) -> None:
    """Files of this repository, and variables of ours."""
    text = (REPOSITORY / page).read_text()
    files = set(re.findall(r"(?<!/)\bdocker/[\w./-]+\w", text)) - {"docker/.env"}

    assert {one for one in files if not (REPOSITORY / one).exists()} == set()
    of_compose = set(
        re.findall(r"\bFIRSTPASS_[A-Z]+\b", (REPOSITORY / "docs/containers.md").read_text())
    )
    assert set(re.findall(r"\bFIRSTPASS_[A-Z_]+\b", text)) - NAMES <= of_compose


def test_pages_are_found_from_the_door() -> None:
    """The README names docs/operate.md, and that every page."""
    door = (REPOSITORY / "docs" / "operate.md").read_text()

    assert "docs/operate.md" in (REPOSITORY / "README.md").read_text()
    assert [p for p in PAGES[1:] if f"({Path(p).name})" not in door] == []


def test_services_that_compose_commands_name_are_there() -> None:
    """In the scripts; the overlay adds one, on a network of its own, and touches Label Studio alone."""
    services = yaml.safe_load((REPOSITORY / "docker" / "compose.yaml").read_text())["services"]
    overlay = yaml.safe_load((REPOSITORY / "docker" / "compose.postgres.yaml").read_text())
    scripts = "".join(
        (REPOSITORY / "docker" / name).read_text() for name in ("backup.sh", "restore.sh")
    )

    named = set(re.findall(r"(?:exec -T|alone \S+) ([a-z-]+) ", scripts))
    assert named == {"redis", "courier", "label-studio", "postgres"}
    assert named - {"postgres"} <= services.keys()
    assert overlay["services"].keys() == {"postgres", "label-studio"}
    assert overlay["services"]["postgres"]["networks"] == ["database"]
