"""A project from its tasks to its rows, without Label Studio, Redis or models."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import pytest

from backend.bulk import online
from backend.bulk.online import ProjectRun
from backend.bulk.report import Report
from backend.dataset.project_tasks import ProjectTasks
from backend.dataset.selection import Selection
from backend.dataset.target_project import ConfigChanged, target_project
from backend.delivery.writer import PredictionWriter
from backend.errors import BadRequest, LabelStudioRefuses, LabelStudioUnavailable
from backend.label_studio.api import LabelStudioApi
from backend.prediction.engine import engine_for
from backend.prediction.predictor import PredictorSettings
from backend.runs.ledger import Ledger
from backend.runs.ledger_file import RunKey, open_ledger
from backend.runs.patience import Patience
from backend.runs.progress import Progress
from tests.standin.label_studio import StandInLabelStudio
from tests.unit.bulk.projects import (
    CONFIG,
    StandInWindow,
    StandInWriter,
    add,
    cars,
    target,
    two_at_a_time,
)

EVERYTHING = Selection()


@dataclass
class Desk:
    """One installation: what outlives the starts of a run."""

    home: Path
    label_studio: StandInLabelStudio
    api: LabelStudioApi
    writer: StandInWriter
    window: StandInWindow
    said: list[str]
    forgotten: list[str]
    #: Why no answers come, and what the progress says that it waits for.
    trouble: str = ""
    back_off_s: float = 0.01
    shown: list[str] = field(default_factory=list)

    def start(
        self,
        selection: Selection = EVERYTHING,
        *,
        retry_failed: bool = False,
        watch: Callable[[], None] | None = None,
    ) -> Report:
        """One start to its end. `watch` is called in place of the rests between looks for new tasks."""
        project = target(self.api)
        key = RunKey(project.source, project.version, selection.key)
        with open_ledger(self.home, key) as ledger:
            run = self._run(ledger, selection, retry_failed, watch)
            run.run()
            if watch is not None:
                run.watch()
            return run.report()

    def _run(
        self,
        ledger: Ledger,
        selection: Selection,
        retry_failed: bool,
        watch: Callable[[], None] | None,
    ) -> ProjectRun:
        project = target(self.api)
        progress = Progress(lambda shown: self.shown.append(shown.waits_for))
        patience = Patience(self.said.append, back_off_s=self.back_off_s)
        patience.rest = lambda seconds: watch() if watch else None  # type: ignore[method-assign]
        tasks = ProjectTasks(self.api, project, selection, ledger, patience, self.forgotten.extend)
        tasks.prepare(retry_failed=retry_failed)
        return ProjectRun(
            target=project,
            tasks=tasks,
            writer=cast("PredictionWriter", self.writer),
            open_window=self.window.open,
            ledger=ledger,
            progress=progress,
            patience=patience,
            trouble=lambda: self.trouble,
        )


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    label_studio = cars()
    api = two_at_a_time(label_studio)
    return Desk(tmp_path, label_studio, api, StandInWriter(label_studio), StandInWindow(), [], [])


def test_a_report_names_the_address_that_browsers_have() -> None:
    """In containers ours is another, which opens for nobody."""
    predictors = PredictorSettings(engine_for("tiny"), 0.3, None)

    known = target_project(cars().api(), 3, predictors, shown_at="http://localhost:8080")

    assert known.words == "project 3 (Cars), http://localhost:8080/projects/3/data"
    assert known.source == target_project(cars().api(), 3, predictors).source


def test_every_task_is_predicted_and_stored(desk: Desk) -> None:
    tasks = add(desk.label_studio, "a", "b", "c", "d", "e")

    report = desk.start()

    assert desk.writer.written == tasks
    assert (report.predicted, report.failed, report.regions, report.facts.left) == (5, 0, 5, 0)
    assert report.facts.source == "project 3 (Cars), http://ls/projects/3/data"


@pytest.mark.parametrize("bad", [{1}, {3}, {5}, {2, 3}, {1, 2, 3, 4}])
def test_tasks_that_label_studio_cannot_list_fail_alone(desk: Desk, bad: set[int]) -> None:
    """The others are predicted; these are counted with their reason, and tried again by the next start."""
    tasks = add(desk.label_studio, "a", "b", "c", "d", "e")
    desk.label_studio.unlistable = bad

    report = desk.start()
    assert desk.writer.written == sorted(set(tasks) - bad)
    assert (report.predicted, report.failed) == (5 - len(bad), len(bad))

    desk.label_studio.unlistable = set()
    report = desk.start()

    assert sorted(desk.writer.written) == tasks
    assert (report.predicted, report.failed) == (5, 0)


def test_a_second_start_asks_for_nothing_again(desk: Desk) -> None:
    """Neither what is stored nor what failed for good; its report is of the whole run."""
    add(desk.label_studio, "a", "bad", "c")
    desk.start()
    desk.window.asked.clear()

    report = desk.start()

    assert desk.window.asked == []
    assert (report.predicted, report.failed) == (2, 1)


def test_failed_tasks_are_asked_anew_when_told_to(desk: Desk) -> None:
    """The failure that the queue keeps is forgotten first, or it would be the answer."""
    add(desk.label_studio, "a", "bad")
    desk.start()
    assert desk.forgotten == []
    desk.label_studio.tasks[2]["image"] = "http://images/mended"

    report = desk.start(retry_failed=True)

    assert len(desk.forgotten) == 1
    assert (report.predicted, report.failed) == (2, 0)


def test_what_may_pass_is_tried_again_in_the_same_start(desk: Desk) -> None:
    """An image that was not reached once is predicted; one that never is stays failed, with its reason."""
    add(desk.label_studio, "a", "flaky", "away")

    report = desk.start()

    assert (report.predicted, report.failed, report.facts.left) == (2, 1, 0)
    assert [kind.kind for kind in report.failures] == ["ImageUnreachable"]
    away = [asked for asked in desk.window.asked if "away" in asked]
    assert len(away) == 1 + len(online.AGAIN_S)


def test_the_next_start_tries_again_what_may_pass(desk: Desk) -> None:
    add(desk.label_studio, "away")
    desk.start()
    desk.label_studio.tasks[1]["image"] = "http://images/there"

    assert desk.start().predicted == 1


def test_a_row_that_another_writer_has_in_hand_is_seen_to_later(desk: Desk) -> None:
    add(desk.label_studio, "a", "b", "c")
    desk.writer.defers = {2}

    report = desk.start()

    assert sorted(desk.writer.written) == [1, 2, 3]
    assert (report.predicted, report.facts.left) == (3, 0)


def test_a_row_that_the_other_writer_stored_meanwhile_is_not_written_again(desk: Desk) -> None:
    add(desk.label_studio, "a", "b")
    desk.writer.defers = {2}
    stored = desk.writer.write

    def write(project, rows):
        delivered = stored(project, rows)
        desk.label_studio.store([2], target(desk.api).version)  # by the other one
        return delivered

    desk.writer.write = write  # type: ignore[method-assign]

    report = desk.start()

    assert desk.writer.written == [1]
    assert (report.predicted, report.facts.left) == (2, 0)


def test_a_row_that_label_studio_refuses_is_a_failed_task(desk: Desk) -> None:
    add(desk.label_studio, "a", "b")
    desk.writer.refuses = {1}

    report = desk.start()

    assert (report.predicted, report.failed) == (1, 1)
    assert report.failures[0].kind == "RowRefused"


def test_a_label_studio_that_is_away_is_waited_for(desk: Desk) -> None:
    """While tasks are listed and while rows are written; it says so, and nothing is asked twice."""
    add(desk.label_studio, *(f"{number}" for number in range(9)))
    desk.writer.raises = [LabelStudioUnavailable("no connection"), LabelStudioUnavailable("again")]
    asked = desk.window.add

    def cut(requests):
        asked(requests)
        if len(desk.window.asked) == 3:
            desk.label_studio.silent = 3

    desk.window.add = cut  # type: ignore[method-assign]

    report = desk.start()

    assert report.predicted == 9
    assert len(desk.window.asked) == len(set(desk.window.asked)) == 9
    assert desk.said[0].startswith("waiting: ")
    assert desk.said[-1] == ""


def test_a_listing_that_breaks_off_is_gone_on_with(desk: Desk) -> None:
    """Each task comes once, although the listing is begun again."""
    tasks = add(desk.label_studio, *(f"{number}" for number in range(7)))
    pages = desk.api.pages
    broken = iter([True, False])

    def breaking(*arguments, **options):
        for number, page in enumerate(pages(*arguments, **options)):
            if number == 2 and options["lacking"] and next(broken, False):
                raise LabelStudioUnavailable("no connection")
            yield page

    desk.api.pages = breaking  # type: ignore[method-assign]

    assert desk.start().predicted == 7
    assert desk.writer.written == tasks
    assert len(desk.window.asked) == 7


def test_a_refused_token_stops_and_the_next_start_goes_on(desk: Desk) -> None:
    """What was predicted is not lost: the workers answer it again, and it is written once."""
    tasks = add(desk.label_studio, "a", "b", "c")
    desk.writer.raises = [LabelStudioRefuses("401: make a new token", 401)]
    with pytest.raises(LabelStudioRefuses, match="make a new token"):
        desk.start()

    assert desk.start().predicted == 3
    assert desk.writer.written == tasks


def test_a_changed_label_config_stops_before_another_row_is_written(desk: Desk) -> None:
    """And the next start is a run of its own, with the new version."""
    add(desk.label_studio, "a", "b")
    asked = desk.window.add

    def change(requests):
        asked(requests)
        desk.label_studio.found["label_config"] = CONFIG.replace("car", "star")

    desk.window.add = change  # type: ignore[method-assign]
    with pytest.raises(ConfigChanged, match="was changed"):
        desk.start()
    assert desk.writer.written == []
    desk.window.add = asked  # type: ignore[method-assign]

    desk.start()

    assert len(desk.writer.versions) == 1
    assert desk.writer.written == [1, 2]


def test_a_label_config_that_holds_nothing_any_more_stops_too(desk: Desk) -> None:
    add(desk.label_studio, "a")
    project = target(desk.api)
    desk.label_studio.found["label_config"] = "<View/>"

    with pytest.raises(ConfigChanged, match="nothing of it can be predicted"):
        project.check()


def test_rows_whose_fate_is_unknown_are_looked_for_at_the_next_start(desk: Desk) -> None:
    """The first start was killed while Label Studio was storing: half of the rows are there."""
    add(desk.label_studio, "a", "b", "c", "d")
    stored = desk.writer.write

    def cut_off(project, rows):
        stored(project, rows[:2])
        raise KeyboardInterrupt

    desk.writer.write = cut_off  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        desk.start()
    desk.writer.write = stored  # type: ignore[method-assign]

    report = desk.start()

    assert desk.writer.written == [1, 2, 3, 4]
    assert (report.predicted, report.regions, report.facts.left) == (4, 4, 0)


def test_a_stop_does_not_wait_for_a_label_studio_that_is_away(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its outbox is waiting to write; the stop ends that, too."""
    monkeypatch.setattr("backend.delivery.parcel.CHUNK", 1)
    desk.back_off_s = 60.0
    add(desk.label_studio, "a", "b", "stop")
    desk.writer.raises = [LabelStudioUnavailable("no connection")] * 1000
    began = time.monotonic()

    with pytest.raises(KeyboardInterrupt):
        desk.start()

    assert time.monotonic() - began < 20


