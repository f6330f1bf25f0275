"""Labelled tasks of Label Studio: of a project through its API, or of a JSON export."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path, PurePosixPath
from urllib.parse import parse_qs, quote, unquote, urlsplit

from backend.dataset.target_project import TargetProject
from backend.errors import BadRequest, Failure, ImageNotFound
from backend.evaluation.annotations import chosen_annotation, submitted, truths_of
from backend.evaluation.image_files import NO_FILE, ImageFiles
from backend.evaluation.labelled import LabelledSet, LabelledTask
from backend.label_studio.api import LabelStudioApi
from backend.label_studio.records import ExportedTask
from backend.wording import tasks as in_words

__all__ = ["read_export", "read_project"]

#: Hex digits and a dash that Label Studio puts before the name of an upload.
_UPLOAD_PREFIX = 9


def read_project(api: LabelStudioApi, target: TargetProject) -> LabelledSet:
    """A project's tasks that have an annotation. Raises `BadRequest` where there is none."""
    found = _labelled(api.annotated(target.key.id))
    total = target.project.task_number
    words = target.words
    if not found.tasks:
        raise BadRequest(f"{words} {_why_none(total, found.skipped)}")
    notes = list(found.notes)
    if total > len(found.tasks) + found.skipped:
        notes.append(f"annotated: {len(found.tasks):,} of {in_words(total)}")
    return LabelledSet(target.source, words, found.tasks, notes=tuple(notes))


def read_export(path: Path, images: Path | None) -> LabelledSet:
    """The annotated tasks of a JSON export; with `images` their files are taken from that folder.

    Raises `BadRequest` for another file, and where no task has an annotation.
    """
    body = _exported(path)
    found = _labelled(body)
    if not found.tasks:
        raise BadRequest(f"{path} {_why_none(len(body), found.skipped)}")
    tasks = found.tasks
    if images is not None:
        files = ImageFiles(images)
        tasks = [_on_disk(task, files) for task in tasks]
        if all(task.failure is not None for task in tasks):
            named = "; ".join(map(str, list(tasks[0].data.values())[:2]))[:160]
            raise BadRequest(
                f"none of the {in_words(len(tasks))} of {path} has its image in {images}: the first one has "
                f"{named}; give the folder that these files lie in"
            )
    notes = list(found.notes)
    if len(body) > len(found.tasks) + found.skipped:
        notes.append(f"annotated: {len(found.tasks):,} of {in_words(len(body))}")
    return LabelledSet(f"export {path.resolve()}", str(path), tasks, notes=tuple(notes))


class _Labelled:
    """Tasks with the annotation that counts, and what was passed over."""

    def __init__(self) -> None:
        self.tasks: list[LabelledTask] = []
        self.skipped = self.several = 0
        self.troubles: Counter[str] = Counter()

    @property
    def notes(self) -> Iterator[str]:
        if self.skipped:
            yield f"left out: tasks that people skipped ({self.skipped:,})"
        if self.several:
            yield (
                "of several annotations of a task the one marked as ground truth counts, else the newest "
                f"({in_words(self.several)})"
            )
        for trouble, count in self.troubles.items():
            yield f"left out: {trouble} ({count:,})"


def _labelled(tasks: Iterable[ExportedTask]) -> _Labelled:
    found = _Labelled()
    for task in tasks:
        found.troubles.update(["annotations that cannot be read"] * len(task.unread))
        annotation = chosen_annotation(task.annotations)
        if annotation is None:
            found.skipped += bool(task.annotations)
            continue
        found.several += len(submitted(task.annotations)) > 1
        found.tasks.append(
            LabelledTask(
                key=f"task {task.id}" if task.id is not None else f"entry {len(found.tasks) + 1}",
                data=task.data if isinstance(task.data, dict) else {},
                truths=truths_of(annotation.result or (), found.troubles),
                task_id=task.id,
            )
        )
    return found


def _why_none(total: int, skipped: int) -> str:
    if not total:
        return "has no tasks: import some, and annotate a few"
    if skipped:
        return f"has no annotation, only {in_words(skipped)} that people skipped; annotate a few and submit them"
    return (
        f"has {in_words(total)}, none of them with an annotation (predictions do not count: they are what is to "
        "be measured); annotate a few and submit them"
    )


def _exported(path: Path) -> Sequence[ExportedTask]:
    try:
        body = json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise BadRequest(
            f"expected an export of Label Studio at {path}: {error.strerror}"
        ) from error
    except ValueError as error:
        raise BadRequest(f"expected Label Studio's JSON export at {path}: {error}") from error
    if not isinstance(body, list) or not all(isinstance(task, dict) for task in body):
        raise BadRequest(
            f"expected Label Studio's JSON export at {path}, a list of tasks; choose JSON when exporting"
        )
    if body and not any({"annotations", "data"} <= task.keys() for task in body):
        raise BadRequest(
            f"expected tasks with data and annotations in {path}; choose JSON when exporting, not JSON-MIN "
            "or another format"
        )
    return [ExportedTask.model_validate(task) for task in body]


def _on_disk(task: LabelledTask, files: ImageFiles) -> LabelledTask:
    """The task with each image address that a file of the folder fits in place of its own."""
    stamps, data = [], dict(task.data)
    for key, value in task.data.items():
        image = _file_of(value, files) if isinstance(value, str) else None
        if image is not None:
            data[key] = f"/data/local-files/?d={quote(image[0])}"
            stamps.append(image[1])
    failure = task.failure
    if not stamps:
        reasons = {files.why_not(_name(value)) for value in data.values() if isinstance(value, str)}
        failure = Failure.of(ImageNotFound(next(iter(reasons - {NO_FILE}), NO_FILE)))
    return LabelledTask(
        task.key, data, task.truths, task.task_id, stamp=" ".join(stamps), failure=failure
    )


def _file_of(address: str, files: ImageFiles) -> tuple[str, str] | None:
    """Path and stamp of the file that an address of Label Studio, or any other, names."""
    if address.startswith("data:"):
        return None
    path = PurePosixPath(_name(address))
    shorter = [path.with_name(path.name[_UPLOAD_PREFIX:])] if path.name[8:9] == "-" else []
    for each in (path, *shorter):
        image = files.find(str(each)) if each.name else None
        if image is not None and image.is_utf8:
            return image.path, image.stamp
    return None


def _name(address: str) -> str:
    """The file that an address names."""
    url = urlsplit(address)
    return parse_qs(url.query).get("d", [unquote(url.path)])[0]
