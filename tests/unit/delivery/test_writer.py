"""Each row exactly once, whatever Label Studio does to the import."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import redis

from backend.delivery.chunk import TRIES
from backend.delivery.claims import Claims
from backend.delivery.doubles import remove_doubles
from backend.delivery.keys import figures_key
from backend.delivery.project_figures import ProjectFigures
from backend.delivery.rows import Row
from backend.delivery.turn import Turn
from backend.delivery.writer import PredictionWriter
from backend.errors import LabelStudioRefuses, LabelStudioUnavailable
from backend.label_studio.bodies import Prediction
from tests.standin.label_studio_state import Answered, no_connection
from tests.unit.delivery.label_studio import KEY, label_studio

pytestmark = pytest.mark.redis

V1 = "tiny-1"
TASKS = list(range(1, 11))


def rows(tasks: Sequence[int] = TASKS, version: str = V1) -> list[Row]:
    return [Row(task, Prediction(result=[], score=None, model_version=version)) for task in tasks]


class Rig:
    """A writer to a stand-in Label Studio; what it would sleep is told."""

    def __init__(self, connection: redis.Redis) -> None:
        self.studio = label_studio(TASKS)
        self.api = self.studio.api()
        self.claims = Claims(connection)
        self.connection = connection
        self.slept: list[float] = []
        self.writer = self.another()

    def another(self) -> PredictionWriter:
        """A writer of another process, or this one's after a restart."""
        turn = Turn(self.connection, "writer", urgent=True)
        return PredictionWriter(self.api, self.claims, turn, sleep=self.slept.append)


@pytest.fixture
def rig(redis_connection: redis.Redis) -> Rig:
    return Rig(redis_connection)


def once(tasks: Sequence[int] = TASKS) -> dict[int, int]:
    return dict.fromkeys(tasks, 1)


def test_rows_are_stored_in_one_request(rig: Rig) -> None:
    """With nothing in the way: one import, no waiting."""
    delivered = rig.writer.write(KEY, rows())

    assert delivered.stored == set(TASKS)
    assert rig.studio.rows_per_task() == once()
    assert rig.studio.imports == [TASKS]
    assert rig.slept == []


def test_nothing_to_write_asks_nothing(rig: Rig) -> None:
    """Not even whether Label Studio is there."""
    rig.studio.down = no_connection()

    assert rig.writer.write(KEY, []).stored == set()


def test_what_had_its_row_already_is_told_apart_from_what_was_stored(
    redis_connection: redis.Redis, rig: Rig
) -> None:
    """Neither is failed any more, and only what was stored counts as new."""
    rig.studio.store([1, 2], V1)
    figures = ProjectFigures(redis_connection)
    figures.failed(KEY, [2, 3, 77])
    turn = Turn(redis_connection, "writer", urgent=True)
    writer = PredictionWriter(rig.api, rig.claims, turn, told=figures.stored, mended=figures.mended)

    writer.write(KEY, rows())

    assert figures.failed_tasks(KEY) == [77]
    assert redis_connection.hget(figures_key(KEY), "predicted") == b"8"


def test_what_is_there_is_not_written_again(rig: Rig) -> None:
    """Whoever wrote it; rows of another version do not count."""
    rig.studio.store([1, 2], V1)
    rig.studio.store([3], "tiny-11")

    delivered = rig.writer.write(KEY, rows())

    assert delivered.present == {1, 2}
    assert delivered.stored == set(TASKS) - {1, 2}
    assert rig.studio.predicted(V1) == set(TASKS)


@pytest.mark.parametrize("mishap", ["times_out_after", "times_out_before", "stores_half"])
def test_a_request_without_an_answer_loses_and_doubles_nothing(rig: Rig, mishap: str) -> None:
    """What it stored is seen, the rest is sent again, after two looks that agree."""
    rig.studio.mishaps = [getattr(rig.studio, mishap)]

    delivered = rig.writer.write(KEY, rows())

    assert delivered.stored == set(TASKS)
    assert not delivered.refused
    assert rig.studio.rows_per_task() == once()
    assert len(rig.slept) == 1