def test_a_limit_is_settled_once_for_all_starts(desk: Desk) -> None:
    """The first tasks of the selection, and not the next ones at the next start."""
    add(desk.label_studio, "a", "b", "c", "d")

    desk.start(Selection(limit=2))
    report = desk.start(Selection(limit=2))

    assert desk.writer.written == [1, 2]
    assert report.predicted == 2


def test_a_sample_of_predicted_tasks_predicts_nothing(desk: Desk) -> None:
    """They are gone from the run: nothing is left, and nothing failed."""
    desk.label_studio.store(add(desk.label_studio, "a", "b", "c"), target(desk.api).version)

    report = desk.start(Selection(sample=2))

    assert (report.predicted, report.failed, report.facts.left) == (0, 0, 0)
    assert desk.window.asked == []


def test_annotated_tasks_are_left_alone_unless_asked_for(desk: Desk) -> None:
    """Also where Label Studio cannot be asked for both filters at once."""
    add(desk.label_studio, "a")
    add(desk.label_studio, "b", annotated=True)
    named = {"filter": "filter:tasks:data.image", "operator": "contains", "type": "String"}
    items = [{**named, "value": "/a"}, {**named, "value": "/b"}]
    either = {"conjunction": "or", "items": items}

    desk.start(Selection(filters=either))
    assert desk.writer.written == [1]
    desk.start(Selection(labeled=True))
    assert desk.writer.written == [1, 2]


