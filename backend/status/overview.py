"""All that a status tells, as data. Pure; `reading` reads it from Redis."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from backend.delivery.card import CourierCard
from backend.delivery.run_card import RunCard
from backend.label_studio.project_key import data_page
from backend.queue.failures import FailedTask, FailureRecord
from backend.queue.histograms import Histogram
from backend.queue.worker_card import WorkerCard

__all__ = [
    "STANDINGS",
    "HeadView",
    "Overview",
    "ProjectView",
    "QueueView",
    "RedisView",
    "Submissions",
]

#: How a submitted image may stand: the fields of `Submissions`.
STANDINGS = ("hit", "joined", "queued", "busy")


@dataclass(frozen=True, slots=True)
class RedisView:
    """Redis by its own account; when it is not `up`, `reason` says why and the rest is unknown.

    `max_bytes` is `None` without a limit; `aof_ok` is false after a failed write of the file.
    """

    up: bool
    reason: str | None = None
    version: str | None = None
    uptime_s: int | None = None
    used_bytes: int | None = None
    max_bytes: int | None = None
    eviction: str | None = None
    aof: bool | None = None
    aof_ok: bool | None = None


@dataclass(frozen=True, slots=True)
class QueueView:
    """One queue: jobs that wait, seconds the oldest has waited, jobs that workers hold, jobs RQ keeps as failed."""

    name: str
    waiting: int
    oldest_s: float | None
    leased: int
    failed: int


@dataclass(frozen=True, slots=True)
class Submissions:
    """Images asked for since Redis holds data, by how each stood."""

    hit: int = 0
    joined: int = 0
    queued: int = 0
    busy: int = 0

    @property
    def asked(self) -> int:
        """All of them."""
        return self.hit + self.joined + self.queued + self.busy

    @property
    def hit_rate(self) -> float | None:
        """Share that was answered from the cache: 0..1; `None` when nothing was asked."""
        return self.hit / self.asked if self.asked else None


@dataclass(frozen=True, slots=True)
class HeadView:
    """What was learned, by its fingerprint; `trouble` says why it cannot be used, empty where it is there and whole."""

    fingerprint: str
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class ProjectView:
    """One project, named as Label Studio does: `<id>.<seconds since the epoch>`.

    `predicted` counts what was given of `version` since that is answered; `failed` tasks have no prediction
    since; `owed` ones wait for theirs. `runs` are those of `firstpass prelabel` that are alive. `heads` are those
    that its label config named when it was last planned.
    """

    name: str
    title: str = ""
    version: str = ""
    predicted: int = 0
    failed: int = 0
    owed: int = 0
    runs: tuple[RunCard, ...] = ()
    heads: tuple[HeadView, ...] = ()

    @property
    def words(self) -> str:
        """What a person calls it."""
        return f"project {self.id} ({self.title})" if self.title else f"project {self.id}"

    @property
    def id(self) -> str:
        """The number in its address."""
        return self.name.partition(".")[0]


@dataclass(frozen=True, slots=True)
class Overview:
    """Everything at one moment, `at` (seconds since the epoch, by Redis's clock)."""

    at: float
    redis: RedisView
    queues: tuple[QueueView, ...] = ()
    workers: tuple[WorkerCard, ...] = ()
    submissions: Submissions = Submissions()
    histograms: tuple[Histogram, ...] = ()
    #: How often each kind of failure occurred since Redis holds data.
    failure_kinds: Mapping[str, int] = field(default_factory=dict)
    #: Images that failed and were not answered since; `failures` are the latest of them.
    failed_images: int = 0
    failures: tuple[FailureRecord, ...] = ()
    #: Of those of images, by job: a task that has the image, where one is known.
    failed_in: Mapping[str, FailedTask] = field(default_factory=dict)
    #: Label Studio's address as browsers see it; empty where no web process runs that knows it.
    label_studio: str = ""
    #: The courier that delivers, or else one that cannot yet; `None` when none is alive.
    courier: CourierCard | None = None
    #: Those that wait until it ends.
    waiting_couriers: tuple[CourierCard, ...] = ()
    #: Those that are being filled first, then those that are owed something, then the latest.
    projects: tuple[ProjectView, ...] = ()
    #: Tasks whose prediction is still to be written into Label Studio.
    owed_tasks: int = 0
    #: Why Label Studio does not serve a project that is owed some of them.
    put_off: Mapping[str, str] = field(default_factory=dict)
    #: Keys of ours under which something else stands, whose figures are missing here.
    foreign: tuple[str, ...] = ()
    #: Where this process runs, for what it advises; see `place`.
    runs_in: str = "host"

    def address_of(self, record: FailureRecord) -> str:
        """Where a person opens the task that failed; empty where that is not known."""
        task = record.task or self.failed_in.get(record.job_id)
        if task is None or not self.label_studio:
            return ""
        project = task.project.partition(".")[0]
        return f"{data_page(self.label_studio, project)}?task={task.task}"

    @classmethod
    def without_redis(cls, reason: str) -> Overview:
        """What can be told when Redis does not answer."""
        return cls(time.time(), RedisView(up=False, reason=reason))

    @property
    def waiting(self) -> int:
        """Jobs that wait, in all queues."""
        return sum(queue.waiting for queue in self.queues)

    @property
    def alive(self) -> tuple[WorkerCard, ...]:
        """The workers that are not late: what a late one last said of its pace holds no longer."""
        return tuple(card for card in self.workers if not card.is_late(self.at))

    @property
    def able(self) -> tuple[WorkerCard, ...]:
        """Those of the living workers that take images: their models are loaded."""
        return tuple(card for card in self.workers if card.takes_images(self.at))

    @property
    def images_per_s(self) -> float:
        """All live workers together, over the last minute."""
        return sum(card.rate_1m for card in self.alive)

    @property
    def seconds_left(self) -> float | None:
        """Until nothing waits, at the last minute's pace; `None` when nothing is being done."""
        return self.waiting / self.images_per_s if self.images_per_s > 0 else None
