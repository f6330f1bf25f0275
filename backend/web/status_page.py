"""The status page: one HTML document without outside assets or scripts, from an overview. Pure."""

from __future__ import annotations

import base64
import hashlib
import time
from collections.abc import Iterable

from backend import __version__
from backend.pages.markup import Markup, element, table
from backend.pages.style import STYLE
from backend.place import how_to_start
from backend.queue.failures import FailureRecord
from backend.queue.readiness import LOADING
from backend.queue.vitals import WorkerCard
from backend.status.overview import Overview
from backend.status.verdict import notes, problems
from backend.status.wording import queue_title, redis_line, seconds, short_id, worker_name
from backend.wording import duration, images, tasks

__all__ = ["CONTENT_SECURITY_POLICY", "status_page"]

REFRESH_S = 5

_STYLE_HASH = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
#: Nothing is loaded, run or framed: even markup that slipped through could do nothing.
CONTENT_SECURITY_POLICY = (
    f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)


def status_page(overview: Overview) -> str:
    """The whole document."""
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", http_equiv="refresh", content=str(REFRESH_S)),
        element("meta", name="color-scheme", content="light dark"),
        element("title", f"{'✓' if not problems(overview) else '!'} Firstpass"),
        element("style", Markup(STYLE)),
    )
    parts = _sections(overview) if overview.redis.up else ()
    body = element("body", element("main", _head_line(overview), _verdict(overview), *parts))
    return "<!DOCTYPE html>\n" + element("html", head, body, lang="en")


def _sections(overview: Overview) -> Iterable[Markup | None]:
    yield _tiles(overview)
    yield _section("Workers", _workers(overview))
    yield _section("Queues", _queues(overview))
    if overview.courier is not None or overview.owed_tasks:
        yield _section("Late delivery", _delivery(overview))
    if any(histogram.count for histogram in overview.histograms):
        yield _section("Where the time goes", _stages(overview))
    if overview.failures:
        yield _section(_failures_title(overview), _failures(overview.failures, overview.at))
    yield _footer(overview)


def _head_line(overview: Overview) -> Markup:
    at = time.strftime("%H:%M:%S UTC", time.gmtime(overview.at))
    told = f"{__version__} · {at} · renewed every {REFRESH_S} s"
    return element("header", element("h1", "Firstpass"), element("p", told))


def _verdict(overview: Overview) -> Markup:
    wrong = problems(overview)
    known = [element("p", *_with_code(note)) for note in notes(overview)]
    if not wrong:
        return element("section", element("h2", "✓ All is well"), *known, class_="verdict good")
    title = "! Redis does not answer" if not overview.redis.up else "! This needs a look"
    items = (element("li", *_with_code(problem)) for problem in wrong)
    return element(
        "section",
        element("h2", title),
        element("ul", *items),
        *known,
        class_="verdict bad",
        role="alert",
    )


def _tiles(overview: Overview) -> Markup:
    left, rate = overview.seconds_left, overview.submissions.hit_rate
    pace = f"about {duration(left)} left" if overview.waiting and left is not None else None
    able = overview.able
    devices = ", ".join(sorted({card.device for card in able}))
    waiting = len(overview.alive) - len(able)
    tiles = (
        _tile("waiting", f"{overview.waiting:,}", pace or _oldest(overview)),
        _tile("images/s", f"{overview.images_per_s:.1f}", "over the last minute"),
        _tile(
            "workers",
            str(len(able)),
            devices or (f"{waiting} not ready" if waiting else "none alive"),
        ),
        _tile(
            "from the cache",
            "-" if rate is None else f"{rate:.0%}",
            f"of {images(overview.submissions.asked)} asked for",
        ),
        _tile("failed", f"{overview.failed_images:,}", "not answered since"),
    )
    return element("section", *tiles, class_="tiles")


def _tile(title: str, figure: str, more: str) -> Markup:
    return element(
        "div",
        element("span", title, class_="title"),
        element("strong", figure),
        element("span", more, class_="more"),
        class_="tile",
    )


def _oldest(overview: Overview) -> str:
    ages = [queue.oldest_s for queue in overview.queues if queue.oldest_s is not None]
    return f"the oldest for {duration(max(ages))}" if ages else "nothing to do"


