"""A run's figures: as JSON, on the terminal, as a page."""

from __future__ import annotations

import io
import json
from html.parser import HTMLParser
from pathlib import Path

import pytest
from rich.console import Console

from backend.bulk.left_out import LeftOut
from backend.bulk.marks import marks_of
from backend.bulk.report import Report, RunFacts
from backend.bulk.tally import Tally
from backend.errors import BadRequest, Failure
from backend.pages.page import summary_page
from backend.pages.terminal import summary_parts
from backend.runs.output_file import OutputUnwritable
from backend.runs.report_files import check_report_paths, write_reports
from tests.unit.bulk.rows import choice, rectangle

NASTY = "<script>alert('x')</script>\x1b[31m[red]"


def report(*, left: int = 0, label: str = "car", failed: bool = True) -> Report:
    tally = Tally()
    tally.add(marks_of([rectangle("a", label, 0.5), rectangle("b", label, 1.0)]))
    tally.add(marks_of([choice("c", "street")]))
    if failed:
        tally.fail(f"{label}.jpg", Failure("ImageRefused", f"why: {label}", transient=False))
    facts = RunFacts(
        f"project 3 ({label})", "tiny-1", 0.0, 100.0, seconds=6.0, left=left, ledger="/x/y.sqlite"
    )
    return Report.of(tally, facts)


def page_of(shown: Report) -> str:
    return summary_page(shown.summary())


def write(shown: Report, paths: list[Path]) -> None:
    write_reports(paths, shown.to_json, lambda: page_of(shown))


def on_terminal(shown: Report) -> str:
    buffer = io.StringIO()
    console = Console(file=buffer, width=120)
    for table in summary_parts(shown.summary()):
        console.print(table)
    return buffer.getvalue()


def test_the_json_holds_every_figure() -> None:
    body = json.loads(report().to_json())

    assert body["source"] == "project 3 (car)"
    assert body["model_version"] == "tiny-1"
    assert (body["begun_at"], body["ended_at"]) == ("1970-01-01T00:00:00Z", "1970-01-01T00:01:40Z")
    assert (body["predicted"], body["failed"], body["left"]) == (2, 1, 0)
    assert (body["regions"], body["undrawn"], body["empty"]) == (2, 1, 0)
    assert body["images_per_s"] == 0.5
    assert body["labels"][0] == {
        "control": "box", "label": "car", "regions": 2, "images": 1, "mean_score": 0.75,
        "scores": [*[0] * 10, 1, *[0] * 8, 1],
    }  # fmt: skip
    assert body["failures"][0]["examples"] == [{"task": "car.jpg", "message": "why: car"}]


@pytest.mark.parametrize(
    ("left", "failed", "complete"), [(0, False, True), (1, False, False), (0, True, False)]
)
def test_a_run_is_complete_when_nothing_failed_and_nothing_is_left(
    left: int, failed: bool, complete: bool
) -> None:
    assert report(left=left, failed=failed).complete is complete


def test_the_terminal_shows_figures_labels_and_reasons() -> None:
    shown = on_terminal(report(left=7))

    for expected in (
        "not done yet",
        "7",
        "street",
        "0.75",
        "ImageRefused",
        "why: car",
        "/x/y.sqlite",
    ):
        assert expected in shown


def test_the_page_shows_the_same() -> None:
    page = page_of(report(left=7))

    for expected in (
        "7 not done yet",
        "street",
        "0.750",
        "ImageRefused",
        "why: car",
        "/x/y.sqlite",
    ):
        assert expected in page


class Scripts(HTMLParser):
    """Notes what a browser would run or load."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = {name for name, _ in attrs}
        if tag in ("script", "img", "link", "iframe") or names & {"src", "onload", "onerror"}:
            self.found.append(tag)


def test_names_from_outside_are_shown_and_never_obeyed() -> None:
    """A label or a reason that is markup stays text, on the page and on the terminal."""
    nasty = report(label=NASTY)
    parser = Scripts()
    parser.feed(page_of(nasty))

    assert parser.found == []
    assert "default-src 'none'" in page_of(nasty).replace("&#x27;", "'")
    assert "\x1b[31m" not in on_terminal(nasty)
    assert "[red]" in on_terminal(nasty)


def test_a_report_is_written_as_its_names_say(tmp_path: Path) -> None:
    paths = [tmp_path / "r.json", tmp_path / "r.HTML"]
    check_report_paths(paths)

    write(report(), paths)

    assert json.loads(paths[0].read_text())["predicted"] == 2
    assert paths[1].read_text().startswith("<!DOCTYPE html>")


def test_a_report_that_could_not_be_written_is_refused_before_anything_is_done(
    tmp_path: Path,
) -> None:
    with pytest.raises(BadRequest, match=r"FILE\.json"):
        check_report_paths([tmp_path / "r.pdf"])
    with pytest.raises(OutputUnwritable, match="is not"):
        check_report_paths([tmp_path / "nowhere" / "r.json"])
    (tmp_path / "folder.json").mkdir()
    with pytest.raises(OutputUnwritable, match="cannot be written"):
        write(report(), [tmp_path / "folder.json"])


def test_what_was_left_out_stands_in_every_form_of_the_report(tmp_path: Path) -> None:
    """With its reason, how much of it there was, and an example."""
    left_out = LeftOut()
    for number in range(30):
        left_out.add("HEIC image, not read", f"{number}.heic")
    left_out.add("image of a task", 7, f"is blank {NASTY}")
    shown = Report.of(Tally(), report().facts, left_out.figures())

    write(shown, [tmp_path / "r.json", tmp_path / "r.html"])

    body = json.loads((tmp_path / "r.json").read_text())["left_out"]
    assert [(one["reason"], one["count"]) for one in body] == [
        ("HEIC image, not read", 30),
        ("image of a task", 1),
    ]
    page = (tmp_path / "r.html").read_text()
    for text in (page, on_terminal(shown)):
        assert "HEIC image, not read" in text
        assert "0.heic" in text
        assert "is blank" in text
        assert "\x1b[31m" not in text
    assert "<script" not in page
