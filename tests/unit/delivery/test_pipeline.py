"""Many tasks through few workers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import count, islice

import pytest

from backend.delivery.pipeline import predict_tasks
from backend.errors import Failure
from backend.label_studio.bodies import Task
from backend.prediction.predictor import Slot
from tests.standin.queue import failing
from tests.unit.delivery.label_studio import BOXES
from tests.unit.delivery.workers import SETTINGS, StandInWindow, task

BAD = Failure("ImageUnreadable", "not an image", transient=False)
TWO_IMAGES = """
<View><Image name="a" value="$a"/><Image name="b" value="$b"/>
<RectangleLabels name="in-a" toName="a"><Label value="cat"/></RectangleLabels>
<RectangleLabels name="in-b" toName="b"><Label value="cat"/></RectangleLabels></View>
"""


def two_images(number: int, b: str) -> Task:
    return Task(
        id=number, data={"a": "http://images.example/ok-a", "b": f"http://images.example/{b}"}
    )


def slots_of(
    tasks: Iterable[Task], window: StandInWindow, *, in_flight: int = 1000, config: str = BOXES
) -> Iterator[Slot]:
    for slots in predict_tasks(
        tasks, SETTINGS.for_label_config(config), window, in_flight=in_flight
    ):
        yield from slots


class Counted:
    """Tasks, and how many were read."""

    def __init__(self, tasks: Iterable[Task]) -> None:
        self._tasks = iter(tasks)
        self.read = 0

    def __iter__(self) -> Iterator[Task]:
        for one in self._tasks:
            self.read += 1
            yield one


def test_each_task_comes_once_in_any_order() -> None:
    """The last asked are answered first, three at a time."""
    found = list(slots_of(map(task, range(1, 101)), StandInWindow(most=3)))

    assert sorted(slot.task_id or 0 for slot in found) == list(range(1, 101))
    assert [slot.task_id for slot in found] != list(range(1, 101))
    assert {slot.outcome for slot in found} == {"predicted"}


def test_no_more_are_under_way_than_allowed() -> None:
    """Neither asked for nor read ahead: memory stays flat however many tasks there are."""
    window, tasks = StandInWindow(most=1), Counted(map(task, range(1, 101)))
    found = slots_of(tasks, window, in_flight=7)

    ahead = [tasks.read - number for number, _ in enumerate(found)]

    assert window.most_pending == 7
    assert max(ahead) <= 8
    assert len(ahead) == 100


def test_tasks_that_share_an_image_ask_once_and_are_all_answered() -> None:
    """One job answers three tasks; a fourth that comes later is answered, too."""
    window = StandInWindow()

    found = list(slots_of([task(n, "ok-same") for n in range(1, 5)], window, in_flight=3))

    assert len(set(window.asked)) == 1
    assert sorted((slot.task_id, slot.outcome) for slot in found) == [
        (number, "predicted") for number in range(1, 5)
    ]


def test_a_task_with_two_images_waits_for_both() -> None:
    """Its slot comes with the second, with the regions of both."""
    window = StandInWindow(most=1)

    found = list(slots_of([two_images(1, "ok-b")], window, config=TWO_IMAGES))

    assert len(window.asked) == 2
    assert [slot.task_id for slot in found] == [1]
    assert found[0].prediction is not None
    assert {region["from_name"] for region in found[0].prediction.result} == {"in-a", "in-b"}


def test_a_bad_image_fails_the_tasks_that_show_it_and_no_others() -> None:
    """Also where the other image of the same task, shared by all, is answered."""
    window = StandInWindow(failing(BAD, where="bad"))
    tasks = [two_images(1, "ok-b"), two_images(2, "bad"), two_images(3, "bad")]

    outcomes = {slot.task_id: slot.outcome for slot in slots_of(tasks, window, config=TWO_IMAGES)}

    assert outcomes == {1: "predicted", 2: "ImageUnreadable", 3: "ImageUnreadable"}


def test_a_task_that_cannot_be_asked_fails_at_once() -> None:
    """Nothing is waited for on its behalf."""
    silent = StandInWindow(lambda _: None)
    tasks = [task(1), Task(id=2, data={"picture": "x"})]

    first = next(slots_of(tasks, silent))

    assert (first.task_id, first.outcome, first.failed_job) == (2, "TaskError", None)


def test_an_endless_source_is_read_as_far_as_there_is_room() -> None:
    """What a watched project gives never ends."""
    tasks = Counted(task(number) for number in count(1))

    found = list(islice(slots_of(tasks, StandInWindow(), in_flight=10), 95))

    assert len({slot.task_id for slot in found}) == 95
    assert tasks.read <= 105


def test_an_endless_source_of_bad_tasks_is_told_of_as_it_goes() -> None:
    """They take no worker's time, so they would be read for ever."""
    tasks = Counted(Task(id=number, data={}) for number in count(1))

    found = list(islice(slots_of(tasks, StandInWindow(), in_flight=10), 25))

    assert {slot.outcome for slot in found} == {"TaskError"}
    assert tasks.read <= 30


def test_whoever_writes_gets_its_say_while_nothing_comes() -> None:
    """A caller with rows to write or a signal to heed is not kept waiting for the workers."""
    pages = predict_tasks(
        [task(1)], SETTINGS.for_label_config(BOXES), StandInWindow(lambda _: None)
    )

    assert [next(pages) for _ in range(3)] == [[], [], []]


def test_a_task_named_twice_is_answered_once() -> None:
    """Lists may overlap."""
    found = list(slots_of([task(1), task(1), task(2)], StandInWindow()))

    assert sorted(slot.task_id or 0 for slot in found) == [1, 2]


def test_no_tasks_give_no_slots() -> None:
    """And do not wait."""
    assert list(slots_of([], StandInWindow())) == []


@pytest.mark.parametrize("in_flight", [1, 2])
def test_little_room_is_enough(in_flight: int) -> None:
    """All come through."""
    assert len(list(slots_of(map(task, range(1, 12)), StandInWindow(), in_flight=in_flight))) == 11
