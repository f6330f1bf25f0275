"""The batch size follows the measured cost of an image."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.inference.batch_size import BatchSizer


def run(sizer: BatchSizer, cost_s: Callable[[int], float], batches: int) -> list[int]:
    sizes = []
    for _ in range(batches):
        sizes.append(sizer.size)
        sizer.measured(sizer.size, cost_s(sizer.size))
    return sizes


def test_a_fast_device_reaches_the_largest_batch_by_doubling() -> None:
    """A millisecond per image: 1, 2, 4, 8, 16, and there it stays."""
    assert run(BatchSizer(16, 1.0), lambda n: 0.001 * n, 6) == [1, 2, 4, 8, 16, 16]


def test_a_slow_processor_takes_one_image_at_a_time() -> None:
    """Two seconds per image leave no room for a second one."""
    assert run(BatchSizer(16, 1.0), lambda n: 2.0 * n, 4) == [1, 1, 1, 1]


@given(image_s=st.floats(0.01, 0.4), base_s=st.floats(0, 0.4))
def test_a_settled_batch_keeps_within_the_latency(image_s: float, base_s: float) -> None:
    """Unless a single image already takes longer."""
    sizer = BatchSizer(64, 1.0)
    run(sizer, lambda n: base_s + image_s * n, 30)

    size = sizer.size

    assert size == 1 or base_s + image_s * size <= 1.0 + 1e-6


@pytest.mark.parametrize(("before", "after"), [(0.01, 0.5), (0.5, 0.01)])
def test_it_follows_a_change(before: float, after: float) -> None:
    """Larger images come, or smaller ones: the size settles anew within a few batches."""
    sizer = BatchSizer(32, 1.0)
    run(sizer, lambda n: before * n, 10)

    sizes = run(sizer, lambda n: after * n, 20)

    assert sizes[-1] == min(32, int(1.0 / after))


def test_single_images_between_do_not_shrink_the_next_full_batch() -> None:
    """An opened image pays the fixed cost of a batch alone; the bulk batches keep their size."""
    sizer = BatchSizer(16, 1.0)
    run(sizer, lambda n: 0.3 + 0.02 * n, 30)
    before = sizer.size
    for _ in range(10):
        sizer.measured(1, 0.32)

    assert sizer.size == before == 16
