"""Which versions' predictions are removed."""

from __future__ import annotations

from typing import Any

import pytest
from typer.testing import CliRunner

from backend.cli.main import app
from backend.errors import BadRequest
from backend.label_studio.api import LabelStudioApi
from backend.label_studio.records import TaskRow
from backend.projects.prune import StoredVersion, chosen, removal_of, remove, stored_versions
from tests.standin.label_studio import StandInLabelStudio
from tests.unit.projects.label_studio import (
    OLD,
    PROJECT,
    VERSION,
    a_backend,
    a_label_studio,
    a_project,
)

OLDER = "tiny-bbbbbbbbbb"


@pytest.fixture
def label_studio() -> StandInLabelStudio:
    made = a_label_studio()
    made.backends = [a_backend()]
    for version, rows in {VERSION: 5, OLD: 3, OLDER: 2, "yolo-v8": 4}.items():
        made.store([1] * rows, version)
    return made


def names(stored: list[StoredVersion]) -> list[str]:
    return [one.version for one in stored]


def test_versions_of_ours_that_nobody_uses_are_left_behind(
    label_studio: StandInLabelStudio,
) -> None:
    stored = stored_versions(label_studio.api(), PROJECT)

    assert names(chosen(stored, ())) == [OLD, OLDER]
    assert {one.version: one.rows for one in stored} == label_studio.versions


def test_what_a_backend_is_named_after_or_the_project_shows_is_in_use(
    label_studio: StandInLabelStudio,
) -> None:
    """The name may lag behind the version that the backend answers."""
    label_studio.backends = [a_backend(title=OLD)]
    label_studio.found = a_project(model_version=OLDER)

    stored = stored_versions(label_studio.api(), PROJECT)

    assert chosen(stored, ()) == []
    assert {one.version for one in stored if one.in_use} == {VERSION, OLD, OLDER}


def test_named_versions_alone_are_removed(label_studio: StandInLabelStudio) -> None:
    """Another tool's too."""
    stored = stored_versions(label_studio.api(), PROJECT)

    assert names(chosen(stored, ["yolo-v8", "yolo-v8"])) == ["yolo-v8"]


@pytest.mark.parametrize(("name", "words"), [(VERSION, "in use"), ("none", "expected a version")])
def test_a_version_in_use_and_one_unknown_are_refused(
    label_studio: StandInLabelStudio, name: str, words: str
) -> None:
    with pytest.raises(BadRequest, match=words):
        chosen(stored_versions(label_studio.api(), PROJECT), [OLD, name])


def test_the_version_that_the_project_shows_is_put_back(label_studio: StandInLabelStudio) -> None:
    """Label Studio empties it with every deletion."""
    api = label_studio.api()
    removal = removal_of([], names(chosen(stored_versions(api, PROJECT), ())), with_parents=False)

    assert list(remove(api, PROJECT, removal)) == [(OLD, 3), (OLDER, 2)]
    assert label_studio.versions == {VERSION: 5, "yolo-v8": 4}
    assert label_studio.found["model_version"] == VERSION


def test_it_is_put_back_after_an_interruption_too(label_studio: StandInLabelStudio) -> None:
    api = label_studio.api()
    removing = remove(api, PROJECT, removal_of([], [OLD, OLDER], with_parents=False))

    next(removing)
    removing.close()

    assert label_studio.found["model_version"] == VERSION


def a_task(number: int, *versions: str | None, parent: int | None = None) -> dict[str, Any]:
    """A task with a row of each version; `parent` is the place of the one that was made an annotation."""
    rows = [
        {"id": number * 10 + place, "model_version": version}
        for place, version in enumerate(versions)
    ]
    origin = None if parent is None else number * 10 + parent
    return {
        "id": number,
        "predictions": rows,
        "annotations": [{"id": 1, "result": [], "parent_prediction": origin}]
        if parent is not None
        else [],
    }


@pytest.mark.parametrize(
    ("tasks", "with_parents", "rows", "kept", "emptied"),
    [
        ([a_task(1, OLD, VERSION)], False, [10], 0, 0),
        ([a_task(1, OLD)], False, [10], 0, 1),
        ([a_task(1, OLD), a_task(2, VERSION)], False, [10], 0, 1),
        ([a_task(1, OLD, OLD)], False, [10, 11], 0, 1),
        ([a_task(1, OLD, "yolo-v8")], False, [10], 0, 0),
        ([a_task(1, OLD, parent=0)], False, [], 1, 0),
        ([a_task(1, OLD, parent=0)], True, [10], 0, 1),
        ([a_task(1, OLD, OLD, parent=0)], False, [11], 1, 0),
        ([a_task(1, OLD, VERSION, parent=1)], False, [10], 0, 0),
        ([a_task(1)], False, [], 0, 0),
        ([a_task(1, None, OLD)], False, [11], 0, 0),
    ],
)
def test_what_a_removal_comes_to(
    tasks: list[dict[str, Any]], with_parents: bool, rows: list[int], kept: int, emptied: int
) -> None:
    """Parents of annotations stay unless asked; tasks that are left with none are counted."""
    rows_of = [TaskRow.model_validate(task) for task in tasks]
    removal = removal_of(rows_of, [OLD], with_parents=with_parents)

    assert (removal.rows[OLD], removal.parents[OLD], removal.emptied) == (rows, kept, emptied)


