"""Rows are written one parcel after another, beside the predicting."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import pytest

from backend.delivery.outbox import ROOM, Outbox
from backend.delivery.rows import Row
from backend.label_studio.bodies import Prediction

PREDICTION = Prediction(result=[], score=None, model_version="v")


def parcel(task: int) -> list[Row]:
    return [Row(task, PREDICTION)]


class Writer:
    """Writes when the test lets it."""

    def __init__(self) -> None:
        self.begun, self.may = threading.Semaphore(0), threading.Semaphore(0)
        self.done: list[int] = []

    def write(self, rows: Sequence[Row]) -> int:
        self.begun.release()
        assert self.may.acquire(timeout=10)
        self.done.append(rows[0].task)
        return rows[0].task


def test_parcels_are_written_in_the_order_sent() -> None:
    """And what came of each is told in that order, once."""
    with Outbox(lambda rows: rows[0].task) as outbox:
        for task in range(20):
            outbox.send(parcel(task))

        assert list(outbox.written(all_of_them=True)) == list(range(20))
        assert list(outbox.written(all_of_them=True)) == []


def test_nobody_waits_while_there_is_room() -> None:
    """What is being written is told of later."""
    writer = Writer()
    with Outbox(writer.write) as outbox:
        outbox.send(parcel(1))
        assert writer.begun.acquire(timeout=10)

        assert list(outbox.written()) == []
        writer.may.release()
        assert list(outbox.written(all_of_them=True)) == [1]


def test_a_full_outbox_holds_its_owner_up() -> None:
    """Until a parcel is written: rows do not pile up in memory."""
    writer = Writer()
    with Outbox(writer.write) as outbox:
        for task in range(ROOM):
            outbox.send(parcel(task))
        threading.Timer(0.2, writer.may.release).start()

        assert list(outbox.written()) == [0]
        for _ in range(ROOM - 1):
            writer.may.release()


def test_an_error_of_the_writer_is_its_owners() -> None:
    """Raised where the result is asked for; the parcels before it are told of."""

    def write(rows: Sequence[Row]) -> int:
        if rows[0].task == 2:
            raise OSError("no connection")
        return rows[0].task

    with Outbox(write) as outbox:
        for task in (1, 2, 3):
            outbox.send(parcel(task))
        written = outbox.written(all_of_them=True)

        assert next(written) == 1
        with pytest.raises(OSError, match="no connection"):
            next(written)


def test_on_leaving_what_is_begun_is_finished_and_no_more() -> None:
    """A request to Label Studio is not cut off; the parcels behind it are still owed."""
    writer = Writer()
    with Outbox(writer.write) as outbox:
        for task in (1, 2, 3):
            outbox.send(parcel(task))
        assert writer.begun.acquire(timeout=10)
        threading.Timer(0.2, writer.may.release, args=(3,)).start()

    assert writer.done == [1]
