"""Weights in every form that the loader takes, and in halves: which load, and what is said of the others."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from models.catalogue import TINY_FOLDER, ModelNotAvailable
from models.file_checks import NotWhole, check_files
from models.registry import fingerprint, resolve
from models.runtime import load_runtime
from tests.engines import clip_of


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A whole CLIP, to be spoilt."""
    return Path(shutil.copytree(TINY_FOLDER / "clip", tmp_path / "clip"))


def check(folder: Path) -> None:
    (entry,) = resolve(str(folder))
    check_files(entry, folder)


def _keep(count: int) -> Callable[[bytes], bytes]:
    return lambda content: content[:count]


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (_keep(0), "an empty file"),
        (_keep(5), "5 bytes"),
        (_keep(1000), "not even their table of contents"),
        (lambda content: content[:-1], "the file is cut short"),
        (lambda content: b"version https://git-lfs.github.com/spec/v1\n", "git lfs pull"),
        (lambda content: content[:8] + b"x" * (len(content) - 8), "cannot be read"),
    ],
)
def test_half_written_weights_are_one_sentence(
    folder: Path, spoil: Callable[[bytes], bytes], says: str
) -> None:
    """Seen from the file's frame alone: nothing is loaded."""
    weights = folder / "model.safetensors"
    weights.write_bytes(spoil(weights.read_bytes()))

    with pytest.raises(ModelNotAvailable, match=says):
        check(folder)


def as_bin(folder: Path, **options: Any) -> Path:
    """The same weights as torch pickles them."""
    weights = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    torch.save(weights, folder / "pytorch_model.bin", **options)
    return folder / "pytorch_model.bin"


@pytest.mark.parametrize("zipped", [True, False])
def test_pickled_weights_load(folder: Path, zipped: bool) -> None:
    """The archive that torch writes, and what it wrote before 2020."""
    as_bin(folder, _use_new_zipfile_serialization=zipped)

    assert clip_of(load_runtime(str(folder), device="cpu"))


def test_pickled_weights_that_are_cut_short_are_one_sentence(folder: Path) -> None:
    weights = as_bin(folder)
    weights.write_bytes(weights.read_bytes()[:-10])

    with pytest.raises(ModelNotAvailable, match="the file is cut short"):
        check(folder)


def test_other_bytes_in_the_place_of_weights_are_one_sentence(folder: Path) -> None:
    """Only the loader sees what is wrong. Nobody is told to run what may stand there."""
    as_bin(folder).write_bytes(b"no weights at all")

    check(folder)
    with pytest.raises(ModelNotAvailable, match=r"weights in .* that can be loaded") as refused:
        load_runtime(str(folder), device="cpu")
    assert "weights_only" not in str(refused.value)


def in_parts(folder: Path, suffix: str) -> dict[str, str]:
    """The same weights in two files, and the index that names them."""
    weights = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    stem = "model" if suffix == "safetensors" else "pytorch_model"
    names = sorted(weights)
    listed: dict[str, str] = {}
    for number, some in enumerate((names[::2], names[1::2]), 1):
        part = f"{stem}-0000{number}-of-00002.{suffix}"
        taken = {name: weights[name].contiguous() for name in some}
        if suffix == "safetensors":
            save_file(taken, folder / part, metadata={"format": "pt"})
        else:
            torch.save(taken, folder / part)
        listed |= dict.fromkeys(some, part)
    index = {"metadata": {}, "weight_map": listed}
    (folder / f"{stem}.{suffix}.index.json").write_text(json.dumps(index))
    return listed


@pytest.mark.parametrize("suffix", ["safetensors", "bin"])
def test_weights_in_parts_load_and_count_in_the_fingerprint(folder: Path, suffix: str) -> None:
    listed = in_parts(folder, suffix)
    assert clip_of(load_runtime(str(folder), device="cpu"))
    before = fingerprint(resolve(str(folder)))
    part = folder / sorted(set(listed.values()))[1]

    part.write_bytes(part.read_bytes()[:-1] + b"\x01")
    assert fingerprint(resolve(str(folder))) != before
    part.unlink()
    with pytest.raises(NotWhole, match=rf"'{part.name}' in .* which .*index.json names"):
        check(folder)


def test_halved_weights_load(folder: Path) -> None:
    """float16, as Florence-2's repositories hold them."""
    weights = load_file(folder / "model.safetensors")
    halved = {name: weight.half() for name, weight in weights.items()}
    save_file(halved, folder / "model.safetensors", metadata={"format": "pt"})

    assert clip_of(load_runtime(str(folder), device="cpu"))


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("special_tokens_map.json", "{"),
        ("tokenizer.json", "{}"),
        ("config.json", '{"model_type": "clip", "vision_config": 3}'),
        ("processor_config.json", '{"image_processor": {"size": {"shortest_edge": 64, "a": 1}}}'),
    ],
)
def test_what_only_the_loader_refuses_is_one_sentence(folder: Path, name: str, text: str) -> None:
    """The libraries raise errors of all classes over such files."""
    (folder / name).write_text(text)

    with pytest.raises(ModelNotAvailable, match="point to a whole checkpoint folder"):
        load_runtime(str(folder), device="cpu")


@pytest.mark.parametrize("name", ["absent.safetensors", "x" * 400, "\x00", "\ud800", ".", "../.."])
def test_an_index_may_name_anything(folder: Path, name: str) -> None:
    """What no file can be called, is no file."""
    (folder / "model.safetensors").unlink()
    index = {"weight_map": {"logit_scale": name}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))

    with pytest.raises(ModelNotAvailable, match="point to a whole checkpoint folder"):
        check(folder)
