"""Findings as lines for a terminal and as JSON. What comes from elsewhere is shown, never obeyed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rich.text import Text

from backend.projects.finding import Finding, Level
from backend.wording import printable

__all__ = ["failed", "finding_json", "finding_line"]

_STYLES = {
    Level.OK: "green",
    Level.DONE: "green",
    Level.ALREADY: "green",
    Level.REPAIRED: "cyan",
    Level.SKIPPED: "dim",
    Level.WARNING: "yellow",
    Level.ERROR: "bold red",
}
_WIDTH = max(len(level) for level in Level)


def finding_line(finding: Finding) -> Text:
    """One line, and one below it for the fix."""
    line = Text(finding.level.ljust(_WIDTH), style=_STYLES[finding.level])
    line.append(f"  {printable(finding.what)}", style="not bold default")
    if finding.fix is not None:
        line.append(f"\n{' ' * _WIDTH}  -> {printable(finding.fix)}", style="not bold default")
    return line


def finding_json(finding: Finding) -> dict[str, Any]:
    return {"level": finding.level.value, "what": finding.what, "fix": finding.fix}


def failed(findings: Iterable[Finding]) -> bool:
    """Whether any of them is an error."""
    return any(finding.level is Level.ERROR for finding in findings)