def test_new_tasks_are_predicted_while_it_watches(desk: Desk) -> None:
    add(desk.label_studio, "a")
    looks = 0

    def between() -> None:
        nonlocal looks
        looks += 1
        if looks == 1:
            add(desk.label_studio, "b", "bad")
        if looks == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        desk.start(watch=between)

    assert desk.writer.written == [1, 2]
    assert len([asked for asked in desk.window.asked if "bad" in asked]) == 1


@pytest.mark.parametrize(
    ("names", "annotated", "selection", "reason"),
    [
        ((), False, Selection(), "has no tasks"),
        (("a",), True, Selection(), "--all predicts these too"),
        (("a",), False, Selection(ids=(77,)), "matches --ids"),
        (("a",), False, Selection(ids=(77,), sample=3), "matches --ids"),
    ],
)
def test_a_selection_without_a_task_is_told_so(
    desk: Desk, names: tuple[str, ...], annotated: bool, selection: Selection, reason: str
) -> None:
    add(desk.label_studio, *names, annotated=annotated)

    with pytest.raises(BadRequest, match=reason):
        desk.start(selection)


def test_a_project_that_is_not_there_is_told_so() -> None:
    predictors = PredictorSettings(engine_for("tiny"), 0.3, None)

    with pytest.raises(BadRequest, match="no project 4"):
        target_project(cars().api(), 4, predictors)


