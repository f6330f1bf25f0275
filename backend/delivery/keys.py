"""Every Redis key of the delivery of predictions."""

from __future__ import annotations

import hashlib

from backend.label_studio.project_key import ProjectKey

__all__ = [
    "CHANGED",
    "COURIER",
    "COURIERS",
    "OWING",
    "POST",
    "PROJECTS",
    "PUT_OFF",
    "RUNS",
    "claim_key",
    "failed_key",
    "figures_key",
    "owed_key",
    "tries_key",
    "writer_key",
]

PREFIX = "firstpass:delivery:"
#: The projects that are owed predictions (set).
OWING = f"{PREFIX}owing"
#: Why Label Studio does not serve a project that is owed some, by project (hash).
PUT_OFF = f"{PREFIX}put-off"
#: The projects whose version in Label Studio may be out of step, by when to look.
CHANGED = f"{PREFIX}changed"
#: What the courier tells about itself, until it stops beating.
COURIER = f"{PREFIX}courier"
#: Which courier delivers, until it stops beating.
POST = f"{PREFIX}post"
#: The same by host and process id, so that a courier finds its own beside another's.
COURIERS = f"{PREFIX}couriers"
#: What running bulk runs tell about themselves, by host and process id, until they stop beating.
RUNS = f"{PREFIX}runs"
#: The projects that something was done for, by when that was.
PROJECTS = f"{PREFIX}projects"


def owed_key(project: ProjectKey | str) -> str:
    """Tasks that are owed a prediction, by when to see to them (seconds since the epoch)."""
    return f"{PREFIX}owed:{project}"


def tries_key(project: ProjectKey) -> str:
    """How often each owed task has failed for a reason that may pass."""
    return f"{PREFIX}tries:{project}"


def figures_key(project: ProjectKey | str) -> str:
    """Title and version of a project, and how many predictions of that version were given (hash)."""
    return f"{PREFIX}figures:{project}"


def failed_key(project: ProjectKey | str) -> str:
    """The tasks of a project that failed for good and have no prediction since, by when they failed."""
    return f"{PREFIX}failed-tasks:{project}"


def claim_key(project: ProjectKey, task: int, version: str) -> str:
    """Held by who is about to have this prediction stored."""
    return f"{PREFIX}claim:{project}:{task}:{version}"


def writer_key(label_studio_url: str) -> str:
    """The lock of the one writer to a Label Studio."""
    return f"{PREFIX}writer:{hashlib.sha256(label_studio_url.encode()).hexdigest()[:16]}"
