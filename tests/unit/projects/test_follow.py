"""When a project's backend follows a new version, and when a person's choice stands."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import SecretStr

from backend.projects.follow import Followed, Step, follow, next_step
from backend.settings import Settings
from tests.unit.projects.label_studio import (
    OLD,
    PROJECT,
    URL,
    VERSION,
    a_backend,
    a_label_studio,
    a_project,
    the_backend,
    the_project,
)

SETTINGS = Settings(public_url=URL, basic_auth_user="user", basic_auth_pass=SecretStr("pass"))


@pytest.mark.parametrize(
    ("title", "project", "step"),
    [
        (VERSION, {}, None),
        (OLD, {"model_version": OLD}, Step(title=True, shown=True)),
        (OLD, {}, Step(title=True, shown=False)),
        (VERSION, {"model_version": OLD}, Step(title=False, shown=True)),
        (VERSION, {"model_version": None}, Step(title=False, shown=True)),
        (VERSION, {"model_version": ""}, Step(title=False, shown=True)),
        (VERSION, {"model_version": "", "show_collab_predictions": False}, None),
        (VERSION, {"model_version": "yolo-v8"}, None),
        (OLD, {"model_version": "yolo-v8"}, Step(title=True, shown=False)),
    ],
)
def test_what_is_behind_follows_and_what_a_person_chose_stands(
    title: str, project: dict[str, Any], step: Step | None
) -> None:
    assert next_step(the_project(**project), the_backend(title=title), VERSION) == step


def test_without_a_backend_of_ours_nothing_follows() -> None:
    label_studio = a_label_studio()
    label_studio.backends = [a_backend(title="My model")]

    assert follow(label_studio.api(), PROJECT, VERSION, SETTINGS) is None
    assert label_studio.writes == []


def test_title_and_version_are_written_with_address_and_credentials() -> None:
    label_studio = a_label_studio()
    label_studio.found = a_project(model_version=OLD)
    label_studio.backends = [a_backend(title=OLD)]

    assert follow(label_studio.api(), PROJECT, VERSION, SETTINGS) == Followed(OLD, VERSION)

    backend, project = label_studio.writes
    assert backend[:2] == ("PATCH", "/api/ml/3")
    assert backend[2] == {
        "title": VERSION,
        "url": URL,
        "project": PROJECT,
        "auth_method": "BASIC_AUTH",
        "basic_auth_user": "user",
        "basic_auth_pass": "pass",
    }
    assert project == ("PATCH", f"/api/projects/{PROJECT}/", {"model_version": VERSION})


def test_our_password_goes_to_no_other_address() -> None:
    """Who may edit a project could name any; Label Studio would send them what we give it."""
    label_studio = a_label_studio()
    label_studio.backends = [a_backend(title=OLD, url="http://elsewhere:9090")]

    assert follow(label_studio.api(), PROJECT, VERSION, SETTINGS) is None
    assert label_studio.writes == []


def test_where_there_is_no_password_another_address_of_ours_follows() -> None:
    """As Label Studio in a container reaches a Firstpass on its host."""
    label_studio = a_label_studio()
    label_studio.backends = [a_backend(title=OLD, url="http://host.docker.internal:9090")]

    assert follow(label_studio.api(), PROJECT, VERSION, Settings()) is not None
    assert label_studio.writes[0][2]["url"] == "http://host.docker.internal:9090"
