"""What is ours in a project, and what stays when it is taken back."""

from __future__ import annotations

import copy
from itertools import islice
from typing import Any

import pytest

from backend.errors import BadRequest
from backend.label_config.named_heads import with_head
from backend.projects.our_backend import OurBackend
from backend.projects.our_tabs import OURS as OUR_TITLES
from backend.projects.our_tabs import REVIEW_COLUMN, SAMPLE_COLUMN
from backend.projects.prune import chosen, stored_versions
from backend.projects.review_order import LEAST_SURE_FIRST, set_order
from backend.projects.tabs import ProjectTabs
from backend.projects.tidy import Found, Tidying
from tests.reviewer import CONFIG
from tests.standin.label_studio import StandInLabelStudio
from tests.unit.projects.label_studio import (
    OLD,
    OURS,
    PROJECT,
    VERSION,
    a_backend,
    a_label_studio,
    a_project,
    a_webhook,
)
from tests.unit.projects.test_prune import a_task

#: Another tool's version that has the form of ours: it ends in a time.
TIMED = "detector-1795207708"


@pytest.fixture
def before() -> StandInLabelStudio:
    """A project of others: rows, a submitted annotation, tabs, a webhook."""
    made = a_label_studio()
    made.found = a_project(model_version="", sampling="Sequential sampling")
    made.put(a_task(1, "yolo-v8", TIMED, parent=0), a_task(2, None))
    made.views = [
        {"id": 1, "data": {"title": "Default"}},
        {"id": 2, "data": {"title": "Firstpass: mine"}},
    ]
    made.webhooks = [{**a_webhook(), "id": 1, "url": "http://elsewhere/hook"}]
    return made


@pytest.fixture
def used(before: StandInLabelStudio) -> StandInLabelStudio:
    """The same after Firstpass was there: connected, with rows of two versions, tabs and review order."""
    used = copy.deepcopy(before)
    used.backends = [a_backend(extra_params={})]
    used.webhooks.append(a_webhook())
    used.found["model_version"] = VERSION
    used.store([1, 2], OLD)
    used.store([1, 2], VERSION)
    list(ProjectTabs(used.api(), PROJECT, VERSION, "http://ls").make())
    set_order(used.api(), OURS, PROJECT)
    used.writes.clear()
    return used


def tidying(label_studio: StandInLabelStudio) -> Tidying:
    return Tidying(label_studio.api(), OURS, PROJECT)


def look(label_studio: StandInLabelStudio, owed: int = 0, *, with_parents: bool = False) -> Found:
    return tidying(label_studio).look(owed, with_parents=with_parents)


def take_back(label_studio: StandInLabelStudio, found: Found) -> list[str]:
    return list(tidying(label_studio).take_back(found, lambda: 0))


def state(label_studio: StandInLabelStudio) -> dict[str, Any]:
    names = ("found", "tasks", "rows", "annotations", "backends", "webhooks", "views")
    return {name: getattr(label_studio, name) for name in names}


def test_all_is_as_before(before: StandInLabelStudio, used: StandInLabelStudio) -> None:
    """Tabs, rows, data, annotations, settings; and nothing is left to take back."""
    take_back(used, look(used))

    assert state(used) == state(before)
    assert look(used).is_nothing


def test_our_columns_are_emptied_and_all_other_data_stay(used: StandInLabelStudio) -> None:
    """Those of the sample, too; a column of people's that looks like ours in name only stays."""
    used.tasks[1] |= {REVIEW_COLUMN: "0.99", SAMPLE_COLUMN: "1.00", "firstpass_notes": "0.5"}
    used.tasks[2] |= {REVIEW_COLUMN: "1.00"}
    wanted = copy.deepcopy(used.tasks)
    wanted[1] |= {REVIEW_COLUMN: "", SAMPLE_COLUMN: ""}
    wanted[2] |= {REVIEW_COLUMN: ""}

    found = look(used)
    said = take_back(used, found)

    assert ("column", f"{REVIEW_COLUMN}, emptied in 2 tasks") in list(found.lines())
    assert any("the empty column stays in their data" in line for line in said)
    assert used.tasks == wanted
    assert look(used).is_nothing


def test_looking_changes_nothing(used: StandInLabelStudio) -> None:
    found = look(used)

    assert used.writes == []
    assert not found.is_nothing
    lines = dict(found.lines())
    assert lines["tabs"] == ", ".join(OUR_TITLES)
    assert lines["model_version shown"] == VERSION
    assert lines["order of Label All Tasks"] == "goes by Sequential sampling again"


