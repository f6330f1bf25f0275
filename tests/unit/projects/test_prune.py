"""Which versions' predictions are removed."""

from __future__ import annotations

import pytest

from backend.errors import BadRequest
from backend.projects.prune import StoredVersion, chosen, remove, stored_versions
from tests.unit.projects.label_studio import (
    OLD,
    PROJECT,
    VERSION,
    LabelStudio,
    a_backend,
    a_project,
)

OLDER = "tiny-bbbbbbbbbb"


@pytest.fixture
def label_studio() -> LabelStudio:
    made = LabelStudio()
    made.backends = [a_backend()]
    made.versions = {VERSION: 5, OLD: 3, OLDER: 2, "yolo-v8": 4}
    return made


def names(stored: list[StoredVersion]) -> list[str]:
    return [one.version for one in stored]


def test_versions_of_ours_that_nobody_uses_are_left_behind(label_studio: LabelStudio) -> None:
    stored = stored_versions(label_studio.api(), PROJECT)

    assert names(chosen(stored, ())) == [OLD, OLDER]
    assert {one.version: one.rows for one in stored} == label_studio.versions


def test_what_a_backend_is_named_after_or_the_project_shows_is_in_use(
    label_studio: LabelStudio,
) -> None:
    """The name may lag behind the version that the backend answers."""
    label_studio.backends = [a_backend(title=OLD)]
    label_studio.project = a_project(model_version=OLDER)

    stored = stored_versions(label_studio.api(), PROJECT)

    assert chosen(stored, ()) == []
    assert {one.version for one in stored if one.in_use} == {VERSION, OLD, OLDER}


def test_named_versions_alone_are_removed(label_studio: LabelStudio) -> None:
    """Another tool's too."""
    stored = stored_versions(label_studio.api(), PROJECT)

    assert names(chosen(stored, ["yolo-v8", "yolo-v8"])) == ["yolo-v8"]


@pytest.mark.parametrize(("name", "words"), [(VERSION, "in use"), ("none", "expected a version")])
def test_a_version_in_use_and_one_unknown_are_refused(
    label_studio: LabelStudio, name: str, words: str
) -> None:
    with pytest.raises(BadRequest, match=words):
        chosen(stored_versions(label_studio.api(), PROJECT), [OLD, name])


def test_the_version_that_the_project_shows_is_put_back(label_studio: LabelStudio) -> None:
    """Label Studio empties it with every deletion."""
    api = label_studio.api()
    removing = chosen(stored_versions(api, PROJECT), ())

    removed = [(one.version, rows) for one, rows in remove(api, PROJECT, removing)]

    assert removed == [(OLD, 3), (OLDER, 2)]
    assert label_studio.versions == {VERSION: 5, "yolo-v8": 4}
    assert label_studio.project["model_version"] == VERSION


def test_it_is_put_back_after_an_interruption_too(label_studio: LabelStudio) -> None:
    api = label_studio.api()
    removing = remove(api, PROJECT, chosen(stored_versions(api, PROJECT), ()))

    next(removing)
    removing.close()

    assert label_studio.project["model_version"] == VERSION
