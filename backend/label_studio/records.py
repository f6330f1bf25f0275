"""Projects, tasks and what is stored with them, as Label Studio's API, events and exports give them.

Read once, at the border. A row that cannot be read does not take its task down: the task says why, and
its other rows are read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar, Self

from pydantic import (
    BeforeValidator,
    ConfigDict,
    PrivateAttr,
    SkipValidation,
    ValidationError,
    model_validator,
)

from backend.errors import Failure, TaskError
from backend.label_studio.fields import Body, Flag, Id, KnownId, Number, Text, problems
from backend.label_studio.project_key import ProjectKey
from backend.plain import Json

__all__ = [
    "AnnotationRow",
    "AnyTask",
    "Backend",
    "DraftRow",
    "ExportedTask",
    "PredictionRow",
    "Project",
    "Tab",
    "TaskRow",
    "View",
    "Webhook",
]


def _listed(value: object) -> object:
    return value if isinstance(value, list) else None


def _or_none(value: object) -> object:
    return value if isinstance(value, dict) else None


def _user(value: object) -> object:
    """A number in some answers, an object with an `id` in others."""
    return value.get("id") if isinstance(value, dict) else value


#: None is none.
Count = Annotated[int, BeforeValidator(lambda count: count or 0)]
#: The entries of a `result`, as they are stored, for `read_regions`; `None` for what is no list.
Result = Annotated[SkipValidation[Sequence[Any] | None], BeforeValidator(_listed)]


class Project(Body):
    """A project with its settings. A label config that is no text is an empty one."""

    id: Id
    title: Text
    label_config: Text
    #: The version that it shows; empty for none.
    model_version: Text
    show_collab_predictions: Flag
    task_number: Count
    created_at: Text
    #: By what the label stream chooses the next task, such as `Sequential sampling`.
    sampling: Text = ""

    @property
    def key(self) -> ProjectKey | None:
        """`None` where it does not say when it was made."""
        return ProjectKey.of({"id": self.id, "created_at": self.created_at})


class Backend(Body):
    """An ML backend of a project. `state` is `CO` where Label Studio reached it just now."""

    id: Id
    url: Text
    title: Text
    model_version: Text
    is_interactive: Flag
    auto_update: Flag
    basic_auth_user: Text
    state: Text
    readable_state: Text
    error_message: Text
    #: What it is told with every `/setup`, besides.
    extra_params: Annotated[SkipValidation[Json | None], BeforeValidator(_or_none)] = None


class Webhook(Body):
    """A webhook of a project, with all headers that it sends."""

    id: Id
    url: Text
    headers: Annotated[
        SkipValidation[Json],
        BeforeValidator(lambda headers: headers if isinstance(headers, dict) else {}),
    ]
    is_active: Flag
    send_payload: Flag
    send_for_all_actions: Flag


class Tab(Body):
    """What a person made of a tab; `filters` as in the Data Manager, `None` without any.

    Columns, widths and what else belongs to it are kept as they came: a change replaces all of it.
    """

    model_config = ConfigDict(extra="allow")

    title: Text = ""
    filters: Annotated[SkipValidation[Json | None], BeforeValidator(_or_none)] = None
    ordering: Annotated[SkipValidation[Sequence[Any] | None], BeforeValidator(_listed)] = None


class View(Body):
    """A tab of the Data Manager."""

    id: Id
    data: Annotated[Tab, BeforeValidator(lambda data: _or_none(data) or {})]


class PredictionRow(Body):
    """A stored prediction; `model_version` is empty where somebody stored it without one."""

    id: Id
    model_version: Text = ""
    result: Result = None
    score: Number = None


class DraftRow(Body):
    """What somebody has drawn and not submitted."""

    result: Result = None


class AnnotationRow(Body):
    """What a person submitted, or skipped.

    `prediction` is the copy of the prediction that it began from, `parent_prediction` that one's id as
    long as it is stored. `completed_by` is the user's id, `lead_time` in seconds.
    """

    id: KnownId = None
    task: KnownId = None
    result: Result = None
    was_cancelled: Flag = False
    ground_truth: Flag = False
    created_at: Text = ""
    updated_at: Text = ""
    lead_time: Number = None
    completed_by: Annotated[KnownId, BeforeValidator(_user)] = None
    parent_prediction: KnownId = None
    #: Label Studio's is an object without fields where no stored row has the project's version.
    prediction: Annotated[PredictionRow | None, BeforeValidator(PredictionRow.or_none)] = None

    @property
    def is_whole(self) -> bool:
        """Whether Label Studio gave what was drawn and its origin, which short listings leave out."""
        return {"result", "parent_prediction"} <= self.model_fields_set


class AnyTask(Body):
    """A task with rows, each of which is read by itself; `unread` says which cannot be, and why.

    Rows that were not given, or not as a list, are none in their field, and `tells` knows it.
    """

    #: The rows that are read, by the name of their field.
    ROWS: ClassVar[Mapping[str, type[Body]]] = {}
    unread: SkipValidation[tuple[Failure, ...]] = ()
    _failure: Failure | None = PrivateAttr(default=None)

    @property
    def failure(self) -> Failure | None:
        """Why nothing is known of it but its id."""
        return self._failure

    def tells(self, rows: str) -> bool:
        """Whether the answer held a list of these rows, an empty one included."""
        return rows in self.model_fields_set

    @classmethod
    def failed(cls, number: int | None, failure: Failure) -> Self:
        """A task of which no more is known than its id, and why."""
        task = cls.model_validate({"id": number, "data": {}})
        task._failure = failure
        return task

    @model_validator(mode="before")
    @classmethod
    def _each_row_alone(cls, value: object) -> object:
        if not isinstance(value, dict):
            return value
        unread: list[Failure] = []
        given = {name: kind for name, kind in cls.ROWS.items() if isinstance(value.get(name), list)}
        rows = {name: _read(kind, name, value[name], unread) for name, kind in given.items()}
        others = {name: one for name, one in value.items() if name not in cls.ROWS}
        return {**others, **rows, "unread": tuple(unread)}


class ExportedTask(AnyTask):
    """A task as an export has it, with what people submitted. `data` may be anything."""

    ROWS: ClassVar = {"annotations": AnnotationRow}
    id: KnownId = None
    data: SkipValidation[Any] = None
    annotations: SkipValidation[tuple[AnnotationRow, ...]] = ()


class TaskRow(ExportedTask):
    """A task of a project as Label Studio lists it, as far as it was asked for."""

    ROWS: ClassVar = {"annotations": AnnotationRow, "predictions": PredictionRow}
    id: Id
    predictions: SkipValidation[tuple[PredictionRow, ...]] = ()
    total_annotations: Count = 0
    cancelled_annotations: Count = 0
    total_predictions: Count = 0
    updated_at: Text = ""

    @property
    def stamp(self) -> str:
        """Another one where its annotations or predictions are others: made, changed or removed since.

        Label Studio renews a task's time with each annotation that is saved, and leaves it where rows are made or
        removed in bulk: that shows in their numbers.
        """
        counts = (self.total_annotations, self.cancelled_annotations, self.total_predictions)
        return " ".join((self.updated_at, *map(str, counts)))


def _read(
    kind: type[Body], name: str, rows: Sequence[object], unread: list[Failure]
) -> tuple[Body, ...]:
    read = []
    for number, row in enumerate(rows):
        try:
            read.append(kind.model_validate(row))
        except ValidationError as error:
            reason = f"{name}, entry {number + 1}, cannot be read: {problems(error)}"
            unread.append(Failure.of(TaskError(reason)))
    return tuple(read)
