"""An overview as figures and tables, which the terminal and the status page show alike. Pure."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

from backend import __version__
from backend.delivery.run_card import RunCard
from backend.pages.summary import Cell, Figure, Link, Summary, Table, Toned
from backend.queue.readiness import LOADING
from backend.queue.worker_card import WorkerCard
from backend.status.overview import Overview, ProjectView
from backend.status.wording import queue_title, seconds, worker_name
from backend.wording import duration, images, tasks

__all__ = ["failure_rows", "overview_summary"]


def overview_summary(overview: Overview) -> Summary:
    """What is told when Redis answers; what is wrong, and the failures, come beside it."""
    at = time.strftime("%H:%M:%S UTC", time.gmtime(overview.at))
    tables = [_workers(overview), _queues(overview)]
    if overview.projects:
        tables.insert(0, _projects(overview))
    if overview.courier is not None or overview.owed_tasks:
        tables.append(_delivery(overview))
    if any(histogram.count for histogram in overview.histograms):
        tables.append(_stages(overview))
    return Summary("Firstpass", (__version__, at), list(_figures(overview)), tables=tables)


def failure_rows(overview: Overview) -> Table:
    """The images that failed, newest first, with why and how often; each leads to its task in Label Studio."""
    shown, known = len(overview.failures), overview.failed_images
    rows: list[Sequence[Cell]] = [
        (
            record.short_id,
            (Link(record.image, overview.address_of(record)), f"{record.kind}: {record.message}"),
            str(record.attempts),
            f"{duration(overview.at - record.at)} ago",
        )
        for record in overview.failures
    ]
    title = "Failures" if shown >= known else f"Failures, the latest {shown} of {known:,}"
    return Table(title, ("id", "image or task, and why", "tries#", "when#"), rows)


def _figures(overview: Overview) -> Iterator[Figure]:
    left, asked, able = overview.seconds_left, overview.submissions, overview.able
    pace = f"about {duration(left)} left" if overview.waiting and left is not None else None
    yield Figure("waiting", f"{overview.waiting:,}", pace or _oldest(overview))
    yield Figure("images/s", f"{overview.images_per_s:.2f}", "over the last minute")
    devices = ", ".join(sorted({card.device for card in able}))
    waiting = len(overview.alive) - len(able)
    none = f"{waiting} not ready" if waiting else "none alive"
    yield Figure("workers", str(len(able)), devices or none)
    rate = asked.hit_rate
    yield Figure(
        "from the cache",
        "-" if rate is None else f"{rate:.0%}",
        f"of {images(asked.asked)} asked for: {asked.hit:,} hit, {asked.joined:,} joined, "
        f"{asked.queued:,} queued, {asked.busy:,} refused",
    )
    yield Figure("failed", f"{overview.failed_images:,}", "not answered since")


def _oldest(overview: Overview) -> str:
    ages = [queue.oldest_s for queue in overview.queues if queue.oldest_s is not None]
    return f"the oldest for {duration(max(ages))}" if ages else "nothing to do"


def _projects(overview: Overview) -> Table:
    columns = ("project", "version", "predicted#", "failed#", "owed#", "learned", "prelabel")
    rows: list[Sequence[Cell]] = [
        (
            f"{one.id} {one.title}".strip(),
            one.version or "-",
            f"{one.predicted:,}",
            f"{one.failed:,}",
            f"{one.owed:,}",
            _learned(one),
            tuple(map(_run, one.runs)) or "-",
        )
        for one in overview.projects
    ]
    return Table("Projects", columns, rows)


def _learned(project: ProjectView) -> Cell:
    """What its label config names of what was learned, by as many digits as tell it apart."""
    if not project.heads:
        return "-"
    gone = any(head.trouble for head in project.heads)
    names = ", ".join(head.fingerprint[:8] for head in project.heads)
    return Toned(f"{names}: not used", "bad") if gone else Toned(names, "good")


def _run(run: RunCard) -> str:
    """How far a run is, how fast, and how long it takes yet."""
    done, of = run.predicted + run.failed, "" if run.total is None else f" of {run.total:,}"
    parts = [f"{done:,}{of}"]
    if run.images_per_s is not None:
        parts.append(f"{run.images_per_s:.2f} images/s")
    if run.seconds_left is not None:
        parts.append(f"{duration(run.seconds_left)} left")
    if run.waits_for:
        parts.append(run.waits_for)
    return f"{', '.join(parts)} ({run.host}:{run.pid})"


def _workers(overview: Overview) -> Table:
    columns = (
        "worker", "device", "model", "state", "seen", "batch#", "img/s#", "15 min#", "images#",
        "memory#",
    )  # fmt: skip
    rows: list[Sequence[Cell]] = [
        (
            worker_name(card),
            card.device,
            card.model,
            _state(card, overview.at),
            f"{duration(card.silent_s(overview.at))} ago",
            str(card.batch_size),
            f"{card.rate_1m:.2f}",
            f"{card.rate_15m:.2f}",
            f"{card.images:,}",
            f"{card.memory_mb:,} MB",
        )
        for card in overview.workers
    ]
    notes = () if rows else ("None: images wait until one is started.",)
    return Table("Workers", columns, rows, notes)


def _state(card: WorkerCard, now: float) -> Toned:
    if card.is_late(now):
        return Toned("silent", "bad")
    if card.waits_for and card.state != LOADING:
        return Toned(card.state, "bad")
    return Toned(card.state, "busy" if card.state == "busy" else "good")


def _queues(overview: Overview) -> Table:
    rows = [
        (
            queue_title(queue.name),
            f"{queue.waiting:,}",
            duration(queue.oldest_s),
            f"{queue.leased:,}",
            f"{queue.failed:,}",
        )
        for queue in overview.queues
    ]
    columns = ("queue", "waiting#", "the oldest for#", "in work#", "failed in a day#")
    return Table("Queues", columns, rows)


def _delivery(overview: Overview) -> Table:
    courier, owed = overview.courier, tasks(overview.owed_tasks)
    columns = ("courier", "Label Studio", "state", "seen", "owed#", "stored#", "failed#")
    rows: list[Sequence[Cell]] = []
    if courier is not None:
        rows.append(
            (
                worker_name(courier),
                courier.label_studio_url,
                Toned("waiting", "bad") if courier.waiting else Toned("ready", "good"),
                f"{duration(courier.silent_s(overview.at))} ago",
                owed,
                f"{courier.stored:,}",
                f"{courier.failed:,}",
            )
        )
    notes = () if rows else (f"No courier: {owed} wait until one is started.",)
    return Table("Late delivery", columns, rows, notes)


def _stages(overview: Overview) -> Table:
    told = {"queue": "waiting", "fetch": "fetching a batch", "inference": "models, a batch"}
    rows = [
        (
            told.get(histogram.stage, "in all, an image"),
            f"{histogram.count:,}",
            seconds(histogram.mean_s),
            seconds(histogram.within_s(0.5)),
            seconds(histogram.within_s(0.95)),
        )
        for histogram in overview.histograms
    ]
    columns = ("stage", "measured#", "mean#", "half within#", "95 % within#")
    return Table("Where the time goes", columns, rows)