def test_when_nothing_comes_it_says_why_and_no_more_when_something_does(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("backend.bulk.online.SILENCE_S", 0.0)
    add(desk.label_studio, "a")
    desk.trouble = "no worker is alive"
    collect = desk.window.collect
    silent = iter([True, True])

    def late(wait_s):
        return {} if next(silent, False) else collect(wait_s)

    desk.window.collect = late  # type: ignore[method-assign]

    assert desk.start().predicted == 1
    said = [what for what in desk.shown if what]
    assert said == ["no worker is alive"] * 2
    assert desk.shown[-1] == ""


def test_a_blank_image_beside_others_is_counted_in_the_report(desk: Desk) -> None:
    """The task is predicted; what it left blank is named with it."""
    desk.label_studio.found["label_config"] = CONFIG.replace(
        "</View>",
        '<Image name="back" value="$back"/><RectangleLabels name="b" toName="back">'
        '<Label value="car"/></RectangleLabels></View>',
    )
    (task,) = add(desk.label_studio, "a")
    desk.label_studio.tasks[task]["back"] = ""

    report = desk.start()

    assert (report.predicted, report.failed) == (1, 0)
    (left_out,) = report.left_out
    assert (left_out.count, left_out.examples[0].task) == (1, task)
    assert "'back', which is blank" in left_out.examples[0].message