def test_rows_that_land_between_two_looks_are_not_sent_again(rig: Rig) -> None:
    """The request that timed out was still at work when it was first looked for."""
    rig.studio.mishaps = [rig.studio.times_out_before]
    late = [TASKS[:5], TASKS[5:]]

    def land(_: float) -> None:
        if late:
            rig.studio.store(late.pop(0), V1)

    turn = Turn(rig.connection, "writer", urgent=True)
    writer = PredictionWriter(rig.api, rig.claims, turn, sleep=land)

    delivered = writer.write(KEY, rows())

    assert delivered.stored == set(TASKS)
    assert rig.studio.imports == [TASKS]
    assert rig.studio.rows_per_task() == once()


def test_rows_that_land_after_they_were_sent_again_are_removed(rig: Rig) -> None:
    """Both looks were too early; the count shows it in the end."""

    def first_lands_too(tasks: Sequence[int], version: str) -> None:
        rig.studio.store([*tasks, *tasks], version)

    rig.studio.mishaps = [rig.studio.times_out_before, first_lands_too]

    rig.writer.write(KEY, rows())

    assert rig.studio.rows_per_task() == once()


def test_one_poison_row_is_found_and_the_others_are_stored(rig: Rig) -> None:
    """It has every request with it answered with 500; alone, it may be taken another time."""
    rig.studio.poison = {7}

    delivered = rig.writer.write(KEY, rows())

    assert delivered.stored == set(TASKS) - {7}
    assert rig.studio.rows_per_task() == once([task for task in TASKS if task != 7])
    assert {task: failure.transient for task, failure in delivered.refused.items()} == {7: True}
    assert "500" in delivered.refused[7].message


@pytest.mark.parametrize("tasks", [TASKS, [1], list(range(1, 501))])
def test_two_poison_rows_do_not_keep_the_writer_for_ever(rig: Rig, tasks: list[int]) -> None:
    """Each half is asked once; requests grow with the logarithm of the chunk."""
    rig.studio.tasks = {task: {} for task in tasks}
    rig.studio.poison = {tasks[0], tasks[-1]}

    delivered = rig.writer.write(KEY, rows(tasks))

    assert set(delivered.refused) == {tasks[0], tasks[-1]}
    assert delivered.stored == set(tasks) - set(delivered.refused)
    assert len(rig.studio.imports) <= TRIES + 4 * len(tasks).bit_length()


@pytest.mark.parametrize("first", [1, 2, 120, 246, 376, 491])
@pytest.mark.parametrize("count", [3, 4, 10])
def test_bad_rows_side_by_side_take_no_other_down(rig: Rig, first: int, count: int) -> None:
    """Images of one kind lie together; wherever they do, each is named and all others are stored, once."""
    rig.studio.tasks = {task: {} for task in range(1, 501)}
    rig.studio.poison = set(range(first, first + count))

    delivered = rig.writer.write(KEY, rows(list(rig.studio.tasks)))

    assert set(delivered.refused) == rig.studio.poison
    assert delivered.stored == set(rig.studio.tasks) - rig.studio.poison
    assert set(rig.studio.rows_per_task().values()) == {1}


def test_when_no_row_is_taken_the_rows_are_not_to_blame(rig: Rig) -> None:
    """Label Studio's disk is full: it reads and answers every import with 500. Nothing is given up."""
    rig.studio.tasks = {task: {} for task in range(1, 501)}
    rig.studio.poison = set(rig.studio.tasks)

    with pytest.raises(LabelStudioUnavailable, match="500"):
        rig.writer.write(KEY, rows(list(rig.studio.tasks)))

    assert len(rig.studio.imports) <= 30
    rig.studio.poison = set()
    assert rig.writer.write(KEY, rows(list(rig.studio.tasks))).stored == set(rig.studio.tasks)


