"""Number formats, and going on in smaller batches when memory runs out."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from models.devices import (
    Chip,
    check_finite,
    fused_attention_is_slow,
    native_format,
    pick_device,
    pick_dtype,
    with_smaller_batches,
)
from models.feature_cache import FeatureCache

CPU = torch.device("cpu")
CUDA = torch.device("cuda:0")


def test_small_models_compute_in_float32_on_a_cpu() -> None:
    assert pick_dtype("auto", CPU, parameters=2_000_000) is torch.float32


def test_large_models_take_bfloat16_only_where_the_cpu_has_it() -> None:
    can = torch.cpu.get_capabilities()
    native = can.get("avx512_bf16") or can.get("amx_bf16") or can.get("amx_tile")

    picked = pick_dtype("auto", CPU, parameters=200_000_000)

    assert picked is (torch.bfloat16 if native else torch.float32)


@pytest.mark.parametrize(
    ("name", "capability", "native"),
    [
        ("Tesla K80", (3, 7), torch.float32),
        ("NVIDIA GeForce GTX 980", (5, 2), torch.float32),
        ("NVIDIA Tegra X1", (5, 3), torch.float16),
        ("Tesla P100-PCIE-16GB", (6, 0), torch.float16),
        ("NVIDIA GeForce GTX 1080 Ti", (6, 1), torch.float32),
        ("Tesla P40", (6, 1), torch.float32),
        ("Tesla V100-SXM2-16GB", (7, 0), torch.float16),
        ("Xavier", (7, 2), torch.float16),
        ("Tesla T4", (7, 5), torch.float16),
        ("NVIDIA GeForce RTX 2080 Ti", (7, 5), torch.float16),
        ("Quadro RTX 6000", (7, 5), torch.float16),
        ("NVIDIA GeForce GTX 1660 SUPER", (7, 5), torch.float32),
        ("NVIDIA T400 4GB", (7, 5), torch.float32),
        ("Quadro T1000", (7, 5), torch.float32),
        ("NVIDIA A100-SXM4-80GB", (8, 0), torch.bfloat16),
        ("NVIDIA GeForce RTX 3090", (8, 6), torch.bfloat16),
        ("Orin", (8, 7), torch.bfloat16),
        ("NVIDIA GeForce RTX 4090", (8, 9), torch.bfloat16),
        ("NVIDIA H100 80GB HBM3", (9, 0), torch.bfloat16),
        ("NVIDIA B200", (10, 0), torch.bfloat16),
        ("NVIDIA GeForce RTX 5090", (12, 0), torch.bfloat16),
    ],
)
def test_auto_takes_what_an_nvidia_card_computes_in_natively(
    name: str, capability: tuple[int, int], native: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    _pretend(monkeypatch, Chip(name, capability))

    assert pick_dtype("auto", CUDA, parameters=200_000_000) is native
    assert pick_dtype("auto", CUDA, parameters=2_000_000) is torch.float32
    assert pick_dtype("float16", CUDA, parameters=200_000_000) is torch.float16
    if native is torch.bfloat16:
        assert pick_dtype("bfloat16", CUDA, parameters=200_000_000) is torch.bfloat16
    else:
        with pytest.raises(ValueError, match=f"bfloat16, which cuda:0 .{name}. would only emulate"):
            pick_dtype("bfloat16", CUDA, parameters=200_000_000)


@pytest.mark.parametrize(
    ("name", "capability", "amd", "native"),
    [
        ("AMD Radeon VII", (9, 0), "gfx906:sramecc-:xnack-", torch.float16),
        ("AMD Instinct MI100", (9, 0), "gfx908:sramecc+:xnack-", torch.bfloat16),
        ("AMD Instinct MI250X", (9, 0), "gfx90a:sramecc+:xnack-", torch.bfloat16),
        ("AMD Instinct MI300X", (9, 4), "gfx942:sramecc+:xnack-", torch.bfloat16),
        ("AMD Radeon RX 5700 XT", (10, 1), "gfx1010:xnack-", torch.float32),
        ("AMD Radeon RX 6900 XT", (10, 3), "gfx1030", torch.float16),
        ("AMD Radeon RX 7900 XTX", (11, 0), "gfx1100", torch.bfloat16),
        ("AMD Radeon RX 9070 XT", (12, 0), "gfx1201", torch.bfloat16),
    ],
)
def test_auto_goes_by_the_architecture_of_an_amd_card(
    name: str,
    capability: tuple[int, int],
    amd: str,
    native: torch.dtype,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    chip = Chip(name, capability, amd)
    _pretend(monkeypatch, chip)

    assert native_format(chip) is native
    assert pick_dtype("auto", CUDA, parameters=200_000_000) is native


def test_auto_keeps_float32_on_apples_gpus_and_bfloat16_needs_macos_14(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    mps = torch.device("mps")
    assert pick_dtype("auto", mps, parameters=200_000_000) is torch.float32

    for newer in (True, False):
        monkeypatch.setattr(torch.backends.mps, "is_macos_or_newer", lambda *_, newer=newer: newer)
        if newer:
            assert pick_dtype("bfloat16", mps, parameters=1) is torch.bfloat16
        else:
            with pytest.raises(ValueError, match="macOS 14"):
                pick_dtype("bfloat16", mps, parameters=1)


def test_an_overflow_in_a_short_format_is_an_error_that_names_the_way_out() -> None:
    large = torch.tensor([70_000.0, 1.0])
    check_finite(large)
    check_finite(large.bfloat16())

    with pytest.raises(FloatingPointError, match=r"float16 on cpu.*--dtype float32"):
        check_finite(large.half())


def _pretend(monkeypatch: pytest.MonkeyPatch, chip: Chip) -> None:
    """Lets torch say what it would say of a card."""
    monkeypatch.setattr(torch.version, "hip", "6.4" if chip.amd else None)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda _: chip.name)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _: chip.capability)
    properties = SimpleNamespace(gcnArchName=chip.amd)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda _: properties)


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
    asked = Encoding(FeatureCache(max_bytes=8))
    for key in "abac":
        assert asked.features(key) == [key]
    asked.encoded.clear()

    assert asked.features("cab") == ["c", "a", "b"]
    assert asked.encoded == ["b"]


def test_what_is_larger_than_the_cache_is_not_kept() -> None:
    """And pushes nothing out."""
    asked = Encoding(FeatureCache(max_bytes=4))
    asked.features("a")
    asked.small = False
    asked.features("b")
    asked.encoded.clear()

    asked.features("ab")

    assert asked.encoded == ["b"]


def test_what_is_encoded_comes_in_batches_and_each_key_once() -> None:
    asked = Encoding(FeatureCache(max_bytes=0))

    assert asked.features("abcab", at_once=2) == ["a", "b", "c", "a", "b"]
    assert asked.batches == [2, 1]


class Encoding:
    """Encodes each letter as four bytes, or five; notes which, and in what batches."""

    def __init__(self, cache: FeatureCache) -> None:
        self._cache = cache
        self.encoded: list[str] = []
        self.batches: list[int] = []
        self.small = True

    def features(self, keys: str, *, at_once: int = 9) -> list[str]:
        wanted = {key: key for key in keys}
        found = self._cache.features(wanted, self._encode, at_once=at_once)
        return [chr(int(found[key][0])) for key in keys]

    def _encode(self, keys: Sequence[str]) -> list[torch.Tensor]:
        self.encoded += keys
        self.batches.append(len(keys))
        length = 4 if self.small else 5
        return [torch.full((length,), ord(key), dtype=torch.uint8) for key in keys]


def test_fused_attention_gives_way_only_in_bfloat16_on_a_cpu_without_amx() -> None:
    amx = bool(torch.cpu.get_capabilities().get("amx_tile"))

    assert fused_attention_is_slow(CPU, torch.bfloat16) is not amx
    assert not fused_attention_is_slow(CPU, torch.float32)
    assert not fused_attention_is_slow(torch.device("cuda:0"), torch.bfloat16)
