"""One report, for people and for programs."""

from __future__ import annotations

import json
from html.parser import HTMLParser

from rich.console import Console

from backend.bulk.tally import Tally
from backend.errors import Failure
from backend.evaluation.comparison import advice, compared
from backend.evaluation.evaluated import Seen, evaluated
from backend.evaluation.on_image import LabelKey, Ticked
from backend.evaluation.report import EvaluationFacts, EvaluationReport
from backend.evaluation.report_page import evaluation_page
from backend.evaluation.report_rows import evaluation_summary
from backend.evaluation.thresholds import threshold_changes
from backend.evaluation.worst import worst_images
from backend.pages.terminal import summary_parts
from tests.unit.evaluation.sets import CAR, FAR, found, on_image

ODD = "<b>red\x1b[2Jcar</b>"


def report() -> EvaluationReport:
    boxes = [
        on_image("a.png", [found(CAR, label=ODD)], [CAR, FAR], label=ODD),
        on_image("b.png", label=ODD),
    ]
    ticked = [Ticked("a.png", "scene", True, {"day": 0.9}, {"day": 0.5}, frozenset({"day"}))]
    seen = Seen(("a.png", "b.png"), {LabelKey("box", ODD): boxes}, {"scene": ticked}, 0.25, "cpu")
    result = evaluated(seen)
    tally = Tally()
    tally.fail("c.png", Failure("ImageNotFound", "gone", False))
    rows = compared([("tiny", "now", "", result), ("tiny", "joined", "", result)])
    facts = EvaluationFacts(
        "cars.json", "tiny", "tiny-0123456789", "cpu", 0.0, 12.5, 0, "/ledger", ("not measured: x",)
    )
    return EvaluationReport.of(
        facts,
        result,
        tuple(tally.failures()),
        thresholds=threshold_changes(result),
        worst=worst_images(boxes),
        sweep=rows,
        advice=advice(rows),
    )


def test_json_has_every_figure() -> None:
    body = json.loads(report().to_json())

    (label,) = body["labels"]
    assert (label["label"], label["precision"], label["recall"], label["f1"]) == (
        ODD,
        1.0,
        0.5,
        0.6667,
    )
    assert (label["boxed_without"], label["boxed_without_share"]) == (0, 0.0)
    assert body["all_labels"]["f1"] == 0.6667
    assert body["tags"][0]["choices"][0]["best_threshold"] == 0.5
    assert (body["images"], body["failed"], body["image_s"]) == (2, 1, 0.25)
    assert body["failures"][0]["examples"][0] == {"task": "c.png", "message": "gone"}
    assert body["worst"][0]["image"] == "a.png"
    assert [mark["kind"] for mark in body["worst"][0]["marks"]] == ["missed"]
    assert [row["way"] for row in body["sweep"]] == ["now", "joined"]
    assert body["advice"].startswith("Stay")
    assert body["ended_at"] == "1970-01-01T00:00:00Z"


def test_the_terminal_shows_what_comes_from_elsewhere_and_obeys_none_of_it() -> None:
    console = Console(width=80)
    with console.capture() as captured:
        for part in summary_parts(evaluation_summary(report())):
            console.print(part)
    said = captured.get()

    assert "\x1b[2J" not in said
    for expected in (
        "0.667",
        "model_version tiny-0123456789",
        "not measured: x",
        "Stay with",
        "gone",
    ):
        assert expected in " ".join(said.split())
    assert max(map(len, said.splitlines())) <= 80


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attributes)))


def test_the_page_holds_its_pictures_and_nothing_from_elsewhere() -> None:
    """And a label's name cannot be markup in it."""
    page = evaluation_page(report(), {"a.png": "data:image/jpeg;base64,AAAA"})

    tags = Tags()
    tags.feed(page)
    assert [attributes["src"] for tag, attributes in tags.seen if tag == "img"] == [
        "data:image/jpeg;base64,AAAA"
    ]
    assert not {"script", "b", "link", "iframe"} & {tag for tag, _ in tags.seen}
    policy = next(each["content"] for tag, each in tags.seen if each.get("http-equiv"))
    assert policy is not None
    assert "default-src 'none'" in policy
    assert policy.endswith("img-src data:")
    assert "1 missed" in page


def test_a_picture_that_cannot_be_read_any_more_is_said_to_be_so() -> None:
    assert "cannot be read any more" in evaluation_page(report(), {})
