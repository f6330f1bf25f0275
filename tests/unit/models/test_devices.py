"""Number formats, and going on in smaller batches when memory runs out."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from models.devices import (
    fused_attention_is_slow,
    pick_device,
    pick_dtype,
    with_smaller_batches,
)
from models.feature_cache import FeatureCache

CPU = torch.device("cpu")


def test_small_models_compute_in_float32_on_a_cpu() -> None:
    assert pick_dtype("auto", CPU, parameters=2_000_000) is torch.float32


def test_large_models_take_bfloat16_only_where_the_cpu_has_it() -> None:
    can = torch.cpu.get_capabilities()
    native = can.get("avx512_bf16") or can.get("amx_bf16") or can.get("amx_tile")

    picked = pick_dtype("auto", CPU, parameters=200_000_000)

    assert picked is (torch.bfloat16 if native else torch.float32)


def test_a_format_asked_for_is_taken() -> None:
    assert pick_dtype("float16", CPU, parameters=1) is torch.float16
    assert pick_device("cpu") == CPU


@given(st.lists(st.integers(), max_size=40), st.integers(1, 9))
def test_running_out_of_memory_halves_the_batch_and_keeps_the_order(
    items: list[int], most: int
) -> None:
    sizes: list[int] = []

    def run(batch: Sequence[int]) -> list[int]:
        if len(batch) > most:
            raise torch.OutOfMemoryError("CUDA out of memory")
        sizes.append(len(batch))
        return [item * 2 for item in batch]

    assert with_smaller_batches(items, run) == [item * 2 for item in items]
    assert max(sizes, default=0) <= most


def test_one_item_that_is_too_much_and_other_errors_are_raised() -> None:
    def too_much(batch: Sequence[int]) -> list[int]:
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory")

    def broken(batch: Sequence[int]) -> list[int]:
        raise RuntimeError("shapes do not match")

    with pytest.raises(RuntimeError, match="allocate"):
        with_smaller_batches([1, 2, 3], too_much)
    with pytest.raises(RuntimeError, match="shapes"):
        with_smaller_batches([1, 2, 3], broken)


def test_the_cache_forgets_what_was_used_longest_ago() -> None:
    cache: FeatureCache[str] = FeatureCache(max_bytes=10)
    cache.put("a", "A", 5)
    cache.put("b", "B", 5)
    assert cache.get("a") == "A"
    cache.put("c", "C", 5)

    assert (cache.get("a"), cache.get("b"), cache.get("c")) == ("A", None, "C")
    assert cache.bytes_held == 10


def test_what_is_larger_than_the_cache_is_not_kept() -> None:
    cache: FeatureCache[str] = FeatureCache(max_bytes=10)
    cache.put("a", "A", 11)

    assert len(cache) == cache.bytes_held == 0


def test_a_key_put_again_is_counted_once() -> None:
    cache: FeatureCache[str] = FeatureCache(max_bytes=10)
    cache.put("a", "A", 5)
    cache.put("a", "B", 6)

    assert (cache.get("a"), cache.bytes_held) == ("B", 6)


def test_fused_attention_gives_way_only_in_bfloat16_on_a_cpu_without_amx() -> None:
    amx = bool(torch.cpu.get_capabilities().get("amx_tile"))

    assert fused_attention_is_slow(CPU, torch.bfloat16) is not amx
    assert not fused_attention_is_slow(CPU, torch.float32)
    assert not fused_attention_is_slow(torch.device("cuda:0"), torch.bfloat16)
