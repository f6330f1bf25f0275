"""A changed label config takes title and version in Label Studio along, and nothing is forgotten on the way."""

from __future__ import annotations

from typing import NoReturn

import pytest
import redis

from backend.delivery.owed import OwedTasks
from backend.errors import LabelStudioUnavailable
from backend.label_studio.project_key import ProjectKey
from backend.projects import changes
from backend.projects.changes import ProjectFollower
from backend.projects.follow import Followed
from backend.projects.our_tabs import our_tabs
from backend.settings import load_settings
from tests.standin.label_studio import StandInLabelStudio
from tests.standin.label_studio_state import no_connection
from tests.unit.delivery.label_studio import BOXES, KEY, label_studio
from tests.unit.delivery.workers import SETTINGS

pytestmark = pytest.mark.redis

VERSION = SETTINGS.for_label_config(BOXES).version


@pytest.fixture
def followed(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, str]]:
    """The projects and versions that `follow` was called with."""
    calls: list[tuple[int, str]] = []

    def follow(api: object, project: int, version: str, settings: object) -> Followed:
        calls.append((project, version))
        return Followed("before", version)

    monkeypatch.setattr(changes, "follow", follow)
    return calls


@pytest.fixture
def owed(redis_connection: redis.Redis) -> OwedTasks:
    return OwedTasks(redis_connection)


def follower(owed: OwedTasks, studio: StandInLabelStudio) -> ProjectFollower:
    return ProjectFollower(owed, studio.api(), SETTINGS, load_settings())


def test_a_project_follows_the_version_of_its_label_config(
    owed: OwedTasks, followed: list[tuple[int, str]]
) -> None:
    """As it is now, whatever it was when the change was noted."""
    owed.note_change(KEY)

    follower(owed, label_studio()).follow_changed()

    assert followed == [(KEY.id, VERSION)]


def test_tabs_that_are_there_go_by_the_new_version(
    owed: OwedTasks, followed: list[tuple[int, str]]
) -> None:
    """None is made; who may not change them is followed all the same."""
    studio = label_studio()
    studio.views = [{"id": 1, "data": our_tabs("tiny-aaaaaaaaaa")[1].data()}]

    owed.note_change(KEY)
    studio.refusal = 403, {"detail": "no"}
    follower(owed, studio).follow_changed()
    assert VERSION not in str(studio.views)

    owed.note_change(KEY)
    studio.refusal = None
    follower(owed, studio).follow_changed()
    assert [view["id"] for view in studio.views] == [1]
    assert VERSION in str(studio.views)
    assert followed == [(KEY.id, VERSION)] * 2


def test_tabs_that_an_outage_kept_from_the_new_version_follow_later(
    owed: OwedTasks, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By then title and version are in step, and there is nothing else to change."""
    steps = iter([Followed("before", VERSION), None])
    monkeypatch.setattr(changes, "follow", lambda *given: next(steps))
    studio = label_studio()
    studio.views = [{"id": 1, "data": our_tabs("tiny-aaaaaaaaaa")[1].data()}]
    api = studio.api()

    def no_tabs(project: int) -> NoReturn:
        raise LabelStudioUnavailable("timed out")

    answers = api.views
    monkeypatch.setattr(api, "views", no_tabs)
    owed.note_change(KEY)
    ProjectFollower(owed, api, SETTINGS, load_settings()).follow_changed()
    assert VERSION not in str(studio.views)

    monkeypatch.setattr(api, "views", answers)
    owed.note_change(KEY)  # as if the minute were over that it was put off for
    ProjectFollower(owed, api, SETTINGS, load_settings()).follow_changed()

    assert VERSION in str(studio.views)


def test_another_label_studios_project_is_left_alone(
    owed: OwedTasks, followed: list[tuple[int, str]]
) -> None:
    """It has the same number, but was made at another time."""
    owed.note_change(ProjectKey(KEY.id, KEY.created_s + 1))

    follower(owed, label_studio()).follow_changed()

    assert followed == []


@pytest.mark.parametrize("config", ["<View/>", "<View"])
def test_a_label_config_that_cannot_be_served_is_passed_over(
    config: str, owed: OwedTasks, followed: list[tuple[int, str]]
) -> None:
    """It is no reason to stop the delivery."""
    owed.note_change(KEY)

    follower(owed, label_studio(label_config=config)).follow_changed()

    assert followed == []


def test_what_label_studio_did_not_answer_stays_noted(
    owed: OwedTasks, followed: list[tuple[int, str]]
) -> None:
    """The next round finds it, once Label Studio is back."""
    studio = label_studio()
    studio.down = no_connection()
    owed.note_change(KEY)

    with pytest.raises(LabelStudioUnavailable):
        follower(owed, studio).follow_changed()
    studio.down = None
    follower(owed, studio).follow_changed()

    assert followed == [(KEY.id, VERSION)]
