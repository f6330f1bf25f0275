"""What is owed arrives; what cannot arrive is said."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import Any, cast

import pytest
import redis
from structlog.testing import capture_logs

from backend.delivery.claims import Claims
from backend.delivery.courier import (
    DEFERRED_S,
    RETRIES,
    Courier,
)
from backend.delivery.failed_tasks import FailedTasks
from backend.delivery.keys import owed_key
from backend.delivery.owed import OwedTasks
from backend.delivery.project_figures import ProjectFigures
from backend.delivery.put_off import MOST_PUT_OFF_S, PUT_OFF_S
from backend.delivery.rows import Delivered, Row
from backend.delivery.turn import Turn
from backend.delivery.writer import PredictionWriter
from backend.errors import Failure, LabelStudioRefuses, LabelStudioUnavailable
from backend.label_studio.project_key import ProjectKey
from backend.label_studio.records import Project
from backend.queue.failures import FailureLog
from tests.standin.label_studio_state import no_connection
from tests.standin.queue import answered, failing
from tests.unit.delivery.label_studio import BOXES, KEY, OTHER_BOXES, label_studio
from tests.unit.delivery.workers import SETTINGS, StandInWindow

pytestmark = pytest.mark.redis

NOW = 1_800_000_000.0
FAILURE_TTL_S = 600.0
V1 = SETTINGS.for_label_config(BOXES).version
V2 = SETTINGS.for_label_config(OTHER_BOXES).version
AWAY = Failure("ImageUnreachable", "no answer", transient=True)
BAD = Failure("ImageUnreadable", "not an image", transient=False)


class Rig:
    """A courier for a stand-in Label Studio with thirty tasks, and its time."""

    def __init__(self, connection: redis.Redis) -> None:
        self.studio = label_studio(range(1, 31))
        self.api = self.studio.api()
        self.owed = OwedTasks(connection)
        self.claims = Claims(connection)
        self.failures = FailureLog(connection)
        self.window = StandInWindow()
        self.now = NOW
        self.stop = threading.Event()
        turn = Turn(connection, "writer", urgent=True)
        self.writer = PredictionWriter(self.api, self.claims, turn, sleep=lambda seconds: None)
        self.connection = connection
        self.courier = self.courier_with()
        self.before_write: Callable[[], Any] = lambda: None
        self.after_write: Callable[[], Any] = lambda: None

    def courier_with(self, **limits: int) -> Courier:
        """Another courier, with limits that are not the usual ones."""
        return Courier(
            owed=self.owed,
            failed=FailedTasks(self.connection),
            api=self.api,
            writer=cast("PredictionWriter", self),
            predictors=SETTINGS,
            open_window=lambda: nullcontext(self.window),
            failure_ttl_s=FAILURE_TTL_S,
            stop=self.stop,
            clock=lambda: self.now,
            **limits,
        )

    def begin(self, project: ProjectKey, version: str) -> None:
        self.writer.begin(project, version)

    def write(self, project: ProjectKey, rows: Sequence[Row]) -> Delivered:
        self.before_write()
        delivered = self.writer.write(project, rows)
        self.after_write()
        return delivered

    def owe(self, *tasks: int) -> None:
        self.owed.add(KEY, tasks, NOW)

    def due(self, later_s: float = 0) -> list[int]:
        return sorted(self.owed.due(KEY, self.now + later_s, 10_000))

    def change_config(self, config: str = OTHER_BOXES) -> None:
        self.studio.found["label_config"] = config


@pytest.fixture
def rig(redis_connection: redis.Redis) -> Rig:
    return Rig(redis_connection)


def test_what_is_owed_is_delivered_and_owed_no_more(rig: Rig) -> None:
    """Every task has one row of the label config's version; there is nothing to do after that."""
    rig.owe(*range(1, 31))

    assert rig.courier.round() is True

    assert rig.studio.rows_per_task() == dict.fromkeys(range(1, 31), 1)
    assert rig.studio.predicted(V1) == set(range(1, 31))
    assert rig.owed.count() == 0
    assert rig.courier.counts == {"stored": 30}
    assert rig.courier.round() is False


