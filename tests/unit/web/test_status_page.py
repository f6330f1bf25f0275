"""The page says what is there and what is wrong, and obeys nothing that it shows."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest

from backend.queue.failures import FailedTask
from backend.status.overview import Overview
from backend.web.status_page import status_page
from tests.unit.web.overviews import AT, courier, failure, overview, worker

HOSTILE = '<script>alert(1)</script><img src=x onerror="a">"\'&\x1b[2J\u202e'


class Page(HTMLParser):
    """The text of a page, and the tags and attributes that a browser would see."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data: str) -> None:
        self.text += f" {data}"


def test_the_figures_are_on_the_page() -> None:
    """What waits, how fast it goes, who works, what came from the cache and what failed."""
    text = Page(status_page(overview())).text

    for figure in (
        "At work, but 1 image failed",
        "about 20 s left",
        "gpu-box:17",
        "cuda:0",
        "30%",
        "5 min",
        "1 s ago",
        "ImageUnreadable",
        "not an image",
        "append-only file on",
    ):
        assert figure in text


def test_hostile_text_is_shown_and_never_obeyed() -> None:
    """Reasons, images, kinds, hosts and models of any wording add no element, attribute or control."""
    plain = Page(status_page(overview(courier=courier(waiting="x"))))
    html = status_page(
        overview(
            workers=(worker(host=HOSTILE, device=HOSTILE, model=HOSTILE, state=HOSTILE),),
            courier=courier(host=HOSTILE, label_studio_url=HOSTILE, waiting=HOSTILE),
            failures=(failure(image=HOSTILE, kind=HOSTILE, message=HOSTILE, job_id=HOSTILE),),
        )
    )

    page = Page(html)

    assert page.tags == plain.tags
    assert page.attributes == plain.attributes
    assert page.text.count("<script>alert(1)</script>") >= 4
    assert "\x1b" not in html
    assert "\u202e" not in html


def test_late_delivery_is_on_the_page() -> None:
    """What is owed and who delivers it; nothing of it where there is neither."""
    manned = Page(status_page(overview(courier=courier(), owed_tasks=12))).text
    stuck = Page(status_page(overview(courier=courier(waiting="no token"), owed_tasks=1))).text
    unmanned = Page(status_page(overview(owed_tasks=12))).text

    for figure in ("box:21", "http://ls.example:8080", "ready", "2 s ago", "12 tasks", "1,500"):
        assert figure in manned
    assert "but 1 image failed" in manned
    assert "delivers nothing at present: no token" in stuck
    assert "12 tasks wait until one is started" in unmanned
    assert "Late delivery" not in Page(status_page(overview())).text


def test_a_failed_task_is_named_in_full() -> None:
    """Its name is how `firstpass retry` takes it; of a job's id the beginning is enough."""
    task = FailedTask("4.1795207698", 12)
    told = overview(
        failures=(failure(job_id=task.name, image="task 12 of project 4", task=task), failure())
    )

    text = Page(status_page(told)).text

    assert task.name in text
    assert f" {'ab' * 6} " in text


def test_the_page_needs_nothing_from_elsewhere() -> None:
    """No image, no address with a scheme, no script but its own: it works in a network without the world."""
    html = status_page(overview(failures=()))

    assert not Page(html).tags & {"img", "link", "iframe"}
    assert html.count("<script>") == 1
    assert "refresh" not in html
    assert not re.search(r"(src|href)=\"[a-z]+:", html)
    assert "url(" not in html


def test_without_redis_the_page_says_so() -> None:
    """It is a whole page with the reason, and shows no figures that are not known."""
    text = Page(status_page(Overview.without_redis("Redis does not answer: is it running?"))).text

    assert "is it running?" in text
    assert "Workers" not in text


def test_a_fresh_installation_is_a_whole_page() -> None:
    """No worker, nothing asked, nothing measured: it says what to do next."""
    page = Page(
        status_page(
            overview(
                workers=(), histograms=(), failures=(), failed_images=0, submissions=_nothing()
            )
        )
    )

    assert "firstpass worker" in page.text
    assert "All is well" not in page.text


@pytest.mark.parametrize(("silent_s", "late"), [(5.0, False), (10.9, False), (11.1, True)])
def test_a_worker_that_fell_silent_stands_out(silent_s: float, late: bool) -> None:
    """Longer than its lease: it is no longer counted among the living."""
    html = status_page(overview(workers=(worker(seen_at=AT - silent_s),)))

    assert ("has been silent" in html) is late


def _nothing() -> object:
    return type(overview().submissions)()
