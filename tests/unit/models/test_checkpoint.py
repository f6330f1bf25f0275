"""Folders with missing or wrong files, and models that were never pulled."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from models.catalogue import REGISTRY, TINY_FOLDER
from models.hub.cache import locate, located
from models.registry import ModelNotAvailable
from models.runtime import load_runtime


def _edit(name: str, change: Callable[[dict[str, Any]], object]) -> Callable[[Path], None]:
    def run(folder: Path) -> None:
        content = json.loads((folder / name).read_text())
        change(content)
        (folder / name).write_text(json.dumps(content))

    return run


def _without(name: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).unlink()


def _cut_weights(folder: Path) -> None:
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:100_000])


def _drop_a_weight(folder: Path) -> None:
    weights = load_file(folder / "model.safetensors")
    weights.pop(next(name for name in weights if "vision" in name and name.endswith("weight")))
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})


def _reshape_a_weight(folder: Path) -> None:
    weights = load_file(folder / "model.safetensors")
    name = next(name for name in weights if name.endswith("fc1.weight"))
    weights[name] = torch.zeros(3, 3)
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})


def _other_location_tokens(folder: Path) -> None:
    path = folder / "tokenizer.json"
    path.write_text(path.read_text().replace("<loc_500>", "<lac_500>"))


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (_without("model.safetensors"), "model.safetensors"),
        (_without("tokenizer.json"), "tokenizer's words"),
        (_without("processor_config.json"), "processor_config.json"),
        (_edit("processor_config.json", lambda c: c.pop("image_processor")), "processor_config"),
        (
            _edit("processor_config.json", lambda c: c["image_processor"].update(size={})),
            "image size",
        ),
        (
            _edit(
                "processor_config.json", lambda c: c["image_processor"].update(image_seq_length=7)
            ),
            "101 tokens",
        ),
        (_cut_weights, "weights"),
        (_drop_a_weight, "missing"),
        (_reshape_a_weight, "weights"),
        (_other_location_tokens, "location tokens"),
    ],
)
def test_a_spoilt_checkpoint_is_refused_with_what_is_wrong(
    tmp_path: Path, spoil: Callable[[Path], None], says: str
) -> None:
    folder = tmp_path / "checkpoint"
    shutil.copytree(TINY_FOLDER / "florence2", folder)
    spoil(folder)

    with pytest.raises(ModelNotAvailable, match=says):
        load_runtime(str(folder), device="cpu")


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (_without("model.safetensors"), "model.safetensors"),
        (_without("tokenizer.json"), "tokenizer's words"),
        (_cut_weights, "weights"),
    ],
)
def test_a_spoilt_classifier_is_refused_too(
    tmp_path: Path, spoil: Callable[[Path], None], says: str
) -> None:
    folder = tmp_path / "checkpoint"
    shutil.copytree(TINY_FOLDER / "clip", folder)
    spoil(folder)

    with pytest.raises(ModelNotAvailable, match=says):
        load_runtime(str(folder), device="cpu")


def test_a_whole_copy_loads(tmp_path: Path) -> None:
    folder = tmp_path / "checkpoint"
    shutil.copytree(TINY_FOLDER / "clip", folder)

    assert load_runtime(str(folder), device="cpu").device == "cpu"


def test_a_model_never_pulled_is_refused_with_the_command_to_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))

    with pytest.raises(ModelNotAvailable, match="firstpass models pull florence-2-base") as caught:
        locate(REGISTRY["florence-2-base"])

    assert "--model tiny" in str(caught.value)


def test_a_cache_of_somebody_else_is_said_to_be_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not that the model was never pulled: to pull it would be no remedy."""

    def closed(path: Path) -> bool:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "is_dir", closed)

    with pytest.raises(ModelNotAvailable, match="Permission denied; see whose it is") as caught:
        located([REGISTRY["florence-2-base"]])

    assert "models pull" not in str(caught.value)


@pytest.mark.parametrize(
    ("device", "dtype"), [("gpu", "auto"), ("cuda:99", "auto"), ("cpu", "int3")]
)
def test_a_device_or_format_that_cannot_be_had_is_refused(device: str, dtype: str) -> None:
    with pytest.raises(ValueError, match="expected"):
        load_runtime("tiny-clip", device=device, dtype=dtype)


def test_want_of_memory_is_not_blamed_on_the_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """To pull again would be no remedy."""

    def full(*_: object, **__: object) -> None:
        raise RuntimeError(
            "DefaultCPUAllocator: can't allocate memory: you tried to allocate 4 bytes"
        )

    monkeypatch.setattr("transformers.CLIPModel.from_pretrained", full)

    with pytest.raises(ModelNotAvailable, match="out of memory; end what else runs here"):
        load_runtime("tiny-clip", device="cpu")