def test_what_is_left_is_said_with_its_reason(used: StandInLabelStudio) -> None:
    left = look(used).left

    assert any(f"1 prediction of {TIMED}" in line and "--anyway` removes" in line for line in left)
    assert any("1 prediction of yolo-v8" in line for line in left)
    assert any("(no version)" in line and "--version ''" in line for line in left)
    assert len(left) == 3


def test_annotations_and_tasks_are_never_written(used: StandInLabelStudio) -> None:
    take_back(used, look(used))

    paths = {path for _, path, _ in used.writes}
    assert paths
    assert [path for path in paths if "annotations" in path or "/tasks/" in path] == []


def test_who_writes_more_is_disconnected_before_predictions_go(used: StandInLabelStudio) -> None:
    steps = list(tidying(used).take_back(look(used, owed=5), lambda: 5))

    backend = next(n for n, step in enumerate(steps) if "the ML backend" in step)
    owed = next(n for n, step in enumerate(steps) if "5 predictions owed no more" in step)
    rows = next(n for n, step in enumerate(steps) if "predictions of" in step)
    assert backend < owed < rows


def test_origins_of_annotations_stay_unless_told_to_go(before: StandInLabelStudio) -> None:
    before.put(a_task(3, VERSION, OLD, parent=0))

    found = look(before)
    assert found.removal.count == 1
    assert any("1 prediction that annotations name as their origin" in line for line in found.left)
    take_back(before, found)
    assert before.versions.get(VERSION) == 1

    take_back(before, look(before, with_parents=True))
    assert VERSION not in before.versions
    assert [one["parent_prediction"] for one in before.annotations[3]] == [30]


def test_an_interrupted_run_is_run_again(
    before: StandInLabelStudio, used: StandInLabelStudio
) -> None:
    """Wherever it ended."""
    steps = len(take_back(copy.deepcopy(used), look(used)))
    for done in range(steps):
        again = copy.deepcopy(used)
        list(islice(tidying(again).take_back(look(again), lambda: 0), done))

        take_back(again, look(again))

        assert state(again) == state(before), done


def test_a_task_that_label_studio_cannot_list_is_named_and_stops_nothing(
    used: StandInLabelStudio,
) -> None:
    used.unlistable = {2}

    found = look(used)
    take_back(used, found)

    assert used.backends == []
    assert {row["task"] for row in used.rows.values() if row["model_version"] == VERSION} == {2}
    assert any("task 2 is not known" in line for line in found.left)


def test_the_order_that_somebody_else_set_stays(used: StandInLabelStudio) -> None:
    used.backends = [a_backend(extra_params=None)]

    found = look(used)
    take_back(used, found)

    assert used.found["sampling"] == LEAST_SURE_FIRST
    assert any("not known to be set by us" in line for line in found.left)


def test_a_backend_elsewhere_stays(before: StandInLabelStudio) -> None:
    """And with it what it answers, and what the project shows of it."""
    before.backends = [a_backend(url="http://other:9090", title="Mine", model_version=TIMED)]
    before.found["model_version"] = TIMED

    found = look(before)

    assert found.is_nothing
    assert any("ML backend Mine (http://other:9090)" in line for line in found.left)
    (version,) = (line for line in found.left if f"prediction of {TIMED}" in line)
    assert version.endswith("in use by ML backend Mine: left alone")


def test_a_version_that_the_project_shows_is_left_without_a_command_that_would_be_refused(
    before: StandInLabelStudio,
) -> None:
    before.found["model_version"] = TIMED

    (line,) = (line for line in look(before).left if f"prediction of {TIMED}" in line)

    assert line.endswith("which the project shows: left alone")
    with pytest.raises(BadRequest, match="in use"):
        chosen(stored_versions(before.api(), PROJECT), [TIMED])


def test_a_firstpass_under_another_address_is_ours(
    before: StandInLabelStudio, used: StandInLabelStudio
) -> None:
    """It would go on predicting: its webhook goes, too, and what it set."""
    (backend,) = used.backends
    backend["url"] = "http://gateway/firstpass/"
    used.webhooks[1]["url"] = "http://gateway/firstpass/webhook"

    take_back(used, look(used))

    assert state(used) == state(before)


THEIRS: dict[str, Any] = {"title": "SAM", "model_version": "sam2"}


def not_running(label_studio: StandInLabelStudio) -> Tidying:
    """As by a command that was not given our address, while no Firstpass runs."""
    return Tidying(label_studio.api(), OURS, PROJECT, address_known=False)


