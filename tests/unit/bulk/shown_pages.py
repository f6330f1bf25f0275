"""Pages of runs made by hand, with names from outside that no page may obey."""

from __future__ import annotations

from collections.abc import Sequence

from PIL import Image

from backend.bulk.cuts import Cut
from backend.bulk.drawing import LabelColours
from backend.bulk.gallery import Gallery
from backend.bulk.illustrated import Illustrated
from backend.bulk.marks import marks_of
from backend.bulk.report import Report, RunFacts
from backend.bulk.tally import Tally
from backend.errors import Failure
from backend.label_studio.bodies import Region
from backend.prediction.read_regions import read_regions
from tests.unit.bulk.rows import choice, rectangle

NASTY = "<script>alert(1)</script>\u202e\x1b[31m"
HOME = "http://ls.example:8080/projects/3/data"


def page_of(
    *results: Sequence[Region], cuts: Sequence[Cut] = (), failed: int = 0, title: str = "Cars"
) -> str:
    """The page of a run over project 3 that predicted these results, for tasks 1, 2, ..."""
    colours, tally = LabelColours({("box", "car"): (250, 240, 30)}), Tally()
    gallery = Gallery(colours)
    for number, result in enumerate(results, 1):
        tally.add(marks_of(result))
        scores = [region["score"] for region in result if "score" in region]
        score = sum(scores) / len(scores) if scores else None
        image = Image.new("RGB", (200, 100), (90, 120, 140))
        gallery.add(f"task {number}", f"{HOME}?task={number}", image, read_regions(result), score)
    for number in range(failed):
        tally.fail(900 + number, Failure("ImageUnreadable", f"no image: {NASTY}", transient=False))
    facts = RunFacts(f"project 3 ({title}), {HOME}", "tiny-1", 0, 10, 5, 0, "/x/run.sqlite", HOME)
    report = Report.of(tally, facts)
    return Illustrated(report, gallery.pictures(), colours, tuple(cuts)).page()


def odd_pages() -> dict[str, str]:
    """No image, hostile names, very many labels, failures, no scores, texts alone: a page for each."""
    many = [Cut("box", f"label {number} {'long ' * 6}", 0.3) for number in range(200)]
    text: Region = {
        "id": "t", "from_name": "caption", "to_name": "image", "type": "textarea",
        "value": {"text": [f"a very long text without end {NASTY} " * 9]},
    }  # fmt: skip
    return {
        "no images": page_of(),
        "no images, dry": page_of(cuts=[Cut("box", "car", 0.3)]),
        "hostile": page_of(
            [rectangle("a", NASTY, 0.4), choice("b", NASTY)],
            cuts=[Cut("box", NASTY, 0.3)],
            failed=3,
            title=NASTY,
        ),
        "right to left": page_of(
            [rectangle("a", "سيارة", 0.4)], cuts=[Cut("box", "سيارة", 0.3)], title="مشروع"
        ),
        "200 labels": page_of(
            *([rectangle("a", cut.label, number / 200)] for number, cut in enumerate(many[:60])),
            cuts=many,
        ),
        "all failed": page_of(failed=30),
        "no scores": page_of([rectangle("a", "car", None)], [rectangle("a", "tree", None)]),
        "texts alone": page_of([text], [text], [{**text, "id": "u"}, choice("c", "day")]),
    }
