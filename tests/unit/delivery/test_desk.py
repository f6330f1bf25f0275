"""What `/predict` may answer itself, and what it leaves to the courier."""

from __future__ import annotations

import pytest
import redis
from structlog.testing import capture_logs

from backend.delivery.claims import REPLY_TTL_S, Claims
from backend.delivery.desk import DeliveryDesk
from backend.delivery.failed_tasks import FailedTasks
from backend.delivery.keys import claim_key
from backend.delivery.owed import OwedTasks
from backend.errors import Failure, QueueUnavailable
from backend.label_studio.bodies import Prediction
from backend.prediction.predictor import Slot
from backend.queue.connection import connect
from backend.queue.failures import FailureLog
from tests.unit.delivery.label_studio import KEY

pytestmark = pytest.mark.redis

NOW = 1_800_000_000.0
V1 = "tiny-1"
PREDICTION = Prediction(result=[], score=None, model_version=V1)


def ready(*tasks: int | None) -> list[Slot]:
    return [Slot(task, PREDICTION) for task in tasks]


class Rig:
    """Desks of one installation."""

    def __init__(self, connection: redis.Redis) -> None:
        self.connection = connection
        self.owed = OwedTasks(connection)
        self.slept: list[float] = []
        self.manned = True

    def desk(self) -> DeliveryDesk:
        return DeliveryDesk(
            self.owed,
            Claims(self.connection),
            FailedTasks(self.connection),
            lambda: self.manned,
            clock=lambda: NOW,
            sleep=self.slept.append,
        )

    def due(self) -> list[int]:
        return sorted(self.owed.due(KEY, NOW, 100))


@pytest.fixture
def rig(redis_connection: redis.Redis) -> Rig:
    return Rig(redis_connection)


def test_ready_predictions_are_answered_and_owed_to_nobody(rig: Rig) -> None:
    """The slots stay as they are, in order, and nothing is waited for."""
    slots = ready(2, 1)

    assert rig.desk().hand_over(KEY, V1, slots) == slots
    assert rig.due() == []
    assert rig.slept == []


def test_pending_tasks_are_owed(rig: Rig) -> None:
    """Those without an id cannot be."""
    slots = [Slot(1), *ready(2), Slot(None), Slot(3)]

    assert rig.desk().hand_over(KEY, V1, slots) == slots
    assert rig.due() == [1, 3]


def test_a_row_is_answered_to_one_of_two_who_ask(rig: Rig) -> None:
    """The other gets nothing yet, a moment later, and the courier sees to it that the row is there."""
    rig.desk().hand_over(KEY, V1, ready(1))

    second = rig.desk().hand_over(KEY, V1, ready(1, 2))

    assert [slot.outcome for slot in second] == ["pending", "predicted"]
    assert rig.due() == [1]
    assert rig.slept == [1.0]


def test_the_same_desk_keeps_its_own_requests_apart(rig: Rig) -> None:
    """One web process answers many people."""
    desk = rig.desk()
    desk.hand_over(KEY, V1, ready(1))

    assert desk.hand_over(KEY, V1, ready(1))[0].outcome == "pending"


def test_another_version_is_another_row(rig: Rig) -> None:
    """The label config was changed a second ago."""
    rig.desk().hand_over(KEY, V1, ready(1))

    assert rig.desk().hand_over(KEY, "tiny-2", ready(1))[0].outcome == "predicted"


def test_a_long_answer_is_claimed_for_longer(rig: Rig) -> None:
    """Label Studio stores it row by row."""
    rig.desk().hand_over(KEY, V1, ready(*range(1, 1001)))

    left = rig.connection.ttl(claim_key(KEY, 1000, V1))

    assert REPLY_TTL_S + 100 - 5 <= left <= REPLY_TTL_S + 100


def test_a_failure_that_may_pass_is_owed_and_one_for_good_is_not(rig: Rig) -> None:
    """Both are answered as they are."""
    slots = [
        Slot(1, failure=Failure("QueueFull", "full", transient=True)),
        Slot(2, failure=Failure("ImageUnreadable", "bad", transient=False), failed_job="0a"),
    ]

    assert rig.desk().hand_over(KEY, V1, slots) == slots
    assert rig.due() == [1]


def test_failures_that_no_worker_noted_are_listed(rig: Rig) -> None:
    """A task without the key; not what passes, nor what a worker has listed by its image."""
    lacking = Failure("TaskError", "expected image", transient=False)
    slots = [
        Slot(1, failure=lacking),
        Slot(2, failure=Failure("ImageUnreadable", "bad", transient=False), failed_job="0a"),
        Slot(3, failure=Failure("QueueFull", "full", transient=True)),
    ]
    log = FailureLog(rig.connection)

    rig.desk().hand_over(KEY, V1, slots)
    assert [(record.image, record.message) for record in log.latest()] == [
        ("task 1 of project 4", "expected image")
    ]

    rig.desk().hand_over(KEY, V1, ready(1))
    assert log.latest() == []


def test_it_is_manned_as_long_as_a_courier_lives(rig: Rig) -> None:
    """Asked anew each time."""
    desk = rig.desk()
    assert desk.is_manned

    rig.manned = False

    assert not desk.is_manned


def test_a_change_is_noted_for_the_courier(rig: Rig) -> None:
    """In a moment, and once."""
    desk = rig.desk()
    for _ in range(3):
        desk.note_change(KEY)
    desk._notes.shutdown(wait=True)

    assert [changed.key for changed in rig.owed.changed()] == [KEY]


def test_without_redis_a_change_is_logged_and_nothing_is_raised() -> None:
    """`/setup` and `/webhook` are answered all the same; what hands rows over is refused."""
    away = connect("redis://127.0.0.1:1/0", retries=0)
    desk = DeliveryDesk(OwedTasks(away), Claims(away), FailedTasks(away), lambda: bool(away.ping()))

    with capture_logs() as logs:
        desk.note_change(KEY)
        desk._notes.shutdown(wait=True)

    assert [line["event"] for line in logs] == ["change of a project not noted"]
    with pytest.raises(QueueUnavailable):
        desk.hand_over(KEY, V1, ready(1))
    with pytest.raises(QueueUnavailable):
        _ = desk.is_manned
