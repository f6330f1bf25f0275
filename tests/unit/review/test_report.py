"""The figures, and what is said with them."""

from __future__ import annotations

import copy
import json
from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import TypeAdapter
from typer.testing import CliRunner

from backend.cli.main import app
from backend.errors import BadRequest
from backend.pages.terminal import summary_parts
from backend.review.figures import Picture, ReviewFacts, ReviewReport
from backend.review.reading import since_when
from backend.review.remarks import remarks, why_nothing
from backend.review.report import review_report
from backend.review.report_page import no_review_page, review_page
from backend.review.report_rows import review_summary
from backend.review.shares import share_of
from backend.review.tally import Reviews
from tests.reviewer import OURS
from tests.standin.label_studio import StandInLabelStudio
from tests.unit.review.recorded import counted, expected, recorded, stand_in

FACTS = ReviewFacts(4, "project 4 (Shapes)", "http://ls/projects/4/data", "2026-11-28T00:00:00Z")


def first(count: int) -> StandInLabelStudio:
    """The first tasks of those that were recorded, shown under our version."""
    found = stand_in(recorded()["before"][:count], recorded()["rows"])
    found.found["model_version"] = OURS
    return found


def report_of(reviews: Reviews, *notes: str) -> ReviewReport:
    return review_report(reviews, FACTS, annotators=True, notes=notes)


def said_of(label_studio: StandInLabelStudio, *versions: str) -> str:
    api = label_studio.api()
    return " ".join(remarks(counted(api, *versions), api.project(4)))


def test_a_share_has_wilsons_interval() -> None:
    """Against the values of the formula's own worked example: 81 of 263, and the two ends."""
    found, none = share_of(81, 263), share_of(0, 10)
    assert found.low == pytest.approx(0.2553, abs=1e-4)
    assert found.high == pytest.approx(0.3662, abs=1e-4)
    assert none.low == 0.0
    assert none.high == pytest.approx(0.2775, abs=1e-4)
    assert share_of(10, 10).high == 1.0


def test_the_report_is_read_back_as_it_was() -> None:
    """What the command leaves in Redis is what the web process shows."""
    report = report_of(counted(first(333).api()), "a note")

    read = TypeAdapter(ReviewReport).validate_json(json.dumps(asdict(report)))

    assert read == report
    assert json.loads(report.to_json())["total"]["kept"]["count"] == report.total.kept.count


def test_people_read_every_table() -> None:
    wanted = expected()
    report = report_of(counted(first(333).api()))

    titles = [table.title for table in review_summary(report).tables]
    assert titles == [
        "By label", "What the models had found of added regions", "Relabelled", "Choices, texts and numbers",
        "By version", "By annotator", "Images with most edits",
    ]  # fmt: skip
    assert report.total.predicted == 3 * wanted.reviewed
    assert len(list(summary_parts(review_summary(report)))) > 8


def test_the_page_shows_pictures_and_plot_and_escapes_names() -> None:
    """The page's own policy lets only `data:` images in, and no script."""
    report = report_of(counted(first(333).api()), "<script>alert(1)</script>")
    picture = Picture("data:image/jpeg;base64,AAAA", 64, 48)

    page = review_page(report, {report.worst[0].picture: picture})

    assert page.count("<image ") == 1
    assert 'viewBox="0 0 64 48"' in page
    assert "Can scores be trusted?" in page
    assert page.count("<circle ") == len(report.scores) == 3
    assert "<script" not in page
    assert "img-src data:" in page
    assert f'href="http://ls/projects/4/data?task={report.worst[0].task}"' in page
    assert "firstpass review --project 7" in no_review_page(7)


