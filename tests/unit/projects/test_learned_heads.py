"""A head is dropped only where no project names it any more."""

from __future__ import annotations

from pathlib import Path

import pytest

from backend.errors import LabelStudioUnavailable
from backend.label_config.named_heads import with_head
from backend.projects.learned_heads import Forgotten, ProjectHeads
from backend.queue.heads import HeadShelf
from tests.standin.label_studio import StandInLabelStudio
from tests.unit.learning.heads import CONFIG, a_head
from tests.unit.projects.label_studio import PROJECT, a_label_studio

OLD, OLD_DATA = a_head()
NEW, NEW_DATA = a_head(tag="other")
NAMED = with_head(CONFIG, ["box"], OLD)


@pytest.fixture
def label_studio() -> StandInLabelStudio:
    made = a_label_studio()
    made.found["label_config"] = NAMED
    return made


@pytest.fixture
def shelf(tmp_path: Path) -> HeadShelf:
    made = HeadShelf(None, tmp_path)
    made.put(OLD, OLD_DATA)
    return made


def test_what_was_learned_before_stays_when_more_is_put_to_use(
    label_studio: StandInLabelStudio, shelf: HeadShelf
) -> None:
    after = with_head(CONFIG, ["box"], NEW)

    ProjectHeads(label_studio.api(), shelf, PROJECT).apply(NAMED, after, NEW, NEW_DATA)

    assert label_studio.found["label_config"] == after
    assert (shelf.get(OLD), shelf.get(NEW)) == (OLD_DATA, NEW_DATA)


def test_a_head_stays_where_nobody_knows_whether_the_label_config_names_it(
    label_studio: StandInLabelStudio, shelf: HeadShelf
) -> None:
    label_studio.refusal = (502, {})
    heads = ProjectHeads(label_studio.api(), shelf, PROJECT)

    with pytest.raises(LabelStudioUnavailable):
        heads.apply(NAMED, with_head(CONFIG, ["box"], NEW), NEW, NEW_DATA)

    assert shelf.get(NEW) == NEW_DATA


def test_what_is_taken_back_is_dropped(label_studio: StandInLabelStudio, shelf: HeadShelf) -> None:
    forgotten = ProjectHeads(label_studio.api(), shelf, PROJECT).forget()

    assert forgotten == Forgotten([OLD], {})
    assert label_studio.found["label_config"] == CONFIG
    assert shelf.get(OLD) is None


def test_what_another_project_names_is_kept(
    label_studio: StandInLabelStudio, shelf: HeadShelf
) -> None:
    label_studio.others = [{"id": 9, "title": "Copy", "label_config": NAMED}]

    forgotten = ProjectHeads(label_studio.api(), shelf, PROJECT).forget()

    assert forgotten == Forgotten([OLD], {OLD: 9})
    assert label_studio.found["label_config"] == CONFIG
    assert shelf.get(OLD) == OLD_DATA
