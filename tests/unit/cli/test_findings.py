"""Findings on a terminal."""

from __future__ import annotations

from backend.cli.findings import failed, finding_line
from backend.projects.finding import Finding, Level


def test_a_line_has_its_fix_below() -> None:
    line = finding_line(Finding(Level.WARNING, "no webhook", "connect again"))

    assert line.plain == "warning     no webhook\n            -> connect again"


def test_what_label_studio_says_cannot_move_the_cursor() -> None:
    """A project's title may hold anything; it is no markup either."""
    line = finding_line(Finding(Level.OK, "project 1: \x1b[2J[red]", None))

    assert line.plain.endswith("project 1: \ufffd[2J[red]")


def test_errors_alone_fail() -> None:
    assert failed([Finding(Level.OK, ""), Finding(Level.ERROR, "")])
    assert not failed([Finding(Level.WARNING, ""), Finding(Level.SKIPPED, "")])