def test_two_annotations_of_one_task_have_each_its_own_image() -> None:
    """One went wrong on the first image of the task, the other on the second."""
    report = report_of(counted(first(333).api()))
    one, other = (replace(report.worst[0], image=name) for name in ("left", "right"))
    report = replace(report, worst=(one, other))
    left, right = (Picture(f"data:image/jpeg;base64,{name}", 64, 48) for name in ("LEFT", "RGHT"))

    page = review_page(report, {one.picture: left, other.picture: right})

    assert page.count("base64,LEFT") == page.count("base64,RGHT") == 1
    assert "cannot be shown" in review_page(report, {one.picture: left})


def test_few_regions_are_said_to_be_few() -> None:
    assert "only 18 predicted regions were reviewed" in said_of(first(3))
    assert "predicted regions were reviewed" not in said_of(first(333))


def test_a_label_that_is_no_more_is_named() -> None:
    label_studio = first(20)
    label_studio.found["label_config"] = label_studio.found["label_config"].replace(
        "person", "human"
    )

    assert "the label config has no such label any more: person" in said_of(label_studio)
    assert "no such label" not in said_of(first(20))


def test_a_project_that_shows_no_version_is_told_what_that_loses() -> None:
    label_studio = first(20)
    label_studio.found["model_version"] = ""

    assert "shows no version of predictions" in said_of(label_studio)
    assert "shows no version" not in said_of(first(20))


def test_other_tools_predictions_are_named_and_not_counted() -> None:
    tasks = copy.deepcopy(recorded()["before"][:26])
    for task in tasks[:5]:
        for annotation in task["annotations"]:
            if annotation["prediction"]:
                annotation["prediction"]["model_version"] = "yolo-v8"
    said = said_of(stand_in(tasks, []))

    assert "their predictions are not Firstpass's: annotations from yolo-v8 (" in said


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"annotations": []}, "there is no annotation; review some predictions"),
        ({"prediction": {}, "parent_prediction": None}, "9 from predictions that are gone"),
        ({"was_cancelled": True}, "9 skipped"),
        (
            {"prediction": {}, "parent_prediction": None, "lead_time": 9.0, "result": []},
            "9 drawn where there was no prediction",
        ),
    ],
)
def test_why_nothing_can_be_told(change: dict[str, Any], sentence: str) -> None:
    """One sentence for each cause."""
    tasks = copy.deepcopy(recorded()["before"][:9])
    for task in tasks:
        task["annotations"] = [{**one, **change} for one in task["annotations"][:1]]
        if "annotations" in change:
            task["annotations"] = []
    label_studio = stand_in(tasks, [])

    reviews = counted(label_studio.api())

    assert reviews.total.annotations == 0
    assert sentence in why_nothing(reviews, label_studio.api().project(4), None)


def test_only_what_was_made_since_counts() -> None:
    """A moment after the last one nothing is left."""
    api = first(50).api()
    times = sorted(
        datetime.fromisoformat(one["created_at"])
        for task in recorded()["before"][:50]
        for one in task["annotations"]
    )

    assert counted(api, since=times[20]).began.total() == len([t for t in times if t >= times[20]])
    assert counted(api, since=datetime(2100, 1, 1, tzinfo=UTC)).began.total() == 0


@pytest.mark.parametrize("text", ["yesterday", "7", "d", "2026-13-01", "-3d"])
def test_a_time_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(BadRequest, match="expected --since as a date"):
        since_when(text, datetime(2026, 11, 28, tzinfo=UTC))


@pytest.mark.parametrize(
    ("text", "hour"), [("2026-11-20", 0), ("2026-11-20T08:00", 8), ("2026-11-20T08:00+01:00", 7)]
)
def test_a_time_is_of_utc_unless_it_names_a_zone(text: str, hour: int) -> None:
    """As `firstpass review --help` says."""
    now = datetime(2026, 11, 28, tzinfo=UTC)
    told = CliRunner().invoke(app, ["review", "--help"], env={"COLUMNS": "200"}).output

    assert since_when(text, now) == datetime(2026, 11, 20, hour, tzinfo=UTC)
    assert "in UTC unless a zone is named" in told
