"""Pictures on a page: which ones, with what, and safe whatever they are called."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path

import pytest
from PIL import Image

from backend.bulk import gallery as gallery_module
from backend.bulk.contact_sheet import page_beside
from backend.bulk.cuts import Cut
from backend.bulk.drawing import LabelColours
from backend.bulk.gallery import Gallery
from backend.bulk.least_sure import least_sure
from backend.bulk.marks import marks_of
from backend.bulk.sliders import SCRIPT
from backend.bulk.thumbnail import thumbnail_of
from backend.errors import BadRequest, Failure
from backend.label_studio.bodies import Region
from backend.prediction.read_regions import read_regions
from backend.runs.ledger import Result
from backend.runs.ledger_file import passing_ledger
from tests.unit.bulk.rows import SIZE, entry, polygon, rectangle
from tests.unit.bulk.shown_pages import HOME, odd_pages, page_of
from tests.unit.prediction.test_brush_mask import CODE

IMAGE = Image.new("RGB", (200, 100), (90, 90, 90))


def drawn(*result: Region) -> str:
    made = thumbnail_of("task 1", "", IMAGE, read_regions(result), LabelColours(), 0.5)
    return made.markup()


class Tags(HTMLParser):
    """What a browser would see of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def of(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


def test_shapes_are_drawn_where_their_percents_say() -> None:
    """Of an image of 200 x 100: a box from 10 % to 50 % of the width, from 20 % to 50 % of the height."""
    assert 'points="20.0,20.0 100.0,20.0 100.0,50.0 20.0,50.0"' in drawn(rectangle("a", "car", 0.5))
    assert 'points="100.0,50.0 180.0,50.0 100.0,90.0"' in drawn(
        polygon("a", "x", (50, 50), (90, 50), (50, 90))
    )
    oval = {"x": 50, "y": 50, "radiusX": 20, "radiusY": 30, "ellipselabels": ["x"]}
    assert 'cx="100.0" cy="50.0" rx="40.0" ry="30.0"' in drawn(entry("a", "o", oval))
    spot = {"x": 50, "y": 50, "width": 0.5, "keypointlabels": ["x"]}
    assert '<circle cx="100.0" cy="50.0"' in drawn(entry("a", "k", spot))
    size = {**SIZE, "original_width": 7, "original_height": 5}
    mask = {**entry("a", "b", {"format": "rle", "rle": CODE, "brushlabels": ["x"]}), **size}
    assert 'href="data:image/png;base64,' in drawn(mask)


def test_the_least_sure_are_kept_and_come_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many come; without a score is after all with one, and equal ones stay in order."""
    monkeypatch.setattr(gallery_module, "MAX_PICTURES", 4)
    gallery = Gallery(LabelColours())
    for number, score in enumerate((0.9, None, 0.2, 0.5, None, 0.2, 0.8)):
        gallery.add(str(number), "", IMAGE, [], score)

    assert [one.name for one in gallery.pictures()] == ["2", "5", "3", "6"]


def test_the_least_sure_of_a_ledger_are_found_by_their_mean() -> None:
    """Failed tasks are not among them, nor is more read than is kept."""
    with passing_ledger() as ledger:
        for task, score in ((1, 0.9), (2, 0.3), (3, None), (4, 0.6)):
            marks = marks_of([rectangle("a", "car", score)])
            ledger.done([Result(task, marks.to_json())])
        ledger.fail([(5, Failure("ImageNotFound", "gone", transient=False))])

        assert least_sure(ledger, 3) == {2: 0.3, 4: 0.6, 1: 0.9}
        assert list(least_sure(ledger)) == [2, 4, 1, 3]


def test_pictures_and_failures_lead_to_their_tasks() -> None:
    page = Tags(page_of([rectangle("a", "car", 0.5)], failed=1))

    targets = {link["href"] for link in page.of("a")}
    assert targets == {f"{HOME}?task=1", f"{HOME}?task=900"}


def test_boxes_have_the_label_configs_colour_and_ink_that_can_be_read_on_it() -> None:
    page = Tags(page_of([rectangle("a", "car", 0.5)]))

    (group,), (caption,) = page.of("g"), page.of("text")
    assert group["stroke"] == caption["stroke"] == "#faf01e"
    assert caption["fill"] == "#000000"


def test_a_dry_run_has_a_slider_for_each_label_that_was_found() -> None:
    """What is below its threshold is there, and hidden until somebody moves the slider."""
    result = [rectangle("a", "car", 0.9), rectangle("b", "car", 0.2), rectangle("c", "tree", 0.5)]
    cuts = [Cut("box", "car", 0.3), Cut("box", "tree", 0.5), Cut("box", "boat", 0.3)]
    html = page_of(result, cuts=cuts)
    page = Tags(html)

    assert [one["value"] for one in page.of("input")] == ["0.3", "0.5"]
    boxes = [(one["data-cut"], one["data-score"], one.get("class")) for one in page.of("g")]
    assert boxes == [("0", "0.9000", None), ("0", "0.2000", "below"), ("1", "0.5000", None)]
    for told in ("1 of 2", "1 of 1", "Nothing was found of: boat.", "model_score_threshold="):
        assert told in html


def test_a_slider_moves_the_boxes_of_the_label_that_was_predicted_by_raw_score() -> None:
    """A learned head may have called them otherwise."""
    meta = {"raw_score": 0.6, "predicted_label": "tree"}
    called = {**rectangle("a", "car", 0.2), "meta": meta}
    html = page_of([called], cuts=[Cut("box", "car", 0.7), Cut("box", "tree", 0.5)])

    (box,) = Tags(html).of("g")
    assert (box["data-cut"], box["data-score"], box.get("class")) == ("1", "0.6000", None)


@pytest.mark.parametrize("name", odd_pages())
def test_no_page_loads_or_runs_anything_but_its_own_script(name: str) -> None:
    """Names from outside stay text; nothing has a handler, and pictures hold themselves."""
    html = odd_pages()[name]
    page = Tags(html)

    scripts = page.of("script")
    assert html.count("<script>") == len(scripts) == html.count(SCRIPT) <= 1
    (policy,) = (one["content"] or "" for one in page.of("meta") if one.get("http-equiv"))
    assert ("script-src 'sha256-" in policy) is bool(scripts)
    assert "unsafe" not in policy
    assert not page.of("link")
    for tag, attributes in page.tags:
        assert not [
            name for name in attributes if name.startswith("on") or name in ("style", "src")
        ]
        if tag == "image":
            assert (attributes["href"] or "").startswith("data:image/")
    assert "\u202e" not in html
    assert "\x1b" not in html


def test_a_run_over_nothing_and_one_without_scores_say_so() -> None:
    pages = odd_pages()

    assert "None: no image was predicted." in pages["no images"]
    assert "in their order, since nothing has a score" in pages["no scores"]
    assert "Nothing was found of:" in pages["no images, dry"]
    assert "and 170 more" not in pages["200 labels"]
    assert "and 110 more" in pages["200 labels"]


def test_the_page_goes_beside_the_sheet_and_never_over_it() -> None:
    assert page_beside(Path("a/b.png")) == Path("a/b.html")
    with pytest.raises(BadRequest, match=r"FILE\.png"):
        page_beside(Path("b.html"))
