"""Rows wait for company, not for long."""

from __future__ import annotations

from backend.delivery.parcel import Parcel
from backend.delivery.rows import Row
from backend.delivery.writer import CHUNK
from backend.label_studio.bodies import Prediction


def test_a_parcel_is_due_when_full_or_waited_long_enough() -> None:
    """Many rows go at once, few after a moment."""
    parcel, prediction = Parcel(1.0), Prediction(result=[], score=None, model_version="v")
    assert not parcel.is_due(1e9)

    parcel.add(Row(1, prediction), 100.0)
    assert (parcel.is_due(100.5), parcel.is_due(101.0)) == (False, True)

    for task in range(2, CHUNK + 3):
        parcel.add(Row(task, prediction), 100.0)
    assert parcel.is_due(100.0)
    assert len(parcel.take(130.0)) == CHUNK
    assert len(parcel.rows) == 2
    assert (parcel.is_due(130.5), parcel.is_due(131.0)) == (False, True)
