"""What there is to index, and what of it is new or changed since: of a project, or of a folder."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from backend.dataset.folder import FoundImage, walk_images
from backend.errors import Failure, TaskError
from backend.images.reference import ImageRef
from backend.indexing.marks import Found, marks_of_task
from backend.indexing.wanted import Wanted
from backend.label_config.control_tags import ObjectTag
from backend.label_studio.api import LabelStudioApi
from backend.label_studio.bodies import Task
from backend.label_studio.records import Project, TaskRow
from backend.prediction.plan import ModelRequest
from backend.prediction.predictor import Predictor
from backend.vectors.records import FailedItem

__all__ = ["Changes", "FolderImages", "ImageSource", "ProjectImages", "split_in"]

#: What tells whether a task is still as it was.
_STAMP = "id,updated_at,total_annotations,cancelled_annotations,total_predictions"
_LISTED = 1000
IDS_AT_ONCE = 100
#: Names of the parts of a data set, as people write them.
_SPLITS = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "test": "test",
}


@dataclass(frozen=True, slots=True)
class Changes:
    """What differs from what is indexed: `fresh` are tasks or paths with their stamps, `gone` keys of images."""

    total: int
    fresh: Mapping[str, str]
    gone: Sequence[str]


class ImageSource(Protocol):
    """Where images are from."""

    def changes(self, stamps: Mapping[str, str]) -> Changes:
        """What is new, changed or gone, by the stamps of what is indexed or has failed."""

    def wanted(self, fresh: Mapping[str, str]) -> Iterator[Wanted | FailedItem | str]:
        """The images of what is new or changed; the key of one that is there no more."""


@dataclass(slots=True)
class ProjectImages:
    """The images of a project's tasks. A task is changed when its own time is, or the version that it shows."""

    api: LabelStudioApi
    project: Project
    predictor: Predictor
    #: Keys of each task's images when it was last looked at.
    _known: dict[str, set[str]] = field(init=False, default_factory=dict)

    def changes(self, stamps: Mapping[str, str]) -> Changes:
        """By the tasks' stamps: their data are not read."""
        known: dict[str, dict[str, str]] = {}
        for key, stamp in stamps.items():
            known.setdefault(_task_of(key), {})[key] = stamp
        total, fresh, there = 0, {}, set()
        pages = self.api.pages(self.project.id, include=_STAMP, page_size=_LISTED, each_alone=True)
        for task in (task for page in pages for task in page):
            total += 1
            name, stamp = str(task.id), self._stamp(task)
            there.add(name)
            stored = known.get(name)
            if stored is None or not set(stored.values()) <= {stamp, self._asked(stamp)}:
                fresh[name] = stamp
        self._known = {task: set(keys) for task, keys in known.items()}
        gone = [key for task, keys in known.items() if task not in there for key in keys]
        return Changes(total, fresh, gone)

    def wanted(self, fresh: Mapping[str, str]) -> Iterator[Wanted | FailedItem | str]:
        """The images of these tasks, as they are now."""
        ids = sorted(int(task) for task in fresh)
        for start in range(0, len(ids), IDS_AT_ONCE):
            some = ids[start : start + IDS_AT_ONCE]
            lacking = set(some)
            for task in self.api.with_rows(self.project.id, some):
                lacking.discard(task.id)
                left = set(self._known.get(str(task.id), ()))
                for one in self._images(task, fresh[str(task.id)]):
                    left.discard(one.key)
                    yield one
                yield from sorted(left)
            for task_id in sorted(lacking):
                yield from sorted(self._known.get(str(task_id), ()))

    def _images(self, task: TaskRow, stamp: str) -> Iterator[Wanted | FailedItem]:
        requests = self.predictor.requests(Task.of(task))
        if isinstance(requests, Failure):
            yield FailedItem(str(task.id), stamp, requests.kind, requests.message)
            return
        if not requests:
            none = Failure.of(TaskError("the task has no image"))
            yield FailedItem(str(task.id), stamp, none.kind, none.message)
        for number, (image, (_, request)) in enumerate(requests.items()):
            found = marks_of_task(task, image, self.project.model_version)
            yield Wanted(
                key=str(task.id) if number == 0 else f"{task.id}#{number}",
                task=task.id,
                number=number,
                path=_address(request.image),
                stamp=stamp if found is not None else self._asked(stamp),
                image=image,
                request=request,
                marks=None if found is None else found.marks,
                said=(found or Found()).said,
                size=(found or Found()).size,
                split=_split_of(task.data),
            )

    def _stamp(self, task: TaskRow) -> str:
        if task.failure is not None:
            return "unlisted"
        return f"{task.stamp} {self.project.model_version}".strip()

    def _asked(self, stamp: str) -> str:
        """The stamp of an image whose regions the models were asked for: another plan finds others."""
        return f"{stamp} by {self.predictor.version}"


@dataclass(slots=True)
class FolderImages:
    """The images of a folder. With a `predictor`, what it finds in them is indexed, too."""

    folder: Path
    image: ObjectTag
    #: Makes the request of an image, by its path below the folder.
    request: Callable[[str], ModelRequest]
    version: str = ""
    #: sha256 of the bytes of each indexed image.
    contents: Mapping[str, str] = field(default_factory=dict)
    left_out: Callable[[str, str], None] = lambda path, reason: None
    _stamps: Mapping[str, str] = field(init=False, default_factory=dict)

    def changes(self, stamps: Mapping[str, str]) -> Changes:
        """By size and time of each file."""
        self._stamps = stamps
        found = {one.path: one for one in walk_images(self.folder, left_out=self.left_out)}
        fresh = {
            path: stamp
            for path, one in found.items()
            if stamps.get(path) != (stamp := self._stamp(one))
        }
        return Changes(len(found), fresh, [key for key in stamps if key not in found])

    def wanted(self, fresh: Mapping[str, str]) -> Iterator[Wanted | FailedItem | str]:
        """These files."""
        for path, stamp in fresh.items():
            if "\\x" in path and not (self.folder / path).exists():
                odd = "expected a file name in UTF-8, which an address can carry; rename the file"
                yield FailedItem(path, stamp, "ImageRefused", odd)
                continue
            yield Wanted(
                key=path,
                task=None,
                number=0,
                path=path,
                stamp=stamp,
                image=self.image,
                request=self.request(path),
                marks=None if self.version else (),
                split=split_in(path),
            )

    def is_as_before(self, path: str) -> bool:
        """Whether a file has the bytes that are indexed, whatever its time, and is asked the same."""
        known, (_, _, version) = self.contents.get(path), self._stamps.get(path, "").partition(" ")
        if not known or version != self.version:
            return False
        try:
            with (self.folder / path).open("rb") as file:
                return hashlib.file_digest(file, "sha256").hexdigest() == known
        except OSError:
            return False

    def _stamp(self, found: FoundImage) -> str:
        return f"{found.stamp} {self.version}".strip()


def split_in(path: str) -> str:
    """The part of the data set that a folder on the way names.

    >>> split_in("images/train/7.jpg"), split_in("train.jpg")
    ('train', '')
    """
    named = (_SPLITS.get(part.lower()) for part in Path(path).parts[:-1])
    return next(filter(None, named), "")


def _split_of(data: object) -> str:
    """As the task says it under `split`."""
    told = data.get("split") if isinstance(data, dict) else None
    return _SPLITS.get(told.lower(), "") if isinstance(told, str) else ""


def _address(image: ImageRef) -> str:
    """As the task has it; of one whose bytes stand in the task only what kind they are."""
    return image.display if image.kind == "data" else image.location


def _task_of(key: str) -> str:
    return key.partition("#")[0]