def a_task_half_read(number: int, rows: str) -> dict[str, Any]:
    """Of these rows Label Studio gives one without an id, beside a whole prediction of `OLD`."""
    made = a_task(number, OLD)
    made[rows] = (
        [*made[rows], {"model_version": OLD, "result": []}] if rows == "predictions" else [[]]
    )
    return made


@pytest.mark.parametrize("rows", ["predictions", "annotations"])
@pytest.mark.parametrize("with_parents", [False, True])
def test_no_version_goes_by_its_name_where_a_row_is_not_known(
    label_studio: StandInLabelStudio, rows: str, with_parents: bool
) -> None:
    """That row would go with them, whatever began from it."""
    listed = [a_task(1, OLD, OLDER), a_task_half_read(2, rows)]
    removal = removal_of(
        [TaskRow.model_validate(task) for task in listed], [OLD, OLDER], with_parents=with_parents
    )
    label_studio.rows.clear()
    label_studio.put(a_task(1, OLD, OLDER), a_task(2, OLD, OLD))

    list(remove(label_studio.api(), PROJECT, removal))

    assert list(label_studio.rows) == ([21] if with_parents else [20, 21])
    assert list(removal.unknown) == [2]
    assert "cannot be read" in next(removal.unknown_lines())


def test_a_task_that_label_studio_cannot_list_keeps_its_rows_and_stops_nothing(
    label_studio: StandInLabelStudio,
) -> None:
    """Whether an annotation began from them nobody knows."""
    label_studio.rows.clear()
    label_studio.put(a_task(1, OLD, VERSION), a_task(2, OLD, VERSION), a_task(3, OLD, VERSION))
    label_studio.unlistable = {2}
    api = label_studio.api()

    removal = removal_of(api.with_rows(PROJECT), [OLD], with_parents=True)
    assert list(remove(api, PROJECT, removal)) == [(OLD, 2)]

    assert list(label_studio.rows) == [11, 20, 21, 31]
    assert list(removal.unknown) == [2]


def test_prune_says_what_it_cannot_know(
    label_studio: StandInLabelStudio, monkeypatch: pytest.MonkeyPatch
) -> None:
    label_studio.rows.clear()
    label_studio.put(*(a_task(number, OLD, VERSION) for number in range(1, 9)))
    label_studio.unlistable = set(range(1, 8))
    monkeypatch.setattr(LabelStudioApi, "from_settings", lambda _: label_studio.api())
    asked = ["prune", "--project", str(PROJECT), "--yes", "--redis-url", "redis://127.0.0.1:1/0"]

    result = CliRunner().invoke(app, asked, env={"COLUMNS": "300"}, catch_exceptions=False)

    assert result.exit_code == 0, result.output
    assert "Kept: what of task 5 is not known: Label Studio lists other tasks" in result.stdout
    assert "Kept: what is not known of 2 tasks more" in result.stdout
    assert f"removed: 1 prediction of {OLD}" in result.stdout


def test_where_a_parent_is_kept_the_others_go_one_by_one(label_studio: StandInLabelStudio) -> None:
    """Label Studio deletes all rows of a name at once, or one."""
    label_studio.rows.clear()
    label_studio.put(a_task(1, OLD, VERSION, parent=0), a_task(2, OLD, VERSION))
    api = label_studio.api()
    removal = removal_of(api.with_rows(PROJECT), [OLD], with_parents=False)

    assert list(remove(api, PROJECT, removal)) == [(OLD, 1)]

    assert list(label_studio.rows) == [10, 11, 21]
    assert label_studio.found["model_version"] == VERSION


@pytest.mark.parametrize("stored", [None, ""])
def test_rows_without_a_version_are_removed(
    label_studio: StandInLabelStudio, stored: str | None
) -> None:
    """One by one: Label Studio takes no empty name for a deletion."""
    label_studio.rows.clear()
    label_studio.found = a_project(model_version=None)
    label_studio.put(a_task(1, stored, VERSION))
    api = label_studio.api()
    found = stored_versions(api, PROJECT)

    (none,) = chosen(found, [""])
    removal = removal_of(api.with_rows(PROJECT), [none.version], with_parents=False)

    assert (none.rows, none.in_use, chosen(found, ())) == (1, False, [])
    assert list(remove(api, PROJECT, removal)) == [("", 1)]
    assert list(label_studio.rows) == [11]
