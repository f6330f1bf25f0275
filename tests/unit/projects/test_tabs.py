"""Making and renewing our tabs."""

from __future__ import annotations

from typing import Any

import pytest

from backend.errors import BadRequest, LabelStudioRefuses
from backend.projects.finding import Finding, Level
from backend.projects.our_tabs import OURS
from backend.projects.tabs import ProjectTabs, shown_version
from tests.standin.label_studio import StandInLabelStudio
from tests.unit.projects.label_studio import OLD, PROJECT, VERSION, a_label_studio, the_project

#: As other people name tabs.
ODD = ["<script>alert(1)</script>", "\u202edeR\u2067", "[bold]x", "Firstpass: mine", ""]
FORBIDDEN = 403, {"detail": "You do not have permission to perform this action."}


def tabs_of(label_studio: StandInLabelStudio, version: str = VERSION) -> ProjectTabs:
    return ProjectTabs(label_studio.api(), PROJECT, version, "http://ls.example")


def make(label_studio: StandInLabelStudio, version: str = VERSION) -> list[Finding]:
    return list(tabs_of(label_studio, version).make())


def titles(label_studio: StandInLabelStudio) -> list[str]:
    return [view["data"]["title"] for view in label_studio.views]


@pytest.fixture
def label_studio() -> StandInLabelStudio:
    """Three tasks: of one nothing is known, in one nothing was found, and one has a score."""
    made = a_label_studio()
    made.put({"id": 1}, {"id": 2}, {"id": 3})
    made.keep({"task": 2, "model_version": VERSION})
    made.keep({"task": 3, "model_version": VERSION, "score": 0.5, "result": [{}]})
    return made


def test_in_a_project_without_tabs_default_comes_first(label_studio: StandInLabelStudio) -> None:
    """And each says how many tasks it lists, and where it is."""
    findings = make(label_studio)

    assert titles(label_studio) == ["Default", *OURS]
    assert [finding.level for finding in findings] == [Level.DONE] * 5
    assert "is made: 1 task, the lowest score first; http://ls.example/projects/7/data?tab=2" in (
        findings[1].what
    )
    assert [" 1 task," in finding.what for finding in findings[1:]] == [True, True, True, False]


def test_in_a_project_without_tasks_none_is_made(label_studio: StandInLabelStudio) -> None:
    """Label Studio would show an error in place of the empty list."""
    label_studio.tasks.clear()

    (finding,) = make(label_studio)

    assert finding.level is Level.SKIPPED
    assert "`firstpass tabs --project 7`" in str(finding.fix)
    assert label_studio.writes == []


def test_made_again_they_are_left_alone(label_studio: StandInLabelStudio) -> None:
    make(label_studio)
    label_studio.writes.clear()

    findings = make(label_studio)

    assert [finding.level for finding in findings] == [Level.ALREADY] * 4
    assert label_studio.writes == []


def test_they_are_renewed_in_place(label_studio: StandInLabelStudio) -> None:
    """Ids and columns stay; those that name no version are as they should be."""
    make(label_studio, OLD)
    label_studio.views[2]["data"]["columnsWidth"] = {"tasks:id": 9}
    ids = [view["id"] for view in label_studio.views]

    findings = make(label_studio)

    assert [finding.level.value for finding in findings] == [
        "already so",
        "repaired",
        "already so",
        "repaired",
    ]
    assert [view["id"] for view in label_studio.views] == ids
    assert label_studio.views[2]["data"]["columnsWidth"] == {"tasks:id": 9}
    assert OLD not in str(label_studio.views)


def test_of_several_with_one_title_one_is_left(label_studio: StandInLabelStudio) -> None:
    """The first, whose link people have."""
    make(label_studio)
    label_studio.views.append({**label_studio.views[1], "id": 99})

    findings = make(label_studio)

    assert titles(label_studio) == ["Default", *OURS]
    assert "was there more than once" in findings[0].what
    assert label_studio.views[1]["id"] == 2


def test_a_hundred_tabs_of_others_stay(label_studio: StandInLabelStudio) -> None:
    """However they are named; no Default is made beside them."""
    others: list[dict[str, Any]] = [
        {"id": number, "data": {"title": f"{ODD[number % len(ODD)]}", "type": "list"}}
        for number in range(1, 101)
    ]
    label_studio.views = [*others]

    make(label_studio)
    make(label_studio, OLD)

    assert label_studio.views[:100] == others
    assert titles(label_studio)[100:] == [*OURS]


def test_where_tabs_may_not_be_made_it_is_said(label_studio: StandInLabelStudio) -> None:
    label_studio.refusal = FORBIDDEN

    with pytest.raises(LabelStudioRefuses, match="the user whose token this is lacks the right"):
        make(label_studio)
    assert label_studio.views == []


def test_renewing_makes_none(label_studio: StandInLabelStudio) -> None:
    """Of those that somebody has removed."""
    make(label_studio, OLD)
    del label_studio.views[3]

    tabs_of(label_studio).renew()

    assert titles(label_studio) == ["Default", OURS[0], OURS[1], OURS[3]]
    assert VERSION in str(label_studio.views)
    assert OLD not in str(label_studio.views)


@pytest.mark.parametrize(("shown", "words"), [("", "it shows none"), ("yolo-v8", "'yolo-v8'")])
def test_a_project_has_to_show_a_version_of_ours(shown: str, words: str) -> None:
    """By another one, scores would be another tool's, and without any there is none."""
    with pytest.raises(BadRequest, match=f"{words}.*`firstpass connect --project 7`"):
        shown_version(the_project(model_version=shown))
    assert shown_version(the_project()) == VERSION