def test_rows_dropped_with_a_201_are_named(rig: Rig) -> None:
    """The count that Label Studio answers is less than what was sent, and it does not say which."""
    rig.studio.invalid = {2, 9}

    delivered = rig.writer.write(KEY, rows())

    assert delivered.stored == set(TASKS) - {2, 9}
    assert {task: failure.kind for task, failure in delivered.refused.items()} == {
        2: "RowRefused",
        9: "RowRefused",
    }
    assert len(rig.studio.imports) == 1


def test_a_deleted_task_does_not_keep_the_others_from_being_stored(rig: Rig) -> None:
    """Label Studio refuses all for its sake; deleted between look and import, it is left out."""

    def delete(tasks: Sequence[int], version: str) -> None:
        del rig.studio.tasks[4]

    rig.studio.mishaps = [delete]

    delivered = rig.writer.write(KEY, rows())

    assert delivered.present == {4}
    assert delivered.stored == set(TASKS) - {4}
    assert rig.studio.imports[1:] == [[task for task in TASKS if task != 4]]


def test_a_row_that_is_refused_alone_is_refused_for_good(rig: Rig) -> None:
    """Label Studio checks rows strictly where that is switched on: one bad row refuses all."""
    rig.studio.refused = {3}

    delivered = rig.writer.write(KEY, rows())

    assert delivered.stored == set(TASKS) - {3}
    assert {task: failure.transient for task, failure in delivered.refused.items()} == {3: False}


def test_rows_stored_twice_are_removed(rig: Rig) -> None:
    """A locked database had Label Studio run the request again; the oldest row stays."""
    rig.studio.mishaps = [rig.studio.stores_twice]

    delivered = rig.writer.write(KEY, rows())

    assert delivered.stored == set(TASKS)
    assert rig.studio.rows_per_task() == once()
    assert sorted(rig.studio.rows) == list(range(1, 11))


def test_rows_of_others_stored_meanwhile_remove_nothing(rig: Rig) -> None:
    """The count differs for their sake, too."""

    def somebody_opens_a_task(tasks: Sequence[int], version: str) -> None:
        rig.studio.store([*tasks, 99], version)

    rig.studio.mishaps = [somebody_opens_a_task]

    rig.writer.write(KEY, rows())

    assert rig.studio.rows_per_task() == once([*TASKS, 99])


def test_a_row_that_an_annotation_was_made_from_stays(rig: Rig) -> None:
    """Of two, the one in use is kept although it is the younger; both in use, both are."""
    rig.studio.store([1, 1, 2, 2, 2], V1)
    for task, rows_in_use in {1: [2], 2: [3, 5]}.items():
        rig.studio.annotations[task] = [{"parent_prediction": row} for row in rows_in_use]

    assert remove_doubles(rig.api, KEY.id, V1, [1, 2, 3]) == 2
    assert sorted(rig.studio.rows) == [2, 3, 5]


