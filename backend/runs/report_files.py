"""Where a report goes: JSON or an HTML page, by the file's name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from backend.errors import BadRequest
from backend.runs.output_file import check_output, writing

__all__ = ["check_report_paths", "write_reports"]


def check_report_paths(paths: Sequence[Path]) -> None:
    """Raises `BadRequest` for a name that is neither JSON nor HTML, `OutputUnwritable` for a bad place."""
    for path in paths:
        if path.suffix.lower() not in (".json", ".html"):
            raise BadRequest(f"expected --report FILE.json or FILE.html, got {path}")
        check_output(path, "--report")


def write_reports(
    paths: Sequence[Path], as_json: Callable[[], str], as_page: Callable[[], str]
) -> None:
    """Write the same figures into each file. Raises `OutputUnwritable`."""
    for path in paths:
        text = as_json() if path.suffix.lower() == ".json" else as_page()
        with writing(path) as file:
            file.write(text.encode())
