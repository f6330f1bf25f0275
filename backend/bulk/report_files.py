"""Where a report goes: JSON or an HTML page, by the file's name; and the contact sheet as PNG."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from backend.bulk.report import Report
from backend.bulk.report_page import report_page
from backend.errors import BadRequest
from backend.runs.output_file import check_output, writing

__all__ = ["check_report_paths", "save_sheet", "write_reports"]


def check_report_paths(paths: Sequence[Path]) -> None:
    """Raises `BadRequest` for a name that is neither JSON nor HTML, `OutputUnwritable` for a bad place."""
    for path in paths:
        if path.suffix.lower() not in (".json", ".html"):
            raise BadRequest(f"expected --report FILE.json or FILE.html, got {path}")
        check_output(path, "--report")


def write_reports(report: Report, paths: Sequence[Path]) -> None:
    """The same figures in each file. Raises `OutputUnwritable`."""
    for path in paths:
        text = report.to_json() if path.suffix.lower() == ".json" else report_page(report)
        with writing(path) as file:
            file.write(text.encode())


def save_sheet(sheet: Image.Image, path: Path) -> None:
    """As PNG. Raises `OutputUnwritable`."""
    with writing(path) as file:
        sheet.save(file, format="PNG")