def test_what_is_there_already_is_not_predicted(rig: Rig) -> None:
    """Nor is a task that was deleted; neither is owed any more."""
    rig.studio.store([1], V1)
    del rig.studio.tasks[2]
    rig.owe(1, 2, 3)

    rig.courier.round()

    assert len(rig.window.asked) == 1
    assert rig.courier.counts == {"present": 2, "stored": 1}
    assert rig.owed.count() == 0


def test_rows_that_a_killed_writer_left_twice_are_removed(rig: Rig) -> None:
    """Nobody else would look at a task that has its prediction."""
    rig.studio.store([1, 1, 2], V1)
    rig.owe(1, 2)

    rig.courier.round()

    assert rig.studio.rows_per_task() == {1: 1, 2: 1}


def test_more_than_a_chunk_goes_in_chunks(rig: Rig) -> None:
    """As Label Studio commits them."""
    rig.courier = rig.courier_with(chunk=8)
    rig.owe(*range(1, 31))

    rig.courier.round()

    assert [len(rows) for rows in rig.studio.imports] == [8, 8, 8, 6]
    assert rig.owed.count() == 0


def test_a_label_config_changed_before_the_write_writes_no_old_row(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was predicted by the old one is dropped; the next round serves the tasks by the new one."""
    rig.owe(1, 2, 3)
    asked = rig.window.add

    def add(requests: Any) -> None:
        rig.change_config()
        asked(requests)

    monkeypatch.setattr(rig.window, "add", add)

    rig.courier.round()
    assert rig.studio.rows == {}
    assert rig.due() == [1, 2, 3]
    rig.courier.round()

    assert rig.studio.predicted(V2) == {1, 2, 3}
    assert rig.studio.predicted(V1) == set()
    assert rig.owed.count() == 0


def test_a_label_config_changed_between_chunks_stops_the_old_rows(rig: Rig) -> None:
    """The first chunk was right when it was written; all others are of the new version."""
    rig.courier = rig.courier_with(chunk=10)
    rig.owe(*range(1, 31))
    rig.after_write = rig.change_config

    rig.courier.round()
    assert len(rig.studio.predicted(V1)) == 10
    rig.after_write = lambda: None
    rig.courier.round()

    assert rig.studio.predicted(V2) == set(range(1, 31))
    assert len(rig.studio.predicted(V1)) == 10
    assert rig.owed.count() == 0


def test_rows_dropped_because_the_label_config_changed_are_not_given_up(rig: Rig) -> None:
    """Label Studio drops rows that do not fit the label config of now, and says nothing."""
    rig.owe(1, 2)
    rig.studio.invalid = {1, 2}
    rig.before_write = rig.change_config

    rig.courier.round()
    rig.before_write = lambda: None
    rig.studio.invalid = set()
    rig.courier.round()

    assert rig.studio.predicted(V2) == {1, 2}
    assert rig.courier.counts["failed"] == 0


def test_another_label_studios_project_is_given_up_with_the_reason(rig: Rig) -> None:
    """Its number is taken here by a project made at another time: nothing is written into that."""
    other = ProjectKey(KEY.id, KEY.created_s - 1)
    rig.owed.add(other, [1, 2], NOW)

    with capture_logs() as logs:
        rig.courier.round()

    assert rig.studio.rows == {}
    assert rig.owed.count() == 0
    assert rig.courier.counts == {"undeliverable": 2}
    assert "FIRSTPASS_LABEL_STUDIO_URL" in logs[0]["reason"]


@pytest.mark.parametrize(
    "gone", [ProjectKey(KEY.id, KEY.created_s - 1), ProjectKey(KEY.id + 1, KEY.created_s)]
)
def test_of_a_project_that_is_gone_no_failed_task_is_listed(rig: Rig, gone: ProjectKey) -> None:
    """Nobody could ever mend it; where a label config alone cannot be served it stays."""
    failed = FailedTasks(rig.connection)
    for project in (gone, KEY):
        failed.note(project, {9: BAD})
        rig.owed.add(project, [1], NOW)
    rig.change_config("<View")

    rig.courier.round()

    figures = ProjectFigures(rig.connection)
    assert (figures.failed_tasks(gone), figures.failed_tasks(KEY)) == ([], [9])
    assert rig.failures.count() == 1


@pytest.mark.parametrize("config", ["<View", "<View><Image name='i' value='$i'/></View>"])
def test_a_label_config_that_cannot_be_served_is_given_up_with_the_reason(
    rig: Rig, config: str
) -> None:
    """It was changed since the tasks were asked."""
    rig.owe(1)
    rig.change_config(config)

    with capture_logs() as logs:
        rig.courier.round()

    assert rig.owed.count() == 0
    assert [line["event"] for line in logs] == ["owed tasks given up"]


def test_a_proxy_that_finds_nothing_is_not_taken_for_label_studio(rig: Rig) -> None:
    """While Label Studio restarts, what stands before it may answer 404 to everything."""
    rig.owe(1, 2)
    rig.studio.behind_a_proxy_that_finds_nothing = True

    with pytest.raises(LabelStudioRefuses):
        rig.courier.round()

    assert rig.due() == [1, 2]


def test_a_deleted_project_is_forgotten(rig: Rig) -> None:
    """Also one that is deleted while its tasks are predicted."""
    rig.owe(1, 2)
    rig.before_write = lambda: rig.studio.found.update(id=5)

    rig.courier.round()
    assert rig.due() == [1, 2]

    rig.now += PUT_OFF_S
    rig.courier.round()

    assert rig.owed.count() == 0
    assert rig.owed.projects() == []


def test_a_project_that_refuses_does_not_keep_the_others_waiting(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What Label Studio says of the first is told in the end; the second has its rows."""
    forbidden = ProjectKey(3, 5)
    rig.owed.add(forbidden, [77], NOW)
    rig.owe(1)
    ask = rig.api.project

    def project(number: int) -> Project:
        if number == forbidden.id:
            raise LabelStudioRefuses("403", 403)
        return ask(number)

    monkeypatch.setattr(rig.api, "project", project)

    assert rig.courier.round() is True

    assert rig.studio.rows_per_task() == {1: 1}
    assert rig.owed.due(forbidden, NOW, 10) == [77]
    (told,) = rig.owed.overview(5)
    assert (told.key, told.put_off) == (forbidden, "403")


@pytest.mark.parametrize("error", [LabelStudioUnavailable("500"), LabelStudioRefuses("403", 403)])
def test_a_project_that_is_never_served_delays_no_other(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    """Round after round the others have theirs at once; it is asked less and less often, and drops no task."""
    broken = ProjectKey(3, 5)
    rig.owed.add(broken, [77], NOW)
    ask, asked = rig.api.project, list[float]()

    def project(number: int) -> Project:
        if number == broken.id:
            asked.append(rig.now)
            raise error
        return ask(number)

    monkeypatch.setattr(rig.api, "project", project)

    for task in range(1, 31):
        rig.owe(task)
        rig.courier.round()
        assert task in rig.studio.rows_per_task()
        rig.now += 10

    gaps = [later - earlier for earlier, later in itertools.pairwise(asked)]
    assert gaps == [10, 10, 20, 40, 60, 60, 60]
    assert rig.owed.due(broken, rig.now, 10) == [77]

    monkeypatch.setattr(
        rig.api,
        "project",
        lambda number: Project.model_validate({**rig.studio.found, "id": number, "task_number": 1}),
    )
    rig.now += MOST_PUT_OFF_S
    rig.courier.round()

    assert rig.owed.overview(5) == []


@pytest.mark.parametrize("bad", [{15}, {1}, {30}, {1, 2, 3, 4, 5, 6, 7}, set(range(2, 31))])
def test_a_task_that_cannot_be_listed_costs_itself_alone(rig: Rig, bad: set[int]) -> None:
    """It is tried again some times, for a database may be locked, and then listed with its reason."""
    rig.studio.unlistable = bad
    rig.owe(*range(1, 31))

    rig.courier.round()
    assert rig.studio.predicted(V1) == set(range(1, 31)) - bad
    assert rig.due(FAILURE_TTL_S) == []
    for _ in range(RETRIES):
        rig.now += FAILURE_TTL_S + DEFERRED_S
        rig.courier.round()

    assert rig.owed.count() == 0
    listed = {(record.image, record.kind) for record in rig.failures.latest(100)}
    assert listed == {(f"task {task} of project 4", "TaskUnlisted") for task in bad}


def test_a_task_that_cannot_be_listed_when_its_row_was_sent_is_not_sent_twice(rig: Rig) -> None:
    """The import was not answered, and whether the row is there cannot be seen."""

    def cut_off(tasks: Sequence[int], version: str) -> None:
        rig.studio.unlistable = {2}
        rig.studio.times_out_after(tasks, version)

    rig.studio.mishaps = [cut_off]
    rig.owe(1, 2, 3)

    rig.courier.round()
    rig.studio.unlistable = set()
    rig.now += FAILURE_TTL_S + DEFERRED_S
    rig.courier.round()

    assert rig.studio.rows_per_task() == {1: 1, 2: 1, 3: 1}
    assert rig.owed.count() == 0


def test_what_is_owed_by_no_number_goes_away(rig: Rig, redis_connection: redis.Redis) -> None:
    """A foreign writer put it there; the others have theirs."""
    rig.owe(1, 2)
    redis_connection.zadd(owed_key(KEY), {b"\xff\xfe": NOW, b"seven": NOW, b"9" * 40: NOW})
    redis_connection.sadd("firstpass:delivery:owing", b"\xff", "x", "4")

    rig.courier.round()

    assert rig.studio.rows_per_task() == {1: 1, 2: 1}
    assert rig.owed.count() == 0


def test_a_failure_that_may_pass_is_tried_again_later(rig: Rig) -> None:
    """Not before the stored failure has expired; then it succeeds."""
    rig.window.answers = failing(AWAY, where="ok-1")
    rig.studio.tasks = {1: rig.studio.tasks[1], 2: rig.studio.tasks[2]}
    rig.owe(1, 2)

    rig.courier.round()
    assert rig.studio.rows_per_task() == {2: 1}
    assert rig.due(FAILURE_TTL_S) == []
    rig.window.answers = answered
    rig.now += FAILURE_TTL_S + DEFERRED_S
    rig.courier.round()

    assert rig.studio.rows_per_task() == {1: 1, 2: 1}
    assert rig.owed.count() == 0


def test_a_failure_that_does_not_pass_is_given_up_with_the_reason(rig: Rig) -> None:
    """After so many tries again, each told; nothing is owed or tried any more."""
    rig.window.answers = failing(AWAY, where="ok-1")
    rig.owe(1)

    with capture_logs() as logs:
        for _ in range(RETRIES + 5):
            rig.courier.round()
            rig.now += FAILURE_TTL_S + DEFERRED_S

    told = [line for line in logs if line["event"] == "task not predicted"]
    assert [line["again"] for line in told] == [True] * RETRIES + [False]
    assert told[-1]["reason"] == "no answer"
    assert len(rig.window.asked) == RETRIES + 1
    assert rig.owed.count() == 0
    assert rig.courier.counts == {"failed": 1}


def test_a_bad_image_is_given_up_at_once_and_listed_by_its_worker_alone(rig: Rig) -> None:
    """The worker notes it by its job; twice in the list would be two failures."""
    rig.window.answers = failing(BAD, where="ok-1")
    rig.studio.tasks = {1: rig.studio.tasks[1], 2: rig.studio.tasks[2]}
    rig.owe(1, 2)

    rig.courier.round()

    assert rig.courier.counts == {"failed": 1, "stored": 1}
    assert rig.owed.count() == 0
    assert rig.failures.latest() == []


def test_what_no_worker_hears_of_is_listed_with_its_reason(rig: Rig) -> None:
    """A task without what the label config points to, and a row that Label Studio refuses."""
    rig.studio.tasks[1] = {"picture": "x"}
    rig.studio.refused = {2}
    rig.owe(1, 2, 3)

    rig.courier.round()

    listed = {record.image: record.kind for record in rig.failures.latest()}
    assert listed == {"task 1 of project 4": "TaskError", "task 2 of project 4": "RowRefused"}
    assert rig.courier.counts == {"failed": 2, "stored": 1}


def test_a_task_that_gets_its_row_in_the_end_is_listed_no_more(rig: Rig) -> None:
    """Somebody mended its data and asked again."""
    data = rig.studio.tasks[1]
    rig.studio.tasks[1] = {}
    rig.owe(1)
    rig.courier.round()
    assert rig.failures.count() == 1

    rig.studio.tasks[1] = data
    rig.owe(1)
    rig.courier.round()

    assert rig.failures.count() == 0


def test_rows_that_others_are_about_to_have_stored_are_looked_for_later(rig: Rig) -> None:
    """Somebody opened the task just now and is shown the answer."""
    rig.claims.take(KEY, V1, [1], holder="reply")
    rig.owe(1, 2)

    rig.courier.round()
    assert rig.studio.rows_per_task() == {2: 1}
    assert (rig.due(), rig.due(DEFERRED_S)) == ([], [1])
    rig.studio.store([1], V1)
    rig.now += DEFERRED_S
    rig.courier.round()

    assert rig.studio.rows_per_task() == {1: 1, 2: 1}
    assert rig.owed.count() == 0


def test_label_studio_away_leaves_everything_owed(rig: Rig) -> None:
    """When it is back, all is delivered."""
    rig.owe(*range(1, 31))
    rig.studio.down = no_connection()

    with pytest.raises(LabelStudioUnavailable):
        rig.courier.round()

    assert rig.due() == list(range(1, 31))
    rig.studio.down = None
    rig.courier.round()
    assert rig.studio.rows_per_task() == dict.fromkeys(range(1, 31), 1)


def test_label_studio_that_dies_in_the_middle_costs_and_doubles_no_row(rig: Rig) -> None:
    """After the first chunk; the second was stored, twice even, and never answered."""
    rig.courier = rig.courier_with(chunk=10)
    rig.owe(*range(1, 31))
    rig.studio.mishaps = [lambda tasks, version: None, rig.studio.dies_after]

    with pytest.raises(LabelStudioUnavailable):
        rig.courier.round()
    rig.studio.down = None
    rig.courier.round()

    assert rig.studio.rows_per_task() == dict.fromkeys(range(1, 31), 1)
    assert rig.owed.count() == 0


def test_stopped_in_the_middle_it_loses_nothing(rig: Rig) -> None:
    """What is not written is still owed; the next process writes it."""
    rig.courier = rig.courier_with(chunk=10)
    rig.window.most = 10
    rig.owe(*range(1, 31))
    rig.after_write = rig.stop.set

    rig.courier.round()
    assert len(rig.studio.rows) == 10
    assert len(rig.due()) == 20
    rig.after_write = lambda: None
    rig.stop.clear()
    rig.courier.round()

    assert rig.studio.rows_per_task() == dict.fromkeys(range(1, 31), 1)


def test_workers_that_never_answer_do_not_keep_it_from_stopping(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It notices the signal while it waits for them."""
    rig.window.answers = lambda _: None
    rig.owe(1)
    collect = rig.window.collect

    def stopped(wait_s: float) -> Any:
        rig.stop.set()
        return collect(wait_s)

    monkeypatch.setattr(rig.window, "collect", stopped)

    rig.courier.round()

    assert rig.due() == [1]
