"""Where a report goes: JSON or an HTML page, by the file's name; and the contact sheet as PNG."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from backend.bulk.report import Report
from backend.bulk.report_page import report_page
from backend.bulk.task_file import OutputUnwritable
from backend.errors import BadRequest

__all__ = ["check_report_paths", "save_sheet", "write_reports"]


def check_report_paths(paths: Sequence[Path]) -> None:
    """Raises `BadRequest` for a name that is neither JSON nor HTML, or a folder that is not there."""
    for path in paths:
        if path.suffix.lower() not in (".json", ".html"):
            raise BadRequest(f"expected --report FILE.json or FILE.html, got {path}")
        if not path.parent.is_dir():
            raise BadRequest(f"expected --report in a folder that is there; {path.parent} is not")


def write_reports(report: Report, paths: Sequence[Path]) -> None:
    """The same figures in each file. Raises `OutputUnwritable`."""
    for path in paths:
        text = report.to_json() if path.suffix.lower() == ".json" else report_page(report)
        try:
            path.write_text(text, encoding="utf-8")
        except OSError as error:
            raise OutputUnwritable(f"{path} cannot be written: {error.strerror}") from error


def save_sheet(sheet: Image.Image, path: Path) -> None:
    """As PNG. Raises `OutputUnwritable`."""
    try:
        sheet.save(path, format="PNG")
    except OSError as error:
        raise OutputUnwritable(f"{path} cannot be written: {error.strerror or error}") from error
