"""`firstpass order` where it can put nothing in order, or may not write: one sentence each."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from backend.cli.main import app
from backend.errors import FirstpassError
from backend.label_studio.api import LabelStudioApi
from backend.projects.our_tabs import ALL_OURS, OURS, REVIEW_COLUMN, REVIEW_FIRST, SAMPLE
from backend.projects.tabs import ProjectTabs
from tests.reviewer import CONFIG, box
from tests.standin.label_studio import StandInLabelStudio
from tests.unit.projects.label_studio import VERSION

NUMBER = 4


class Order:
    """The command over the stand-in."""

    def __init__(self, label_studio: StandInLabelStudio, home: Path) -> None:
        self.label_studio, self._home = label_studio, home

    def __call__(self, *arguments: str, command: str = "order") -> tuple[int, str, str]:
        """Exit code, what is printed, and the sentence that it ends with."""
        environment = {
            "FIRSTPASS_HOME": str(self._home),
            "FIRSTPASS_LABEL_STUDIO_URL": "http://ls",
            "FIRSTPASS_LABEL_STUDIO_API_KEY": "0" * 40,
            "COLUMNS": "200",
        }
        done = CliRunner().invoke(app, [command, "--project", "4", *arguments], env=environment)
        if isinstance(done.exception, FirstpassError):
            return 2, done.stdout, str(done.exception)
        assert isinstance(done.exception, SystemExit | None), done.exception
        return done.exit_code, done.stdout, done.stderr


@pytest.fixture
def label_studio() -> StandInLabelStudio:
    """Four predicted tasks, the third of which takes most corrections, and one without a prediction."""
    made = StandInLabelStudio([1, 2, 3, 4, 5], label_config=CONFIG)
    made.found["model_version"] = VERSION
    for task, score in {1: 0.9, 2: 0.5, 3: 0.2, 4: 0.7}.items():
        made.keep(
            {"task": task, "model_version": VERSION, "score": score, "result": [box("a", "car", 1, 1, 9, 9, score)]}
        )  # fmt: skip
    return made


@pytest.fixture
def order(
    label_studio: StandInLabelStudio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Order:
    monkeypatch.setattr(
        LabelStudioApi, "from_settings", classmethod(lambda cls, settings: label_studio.api())
    )
    return Order(label_studio, tmp_path)


def titles(label_studio: StandInLabelStudio) -> list[str]:
    return [view["data"]["title"] for view in label_studio.views]


def filters(label_studio: StandInLabelStudio) -> list[Any]:
    return [view["data"].get("filters") for view in label_studio.views]


def test_the_most_expected_corrections_come_first(order: Order) -> None:
    code, printed, _ = order()

    assert code == 0
    lines = [line for line in printed.splitlines() if "?task=" in line]
    assert [line.rpartition("=")[2] for line in lines] == ["3", "2", "4", "1"]
    assert "by raw scores: 0 predicted regions and tags were reviewed so far" in printed
    assert titles(order.label_studio) == ["Default", REVIEW_FIRST]


def test_programs_get_every_task_and_nothing_else(order: Order) -> None:
    _, printed, _ = order("--json")

    report = json.loads(printed)
    assert [one["task"] for one in report["tasks"]] == [3, 2, 4, 1]
    assert report["tasks"][0]["url"].endswith("/projects/4/data?task=3")
    assert not report["calibrated"]


def test_no_tab_changes_nothing(order: Order) -> None:
    order("--no-tab")

    assert order.label_studio.writes == []


def test_each_tab_of_ours_is_there_once(order: Order) -> None:
    """With all six there, each is renewed in its place, and keeps its link."""
    list(ProjectTabs(order.label_studio.api(), NUMBER, VERSION, "http://ls").make())
    order()
    order("--sample", "2", "--seed", "1")
    ids = [view["id"] for view in order.label_studio.views]
    assert titles(order.label_studio) == ["Default", *OURS, REVIEW_FIRST, SAMPLE]
    assert set(ALL_OURS) >= {*OURS, REVIEW_FIRST, SAMPLE}

    order.label_studio.annotations[3] = [{"id": 1, "result": []}]
    _, printed, _ = order()
    order("--sample", "3", "--seed", "2")

    assert "is renewed: 3 tasks" in printed
    assert [view["id"] for view in order.label_studio.views] == ids


def change(**fields: Any) -> Callable[[StandInLabelStudio], None]:
    return lambda label_studio: label_studio.found.update(fields)


def no_rows(label_studio: StandInLabelStudio) -> None:
    label_studio.rows.clear()


def rows_of_another_tool(label_studio: StandInLabelStudio) -> None:
    for row in label_studio.rows.values():
        row["model_version"] = "yolo-v8"


def no_task(label_studio: StandInLabelStudio) -> None:
    label_studio.rows.clear()
    label_studio.tasks.clear()


def all_reviewed(label_studio: StandInLabelStudio) -> None:
    for task in range(1, 5):
        label_studio.annotations[task] = [{"id": task, "result": [], "was_cancelled": task == 2}]


@pytest.mark.parametrize("arguments", [(), ("--sample", "2"), ("--columns", "--yes")])
@pytest.mark.parametrize(
    ("happen", "words"),
    [
        (change(model_version=""), "it shows none: `firstpass connect --project 4` sets it"),
        (no_rows, f"no prediction of {VERSION}, the version that project 4 shows, is stored, nor of any other; `firstpass prelabel project 4` makes them"),
        (rows_of_another_tool, "is stored, there are some of yolo-v8 (4); `firstpass prelabel project 4` makes them"),
        (no_task, "project 4 has no task: import images first"),
        (all_reviewed, f"every task with a prediction of {VERSION} is annotated or skipped; without such a prediction: 1 task"),
    ],
)  # fmt: skip
def test_where_there_is_nothing_to_order_a_sentence_says_why(
    order: Order,
    happen: Callable[[StandInLabelStudio], None],
    words: str,
    arguments: tuple[str, ...],
) -> None:
    happen(order.label_studio)

    code, printed, said = order(*arguments)

    assert code == 2
    assert words in said
    assert printed == ""
    assert order.label_studio.writes == []


def test_predictions_of_another_tool_are_put_in_order_where_the_project_shows_them(
    order: Order,
) -> None:
    rows_of_another_tool(order.label_studio)
    order.label_studio.found["model_version"] = "yolo-v8"

    code, printed, _ = order()

    assert code == 0
    assert "4 tasks of yolo-v8" in printed


def test_a_sample_larger_than_what_there_is_is_all_of_it(order: Order) -> None:
    code, printed, _ = order("--sample", "200")

    assert code == 0
    assert "Drawn: 4 tasks of 4" in printed
    assert "there are no more than 4 tasks" in printed


def test_a_sample_of_none_is_refused(order: Order) -> None:
    code, _, said = order("--sample", "0")

    assert code == 2
    assert "'--sample': Input should be greater than or equal to 1" in " ".join(said.split())


def test_the_seed_that_is_printed_draws_the_same(order: Order) -> None:
    _, printed, _ = order("--sample", "2")
    seed = printed.partition("--seed ")[2].split()[0]
    first = filters(order.label_studio)

    order("--sample", "2", "--seed", seed, "--yes")

    assert filters(order.label_studio) == first


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--sample", "201"), "expected --sample of at most 200, since a tab names its tasks one by one"),
        (("--no-tab", "--columns"), "expected --columns or --no-tab, got both"),
        (("--no-tab", "--sample", "2"), "expected --sample or --no-tab, got both"),
        (("--seed", "1"), "expected --seed with --sample"),
        (("--columns",), "expected --yes, since there is no terminal to ask at; nothing was written"),
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_one_sentence(
    order: Order, arguments: tuple[str, ...], words: str
) -> None:
    code, _, said = order(*arguments)

    assert code == 2
    assert words in said
    assert order.label_studio.writes == []


def test_where_tabs_may_not_be_made_the_order_is_printed_all_the_same(order: Order) -> None:
    order.label_studio.refusal = (403, {"detail": "You do not have permission."})

    code, printed, said = order()

    assert code == 2
    assert "corrections expected" in printed
    assert f'the tab "{REVIEW_FIRST}" could not be made' in said
    assert "lacks the right" in said


def test_a_column_of_before_is_emptied_where_it_says_nothing_any_more(order: Order) -> None:
    """Of a task that lost its prediction; all other data stay as they were."""
    order("--columns", "--yes")
    before = {task: dict(data) for task, data in order.label_studio.tasks.items()}
    assert [before[task].get(REVIEW_COLUMN) for task in (3, 2, 4, 1, 5)] == ["1.00", "0.99", "0.98", "0.97", None]  # fmt: skip
    del order.label_studio.rows[order.label_studio.rows_of(4, VERSION)[0]]

    order("--columns", "--yes")

    after = {task: dict(data) for task, data in order.label_studio.tasks.items()}
    assert [after[task].get(REVIEW_COLUMN) for task in (3, 2, 4, 1, 5)] == ["1.00", "0.99", "", "0.98", None]  # fmt: skip
    assert {task: one["image"] for task, one in after.items()} == {
        task: one["image"] for task, one in before.items()
    }


def test_a_sample_that_people_have_begun_is_not_replaced_unasked(order: Order) -> None:
    order("--sample", "3", "--seed", "1")
    order.label_studio.annotations[3] = [{"id": 1, "result": []}]
    drawn = filters(order.label_studio)
    assert '"value": 3' in json.dumps(drawn)

    code, _, said = order("--sample", "2", "--seed", "2")

    assert code == 2
    assert "nothing was changed" in said
    assert filters(order.label_studio) == drawn


def test_review_of_a_sample_needs_one(order: Order) -> None:
    code, _, said = order("--sample", command="review")

    assert code == 2
    assert "`firstpass order --project 4 --sample 200` draws one" in said
    order("--sample", "2", "--seed", "1")
    _, _, said = order("--sample", command="review")
    assert "none of the 2 tasks of the sample is reviewed yet" in said
