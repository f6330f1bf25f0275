"""A folder's images through a handler in this process."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from backend.errors import InferenceFailed
from backend.prediction.predictor import Slot
from tests.unit.bulk.folders import StandInHandler, images_of


def predict(handler: StandInHandler, *paths: str, most: int = 4) -> list[dict[str, Slot]]:
    left = list(paths)

    def take(count: int) -> Sequence[str]:
        taken = left[:count]
        del left[:count]
        return taken

    return list(images_of(handler, most=most).predict(take))


def test_every_image_gets_a_prediction_and_the_file_name_may_be_anything() -> None:
    handler = StandInHandler()
    names = ["a.png", "b c/ä+&#%?=.png", "d'\"<>.png"]

    slots = {path: slot for batch in predict(handler, *names) for path, slot in batch.items()}

    assert list(slots) == names
    assert handler.asked == names
    for slot in slots.values():
        assert slot.prediction is not None
        assert [region["type"] for region in slot.prediction.result] == [
            "rectanglelabels",
            "choices",
        ]


def test_batches_grow_up_to_the_most() -> None:
    """Whatever a device can do, a slow one is never given a large batch to learn from."""
    handler = StandInHandler()

    predict(handler, *(f"{number:02}.png" for number in range(20)))

    sizes = [len(batch) for batch in handler.batches]
    assert sizes[0] == 1
    assert max(sizes) == 4
    assert sum(sizes) == 20


def test_an_image_that_fails_does_so_alone() -> None:
    """Unreadable, or raising in the model in the middle of a batch; its neighbours are predicted."""
    names = [f"{number}.png" for number in range(8)] + ["bad.png", "raise.png"]
    handler = StandInHandler()

    slots = {
        path: slot for batch in predict(handler, *sorted(names)) for path, slot in batch.items()
    }

    failed = {path: slot.failure.kind for path, slot in slots.items() if slot.failure is not None}
    assert failed == {"bad.png": "ImageUnreadable", "raise.png": "InferenceFailed"}
    assert sorted(handler.asked) == [f"{number}.png" for number in range(8)]


def test_a_name_that_no_address_can_carry_fails_alone() -> None:
    slots = {
        path: slot
        for batch in predict(StandInHandler(), "a.png", "new\nline.png")
        for path, slot in batch.items()
    }

    assert slots["a.png"].prediction is not None
    assert slots["new\nline.png"].outcome == "ImageRefused"


def test_a_lost_device_ends_the_run_and_says_that_it_goes_on() -> None:
    """Every further image would fail for good."""
    with pytest.raises(InferenceFailed, match="same command goes on"):
        predict(StandInHandler(), "a.png", "device.png", "z.png", most=1)


def test_nothing_to_do_asks_nothing() -> None:
    handler = StandInHandler()

    assert predict(handler) == []
    assert handler.asked == []