def _workers(overview: Overview) -> Markup:
    if not overview.workers:
        return element(
            "p",
            f"None. Images wait until one is started: {how_to_start('worker', overview.runs_in)}.",
        )
    columns = (
        "worker", "device", "model", "state", "heartbeat", "batch#", "images/s, 1 min#", "15 min#",
        "images#", "memory#",
    )  # fmt: skip
    return table(columns, (_worker(card, overview.at) for card in overview.workers))


def _worker(card: WorkerCard, now: float) -> tuple[str, ...]:
    late = card.is_late(now)
    state = "silent" if late else card.state
    return (
        worker_name(card),
        card.device,
        card.model,
        element("span", state, class_=f"state {'bad' if late else _state_class(card)}"),
        f"{duration(card.silent_s(now))} ago",
        str(card.batch_size),
        f"{card.rate_1m:.2f}",
        f"{card.rate_15m:.2f}",
        f"{card.images:,}",
        f"{card.memory_mb:,} MB",
    )


def _state_class(card: WorkerCard) -> str:
    if card.waits_for and card.state != LOADING:
        return "bad"
    return "busy" if card.state == "busy" else "idle"


def _queues(overview: Overview) -> Markup:
    columns = ("queue", "waiting#", "the oldest for#", "in work#", "failed in a day#")
    return table(
        columns,
        (
            (
                queue_title(queue.name),
                f"{queue.waiting:,}",
                duration(queue.oldest_s),
                f"{queue.leased:,}",
                f"{queue.failed:,}",
            )
            for queue in overview.queues
        ),
    )


def _delivery(overview: Overview) -> Markup:
    courier = overview.courier
    if courier is None:
        return element("p", f"No courier. {tasks(overview.owed_tasks)} wait until one is started.")
    state = element(
        "span",
        "waiting" if courier.waiting else "ready",
        class_=f"state {'bad' if courier.waiting else 'idle'}",
    )
    columns = ("courier", "Label Studio", "state", "heartbeat", "owed#", "stored#", "failed#")
    row = (
        worker_name(courier),
        courier.label_studio_url,
        state,
        f"{duration(courier.silent_s(overview.at))} ago",
        tasks(overview.owed_tasks),
        f"{courier.stored:,}",
        f"{courier.failed:,}",
    )
    return table(columns, (row,))


def _failures_title(overview: Overview) -> str:
    shown, known = len(overview.failures), overview.failed_images
    return "Failures" if shown >= known else f"Failures, the latest {shown} of {known:,}"


def _failures(records: Iterable[FailureRecord], now: float) -> Markup:
    columns = ("when", "image or task", "why", "tries#", "id")
    return table(
        columns,
        (
            (
                f"{duration(now - record.at)} ago",
                record.image,
                element("span", element("b", record.kind), f" {record.message}"),
                str(record.attempts),
                element("code", short_id(record.job_id)),
            )
            for record in records
        ),
        class_="failures",
    )


def _stages(overview: Overview) -> Markup:
    columns = ("stage", "measured#", "mean#", "half within#", "95 % within#")
    told = {"queue": "waiting", "fetch": "fetching a batch", "inference": "models, a batch"}
    return table(
        columns,
        (
            (
                told.get(histogram.stage, "in all, an image"),
                f"{histogram.count:,}",
                seconds(histogram.mean_s),
                seconds(histogram.within_s(0.5)),
                seconds(histogram.within_s(0.95)),
            )
            for histogram in overview.histograms
        ),
    )


def _footer(overview: Overview) -> Markup:
    line = redis_line(overview.redis)
    links = (element("a", name, href=name) for name in ("status.json", "metrics", "health"))
    return element("footer", line and element("p", line), element("p", *links, class_="links"))


def _section(title: str, *content: Markup) -> Markup:
    return element("section", element("h2", title), *content)


def _with_code(sentence: str) -> Iterable[str]:
    """The parts of a sentence, with what stands between backticks as code."""
    for number, part in enumerate(sentence.split("`")):
        yield element("code", part) if number % 2 else part