def test_at_the_usual_address_another_tool_is_not_taken_for_ours(
    before: StandInLabelStudio,
) -> None:
    """Label Studio's example backends use the same port, and are told of events under the same path."""
    before.backends = [a_backend(**THEIRS)]
    before.webhooks.append(a_webhook(headers={}))

    found = not_running(before).look(0, with_parents=False)

    assert found.is_nothing
    assert any(line.startswith("ML backend SAM") for line in found.left)
    assert any(line.startswith("the webhook to http://web:9090/webhook") for line in found.left)
    assert sum("--project 7 --public-url http://web:9090`" in line for line in found.left) == 2

    told = look(before)  # as with that option
    assert (len(told.backends), len(told.webhooks)) == (1, 1)


@pytest.mark.parametrize("renamed", [{"title": "Mine"}, {"model_version": "failed"}, {}])
def test_at_the_usual_address_what_is_named_as_ours_is_ours(
    used: StandInLabelStudio, before: StandInLabelStudio, renamed: dict[str, Any]
) -> None:
    used.backends[0] |= renamed
    used.webhooks[1]["headers"] = {}
    tidying = not_running(used)

    list(tidying.take_back(tidying.look(0, with_parents=False), lambda: 0))

    assert state(used) == state(before)


def test_a_webhook_with_our_secret_is_ours_without_a_backend(before: StandInLabelStudio) -> None:
    """Its value is not known here."""
    before.webhooks.append(a_webhook(headers={"x-firstpass-secret": "another"}))

    assert len(not_running(before).look(0, with_parents=False).webhooks) == 1


def test_ours_is_known_by_another_name_of_this_machine(before: StandInLabelStudio) -> None:
    """Somebody renamed it, too. What is not named as ours may listen beside us, under the other name."""
    here = OurBackend("http://127.0.0.1:9090")
    renamed = a_backend(url="http://localhost:9090", title="Mine")
    before.backends = [renamed, a_backend(id=4, url="http://localhost:9090", **THEIRS)]
    before.webhooks.append(a_webhook(url="http://127.0.0.1:9090/webhook"))

    found = Tidying(before.api(), here, PROJECT).look(0, with_parents=False)

    assert [one.title for one in found.backends] == ["Mine"]
    assert len(found.webhooks) == 1


@pytest.mark.parametrize(
    ("version", "ours"),
    [
        ("tiny-0123456789", True),
        ("florence-2-base+clip-vit-b-32-0123456789", True),
        ("florence-2-base@01234567-0123456789", True),
        ("my-folder-0123456789", False),
        (TIMED, False),
        ("tiny+detector-0123456789", False),
    ],
)
def test_versions_are_ours_by_their_models(
    before: StandInLabelStudio, version: str, ours: bool
) -> None:
    """A folder's name may be anything."""
    before.store([1], version)

    assert (version in look(before).removal.rows) == ours


def test_a_model_that_answered_here_is_ours_however_it_is_called(
    before: StandInLabelStudio,
) -> None:
    """Its older versions are, too."""
    before.backends = [
        a_backend(title="my-folder-0123456789", model_version="my-folder-0123456789")
    ]
    before.store([1], "my-folder-aaaaaaaaaa")

    assert "my-folder-aaaaaaaaaa" in look(before).removal.rows


def test_a_head_that_another_project_names_is_kept(used: StandInLabelStudio) -> None:
    """Its label config was copied: only ours is changed, and the head stays for the other."""
    head = "0123456789abcdef" * 2
    used.found["label_config"] = with_head(CONFIG, ["box"], head)
    used.others = [{"id": 9, "title": "Copy", "label_config": used.found["label_config"]}]
    dropped: list[str] = []

    def drop(one: str) -> bool:
        dropped.append(one)
        return True

    said = list(tidying(used).take_back(look(used), lambda: 0, drop))

    assert dropped == []
    assert f"taken out: model_head {head}; its file stays, project 9 names it, too" in said
    assert used.found["label_config"] == CONFIG


def test_what_was_learned_goes_and_the_label_config_is_as_before(used: StandInLabelStudio) -> None:
    """The attribute, and the head itself; nothing else of the label config."""
    head = "0123456789abcdef" * 2
    before = used.found["label_config"]
    used.found["label_config"] = with_head(CONFIG, ["box"], head)
    dropped: list[str] = []

    def drop(one: str) -> bool:
        dropped.append(one)
        return True

    found = look(used)
    assert dict(found.lines())["what was learned"].startswith(f"model_head {head} ")
    said = list(tidying(used).take_back(found, lambda: 0, drop))

    assert f"forgotten: what was learned, {head}" in said
    assert dropped == [head]
    assert used.found["label_config"] == CONFIG != before
    assert look(used).is_nothing
