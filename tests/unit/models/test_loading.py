"""Weights read straight into a number format equal those converted after loading."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from transformers import CLIPModel, Florence2ForConditionalGeneration

from models.catalogue import REGISTRY, TINY_FOLDER, Entry
from models.checkpoint import load_model
from models.registry import ModelNotAvailable, resolve

CPU = torch.device("cpu")
CLASSES: dict[str, Any] = {"florence2": Florence2ForConditionalGeneration, "clip": CLIPModel}


@pytest.mark.parametrize("kind", ["florence2", "clip"])
@pytest.mark.parametrize("weights", ["model.safetensors", "pytorch_model.bin"])
@pytest.mark.parametrize("stored", [torch.float16, torch.bfloat16, torch.float32])
@pytest.mark.parametrize("wanted", ["float32", "bfloat16", "float16"])
def test_a_format_read_into_equals_float32_converted(
    kind: str, weights: str, stored: torch.dtype, wanted: str, tmp_path: Path
) -> None:
    entry = _stored(kind, weights, stored, tmp_path)
    expected = CLASSES[kind].from_pretrained(tmp_path, dtype="float32", local_files_only=True)
    expected = _numbers(expected.to(getattr(torch, wanted)))

    loaded = load_model(CLASSES[kind], entry, tmp_path, device=CPU, dtype=wanted)

    assert loaded.dtype is getattr(torch, wanted)
    found = _numbers(loaded)
    assert found.keys() == expected.keys()
    unlike = [
        name
        for name, number in expected.items()
        if number.dtype is not found[name].dtype or not torch.equal(number, found[name])
    ]
    assert unlike == []


def test_no_weight_passes_through_float32_for_a_short_format(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The target is known before the first weight is read: transformers is asked for it."""
    asked: list[torch.dtype] = []
    original = CLIPModel.from_pretrained

    def watched(folder: Path, *, dtype: torch.dtype, **others: Any) -> Any:
        asked.append(dtype)
        return original(folder, dtype=dtype, **others)

    monkeypatch.setattr(CLIPModel, "from_pretrained", watched)

    load_model(CLIPModel, REGISTRY["tiny-clip"], TINY_FOLDER / "clip", device=CPU, dtype="bfloat16")

    assert asked == [torch.bfloat16]


def test_a_device_without_room_for_the_weights_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_model: Any, _device: torch.device) -> Any:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(CLIPModel, "to", full)

    with pytest.raises(ModelNotAvailable, match="room for 830,209 weights on cpu, got out of"):
        load_model(
            CLIPModel, REGISTRY["tiny-clip"], TINY_FOLDER / "clip", device=CPU, dtype="float32"
        )


def _stored(kind: str, weights: str, stored: torch.dtype, folder: Path) -> Entry:
    """Writes the bundled checkpoint with its weights in a format and a kind of file."""
    for path in (TINY_FOLDER / kind).iterdir():
        if path.suffix in {".json", ".txt"}:
            (folder / path.name).write_bytes(path.read_bytes())
    model = CLASSES[kind].from_pretrained(TINY_FOLDER / kind, dtype=stored)
    if weights.endswith(".bin"):
        torch.save(model.state_dict(), folder / weights)
    else:
        model.save_pretrained(folder)
    return resolve(str(folder))[0]


def _numbers(model: Any) -> dict[str, Tensor]:
    """Gives every parameter and buffer by name."""
    return dict([*model.named_parameters(), *model.named_buffers()])