def test_a_double_that_somebody_else_removes_first_is_no_error(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two processes may see the same two rows."""
    rig.studio.store([1, 1], V1)
    remove = rig.api.delete_prediction

    def removed_before(prediction: int) -> None:
        remove(prediction)
        remove(prediction)

    monkeypatch.setattr(rig.api, "delete_prediction", removed_before)

    remove_doubles(rig.api, KEY.id, V1, [1])

    assert rig.studio.rows_per_task() == {1: 1}


def test_down_before_anything_is_sent_is_told(rig: Rig) -> None:
    """Nothing is waited for here; calling again when it is back stores the rows."""
    rig.studio.down = no_connection()

    with pytest.raises(LabelStudioUnavailable, match="no connection"):
        rig.writer.write(KEY, rows())

    assert rig.slept == []
    rig.studio.down = None
    assert rig.writer.write(KEY, rows()).stored == set(TASKS)


@pytest.mark.parametrize("restarted", [False, True])
def test_writing_again_after_it_died_doubles_nothing(rig: Rig, restarted: bool) -> None:
    """It died having stored every row twice and answered nothing; so may we have."""
    rig.studio.mishaps = [rig.studio.dies_after]
    with pytest.raises(LabelStudioUnavailable):
        rig.writer.write(KEY, rows())
    rig.studio.down = None

    delivered = (rig.another() if restarted else rig.writer).write(KEY, rows())

    assert delivered.present == set(TASKS)
    assert len(rig.studio.imports) == 1
    assert rig.studio.rows_per_task() == once()


def forbid(tasks: Sequence[int], version: str) -> None:
    """A token that was revoked."""
    raise Answered(403, {})


@pytest.mark.parametrize("restarted", [False, True])
def test_a_token_that_is_refused_is_told_and_nothing_is_given_up(rig: Rig, restarted: bool) -> None:
    """403 says nothing about rows, and who comes with another token need not wait for our claims."""
    rig.studio.mishaps = [forbid]

    with pytest.raises(LabelStudioRefuses):
        rig.writer.write(KEY, rows())

    assert rig.studio.imports == [TASKS]
    writer = rig.another() if restarted else rig.writer
    assert writer.write(KEY, rows()).stored == set(TASKS)


def test_after_a_lost_answer_a_refusal_gives_no_claim_back(rig: Rig) -> None:
    """The first request may still land, and the refused look at it told nothing."""
    rig.studio.mishaps = [rig.studio.dies_after]
    with pytest.raises(LabelStudioUnavailable):
        rig.writer.write(KEY, rows())
    rig.studio.down = Answered(401, {})

    with pytest.raises(LabelStudioRefuses):
        rig.writer.write(KEY, rows())

    assert rig.claims.take(KEY, V1, TASKS, holder="reply") == set()


def test_rows_that_others_are_about_to_have_stored_are_left_to_them(rig: Rig) -> None:
    """An answer to `/predict` is on its way with two of them."""
    rig.claims.take(KEY, V1, [1, 2], holder="reply")

    delivered = rig.writer.write(KEY, rows())

    assert delivered.deferred == {1, 2}
    assert delivered.stored == set(TASKS) - {1, 2}
    assert rig.studio.rows_per_task() == once(TASKS[2:])


def test_claimed_by_others_and_stored_is_there(rig: Rig) -> None:
    """Their row has arrived: no reason to look again."""
    rig.claims.take(KEY, V1, [1], holder="reply")
    rig.studio.store([1], V1)

    delivered = rig.writer.write(KEY, rows())

    assert (delivered.present, delivered.deferred) == ({1}, set())


def test_while_a_dead_writers_request_may_land_its_rows_are_left(rig: Rig) -> None:
    """Killed in the middle of an import, it leaves claims; the next one waits for them to run out."""

    def killed(tasks: Sequence[int], version: str) -> None:
        raise KeyboardInterrupt

    rig.studio.mishaps = [killed]
    with pytest.raises(KeyboardInterrupt):
        rig.writer.write(KEY, rows())

    after = rig.another().write(KEY, rows())

    assert after.deferred == set(TASKS)
    assert rig.studio.rows == {}


def test_what_was_stored_is_answered_to_nobody_for_a_while(rig: Rig) -> None:
    """A request that Label Studio began before may still ask; refused rows are free."""
    rig.studio.invalid = {5}

    rig.writer.write(KEY, rows())

    assert rig.claims.take(KEY, V1, TASKS, holder="reply") == {5}


def test_versions_are_claimed_apart(rig: Rig) -> None:
    """A claim on the old version's row holds up nothing of the new."""
    rig.claims.take(KEY, "tiny-0", TASKS, holder="reply")

    assert rig.writer.write(KEY, rows()).stored == set(TASKS)


def test_where_nobody_else_wrote_rows_are_not_looked_at(rig: Rig) -> None:
    """Begun before the tasks were listed, their number tells: chunk after chunk."""
    rig.writer.begin(KEY, V1)

    rig.writer.write(KEY, rows(TASKS[:5]))
    rig.writer.write(KEY, rows(TASKS[5:]))

    assert rig.studio.looks == 0
    assert rig.studio.rows_per_task() == once()


def test_where_somebody_else_wrote_rows_are_looked_at(rig: Rig) -> None:
    """Between two chunks a task of the second was opened, and its row stored."""
    rig.writer.begin(KEY, V1)
    rig.writer.write(KEY, rows(TASKS[:5]))
    rig.studio.store([7], V1)

    delivered = rig.writer.write(KEY, rows(TASKS[5:]))

    assert delivered.present == {7}
    assert rig.studio.rows_per_task() == once()


def test_begun_for_one_version_rows_of_another_are_looked_at(rig: Rig) -> None:
    """The number that is known is not theirs, however alike."""
    rig.writer.begin(KEY, V1)
    rig.studio.store([1], "tiny-2")

    delivered = rig.writer.write(KEY, rows(version="tiny-2"))

    assert delivered.present == {1}
    assert rig.studio.rows_per_task() == once()


def test_after_a_lost_answer_the_number_is_not_trusted(rig: Rig) -> None:
    """What was sent may land at any moment."""
    rig.writer.begin(KEY, V1)

    def lost(tasks: Sequence[int], version: str) -> None:
        rig.studio.down = no_connection()
        raise no_connection()

    rig.studio.mishaps = [lost]
    with pytest.raises(LabelStudioUnavailable):
        rig.writer.write(KEY, rows())
    rig.studio.down = None
    assert rig.studio.looks == 0

    delivered = rig.writer.write(KEY, rows())

    assert rig.studio.looks >= 2
    assert delivered.stored == set(TASKS)


def test_a_task_deleted_since_it_was_listed_is_no_loss(rig: Rig) -> None:
    """It is sent, for it was not looked at; the others are stored all the same."""
    rig.writer.begin(KEY, V1)
    del rig.studio.tasks[4]

    delivered = rig.writer.write(KEY, rows())

    assert delivered.present == {4}
    assert delivered.stored == set(TASKS) - {4}


def nested(task: int) -> Row:
    """A row with a nested choice, which Label Studio's import drops."""
    region = {"id": "c", "type": "choices", "value": {"choices": [["Animal", "Cat"]]}}
    return Row(task, Prediction(result=[region], score=None, model_version=V1))


def test_rows_that_the_import_would_drop_go_one_by_one(rig: Rig) -> None:
    """Nested choices are checked as flat ones there; the others go together as ever."""
    delivered = rig.writer.write(KEY, [nested(1), nested(2), *rows([3, 4, 5])])

    assert delivered.stored == {1, 2, 3, 4, 5}
    assert rig.studio.created == [1, 2]
    assert rig.studio.imports == [[3, 4, 5]]
    assert rig.studio.rows_per_task() == once([1, 2, 3, 4, 5])


def test_a_row_by_itself_that_is_not_taken_keeps_none_of_the_others(rig: Rig) -> None:
    """One for a deleted task, one that is answered 500; both are told, the third is stored."""
    del rig.studio.tasks[1]
    rig.studio.poison = {2}
    rig.writer.begin(KEY, V1)

    delivered = rig.writer.write(KEY, [nested(1), nested(2), nested(3)])

    assert delivered.present == {1}
    assert list(delivered.refused) == [2]
    assert delivered.refused[2].transient
    assert delivered.stored == {3}


def test_rows_that_people_deleted_are_written_again_at_once(rig: Rig) -> None:
    """That they were stored a minute ago keeps nobody from it but who answers `/predict`."""
    rig.writer.write(KEY, rows())
    rig.studio.rows.clear()

    assert rig.claims.take(KEY, V1, TASKS, holder="reply") == set()
    assert rig.another().write(KEY, rows()).stored == set(TASKS)
