"""The check of a folder: as strict as the loader and no stricter, and never at a loss for words."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

from models.catalogue import REGISTRY, TINY_FOLDER, ModelNotAvailable
from models.file_checks import check_files
from models.registry import fingerprint, resolve

PINNED = (
    Path(__file__).parents[2]
    / "hub/repositories/openai/clip-vit-base-patch32/3d74acf9a28c67741b2f4f2ea7635f0aaf6f0268"
)
REAL = json.loads((PINNED / "preprocessor_config.json").read_text())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A whole CLIP, to be spoilt."""
    return Path(shutil.copytree(TINY_FOLDER / "clip", tmp_path / "clip"))


@pytest.fixture(scope="module")
def scratch() -> Iterator[Path]:
    """The same for properties, which write into it again and again."""
    with tempfile.TemporaryDirectory() as home:
        yield Path(shutil.copytree(TINY_FOLDER / "clip", Path(home) / "clip"))


def check(folder: Path) -> None:
    (entry,) = resolve(str(folder))
    check_files(entry, folder)


def processor(folder: Path, content: object, name: str = "preprocessor_config.json") -> None:
    (folder / "processor_config.json").unlink(missing_ok=True)
    (folder / name).write_text(json.dumps(content))


def loads(folder: Path) -> bool:
    """Whether the loader takes the image processor's files, and an image goes through."""
    try:
        made = CLIPImageProcessorPil.from_pretrained(folder, local_files_only=True)
        made(images=[Image.new("RGB", (40, 30))], return_tensors="pt")
    except Exception:  # noqa: BLE001 - whatever it raises, it does not load
        return False
    return True


def test_the_pinned_clip_passes_with_sizes_that_are_numbers(folder: Path) -> None:
    """As its repository has had them since 2021; as `save_pretrained` writes them, too."""
    assert (REAL["size"], REAL["crop_size"]) == (224, 224)
    for size in (224, {"shortest_edge": 224}, {"height": 224, "width": 224}, [224, 224]):
        processor(folder, {**REAL, "size": size})
        check_files(REGISTRY["clip-vit-b-32"], folder)
    processor(folder, {key: value for key, value in REAL.items() if "size" not in key})
    check_files(REGISTRY["clip-vit-b-32"], folder)


@pytest.mark.parametrize("size", [100, {"shortest_edge": 100}, [100, 100]])
def test_another_size_than_the_registry_says_is_refused(folder: Path, size: object) -> None:
    processor(folder, {**REAL, "size": size, "crop_size": size})

    with pytest.raises(ModelNotAvailable, match="images of 224 pixels, got 100"):
        check_files(REGISTRY["clip-vit-b-32"], folder)


SIDE = st.integers(1, 64)
RIGHT = (
    SIDE
    | st.lists(SIDE, min_size=2, max_size=3)
    | st.fixed_dictionaries({"shortest_edge": SIDE}, optional={"longest_edge": SIDE})
    | st.fixed_dictionaries({"height": SIDE, "width": SIDE})
    | st.fixed_dictionaries({"max_height": SIDE, "max_width": SIDE})
)
ODD = st.integers(-2, 0) | st.booleans() | st.none() | st.sampled_from(["8", 8.0, [8]])
KEYS = st.sampled_from(["shortest_edge", "height", "width", "longest_edge", "max_height"])
SIZES = RIGHT | ODD | st.lists(ODD, max_size=3) | st.dictionaries(KEYS, SIDE | ODD, max_size=2)
CONFIGS = st.fixed_dictionaries(
    {"do_rescale": st.just(True), "image_mean": st.just(0.5), "image_std": st.just(0.5)},
    optional={
        "size": SIZES,
        "crop_size": SIZES,
        "do_resize": st.booleans(),
        "do_center_crop": st.booleans(),
        "image_processor": st.none() | st.integers() | st.just({}),
    },
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(CONFIGS, st.sampled_from(["preprocessor_config.json", "processor_config.json"]))
def test_what_the_loader_takes_the_check_takes(
    scratch: Path, content: dict[str, Any], name: str
) -> None:
    """Whatever the shape of the sizes."""
    for old in scratch.glob("*processor_config.json"):
        old.unlink()
    processor(scratch, content, name)

    if loads(scratch):
        check(scratch)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)
PARTS_OF = {
    "config.json": ("model_type", "vision_config", "text_config"),
    "preprocessor_config.json": ("size", "crop_size", "do_resize", "image_seq_length"),
    "processor_config.json": ("image_processor",),
    "model.safetensors.index.json": ("weight_map", "metadata"),
    "tokenizer.json": ("model",),
}


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_whatever_json_it_meets_it_raises_its_own_error(scratch: Path, data: st.DataObject) -> None:
    """For each of the files, of whatever kind of model."""
    name = data.draw(st.sampled_from(sorted(PARTS_OF)))
    known = st.fixed_dictionaries({}, optional=dict.fromkeys(PARTS_OF[name], JSON))
    content = data.draw(JSON | known)
    before = {path: path.read_bytes() for path in scratch.iterdir()}
    if name == "model.safetensors.index.json":
        (scratch / "model.safetensors").unlink()
    (scratch / name).write_text(json.dumps(content), encoding="utf-8")
    try:
        for entry in (REGISTRY["tiny-florence2"], REGISTRY["clip-vit-b-32"], REGISTRY["tiny-clip"]):
            with suppress(ModelNotAvailable):
                check_files(entry, scratch)
        with suppress(ModelNotAvailable):
            fingerprint(resolve(str(scratch)))
    finally:
        (scratch / name).unlink()
        for path, was in before.items():
            path.write_bytes(was)


@pytest.mark.parametrize("text", ["", "{", '{"model_type": "cl', "[" * 100_000, "\x00", "[]", "3"])
@pytest.mark.parametrize("name", ["config.json", "tokenizer.json", "processor_config.json"])
def test_half_written_json_is_one_sentence(folder: Path, name: str, text: str) -> None:
    """With the file, what was expected, and what to do."""
    (folder / name).write_text(text)

    with pytest.raises(ModelNotAvailable, match=name) as caught:
        check(folder)

    assert "point to a" in str(caught.value)
    assert len(str(caught.value)) < 600
