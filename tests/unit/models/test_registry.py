"""What a model setting stands for, without loading anything."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from models.catalogue import REGISTRY, TINY_FOLDER
from models.queries import (
    Caption,
    Classify,
    Contour,
    DenseCaption,
    Detect,
    Embed,
    EmbedTexts,
    Ground,
    InBox,
    Judge,
    PerBox,
    ProposeRegions,
    Query,
    ReadText,
    SearchIndex,
    Segment,
)
from models.registry import (
    ModelNotAvailable,
    asked_of,
    fingerprint,
    reason_not_served,
    resolve,
    serves,
)
from models.tiny.scenes import BACKGROUND_NAMES, COLORS, SHAPES
from models.types import Box


def test_tiny_stands_for_both_bundled_checkpoints() -> None:
    assert [entry.name for entry in resolve("tiny")] == ["tiny-florence2", "tiny-clip"]


def test_florence_comes_first_whatever_the_order() -> None:
    names = [entry.name for entry in resolve(" clip-vit-b-32 , florence-2-base ")]

    assert names == ["florence-2-base", "clip-vit-b-32"]


def test_several_of_a_kind_keep_their_order() -> None:
    """The first of each is asked where none is named; CLIP and SigLIP are one kind."""
    setting = "siglip2-base,florence-2-large-ft,clip-vit-b-32,florence-2-base"
    entries = resolve(setting)

    names = [entry.name for entry in entries]
    assert names == ["florence-2-large-ft", "florence-2-base", "siglip2-base", "clip-vit-b-32"]
    unnamed = [entry.name for entry in asked_of(entries, None)]
    assert unnamed == ["florence-2-large-ft", "siglip2-base"]
    assert asked_of(entries, "florence-3") == ()


@pytest.mark.parametrize(
    "entry", [e for e in REGISTRY.values() if e.repository], ids=lambda entry: entry.name
)
def test_hub_entries_are_pinned_to_a_commit(entry: object) -> None:
    assert re.fullmatch(r"[0-9a-f]{40}", getattr(entry, "revision", None) or "")


@pytest.mark.parametrize(
    ("setting", "says"),
    [
        ("", "empty setting"),
        (" , ", "empty setting"),
        ("florence-3", "firstpass models list"),
        ("/no/such/folder", "no/such/folder"),
        ("x" * 5000, "firstpass models list"),
        ("~nobody-of-this-name/model", "correct the path"),
        ("tiny@0123456", "ships with Firstpass"),
        ("tiny-clip@main", "ships with Firstpass"),
        ("florence-2-base@0092abc", "40 hexadecimal digits"),
        ("florence-2-base@main", "40 hexadecimal digits"),
        ("clip-vit-b-32,clip-vit-b-32@3d74acf9a28c67741b2f4f2ea7635f0aaf6f0268", "each model once"),
        ("tiny,tiny-clip", "name tiny-clip once"),
        ("florence-2-base,florence-2-base", "each model once"),
    ],
)
def test_a_wrong_setting_is_refused_with_what_to_do(setting: str, says: str) -> None:
    with pytest.raises(ModelNotAvailable, match=says):
        resolve(setting)


@pytest.mark.parametrize(
    ("config", "says"),
    [
        (None, "config.json"),
        ("{not json", "config.json"),
        ("[]", "config.json"),
        (json.dumps({"model_type": "bert"}), "bert"),
        (json.dumps({"model_type": "davit"}), "florence-community"),
    ],
)
def test_a_folder_that_is_no_checkpoint_is_refused(
    tmp_path: Path, config: str | None, says: str
) -> None:
    if config is not None:
        (tmp_path / "config.json").write_text(config)

    with pytest.raises(ModelNotAvailable, match=says) as refused:
        resolve(str(tmp_path))
    assert "Error(" not in str(refused.value)


def test_a_local_folder_is_recognised_by_its_config() -> None:
    (entry,) = resolve(str(TINY_FOLDER / "clip"))

    assert (entry.kind, entry.folder) == ("clip", TINY_FOLDER / "clip")


def test_the_fingerprint_names_the_content_of_a_folder_and_not_its_place(tmp_path: Path) -> None:
    first, second = tmp_path / "one", tmp_path / "two"
    shutil.copytree(TINY_FOLDER / "clip", first)
    shutil.copytree(TINY_FOLDER / "clip", second)

    before = fingerprint(resolve(str(second)))

    assert fingerprint(resolve(str(first))) == before
    weights = second / "model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1  # same size, another weight
    weights.write_bytes(bytes(content))
    assert fingerprint(resolve(str(second))) != before


def test_the_name_of_a_model_that_is_asked_by_name_counts(tmp_path: Path) -> None:
    """Two folders that change places give other answers under the same names."""
    one, other = tmp_path / "one", tmp_path / "other"
    for folder in (one, other):
        shutil.copytree(TINY_FOLDER / "clip", folder)

    assert fingerprint(resolve(f"tiny,{one}")) != fingerprint(resolve(f"tiny,{other}"))


@pytest.mark.parametrize(
    ("setting", "before"),
    [("tiny", "a5884afb30a3"), ("florence-2-base,clip-vit-b-32", "792edb1bff46")],
)
def test_one_of_each_has_the_fingerprint_that_it_had(setting: str, before: str) -> None:
    """Predictions made before several could be loaded stay valid; new answers come with a new one."""
    assert fingerprint(resolve(setting)) == before


def test_the_order_of_models_changes_the_fingerprint() -> None:
    """Another one answers where none is named."""
    names = ("florence-2-base", "florence-2-large")

    assert fingerprint(resolve(",".join(names))) != fingerprint(resolve(",".join(names[::-1])))


def test_fingerprints_are_short_and_differ_between_models() -> None:
    settings = ["tiny", "tiny-clip", "florence-2-base", "florence-2-large", "siglip2-base"]
    prints = {fingerprint(resolve(setting)) for setting in settings}

    assert len(prints) == len(settings)
    assert all(re.fullmatch(r"[0-9a-f]{12}", each) for each in prints)


def test_each_model_says_what_it_serves() -> None:
    assert serves(resolve("tiny-clip")) == {
        *(Classify, Contour, Embed, EmbedTexts, Judge, SearchIndex)
    }
    assert serves(resolve("florence-2-base,clip-vit-b-32")) == {
        Ground,
        Detect,
        DenseCaption,
        ProposeRegions,
        Classify,
        Caption,
        ReadText,
        Segment,
        InBox,
        Contour,
        Embed,
        EmbedTexts,
        Judge,
        SearchIndex,
    }
    assert serves(resolve("tiny")) == {
        *(Ground, Detect, Caption, InBox),
        *(Classify, Contour, Embed, EmbedTexts, Judge, SearchIndex),
    }


def test_the_tiny_model_says_what_it_was_not_trained_for() -> None:
    tiny, real = resolve("tiny"), resolve("florence-2-base")
    box = Box(0, 0, 5, 5)

    for query in (
        Caption("detailed"),
        InBox(box, "description"),
        InBox(box, "text"),
        InBox(box, "outline"),
        PerBox(Ground(("star",)), "description"),
        ReadText(),
        DenseCaption(),
        ProposeRegions(),
    ):
        assert reason_not_served(tiny, query) is not None
        assert reason_not_served(real, query) is None
    assert reason_not_served(tiny, Caption()) is None
    assert reason_not_served(real, Classify(("a",))) is not None


@pytest.mark.parametrize(
    ("setting", "query", "says"),
    [
        ("tiny", Ground(("star", "<loc_5>")), "'<loc_5>'"),
        ("tiny", Ground(("a </s>",), mode="joined"), "'</s>'"),
        ("florence-2-base", Segment("<poly>"), "'<poly>'"),
        ("tiny", Classify(("night", "<|endoftext|>")), "endoftext"),
        ("siglip2-base", Classify(("<bos>",)), "'<bos>'"),
    ],
)
def test_control_tokens_are_found_without_a_model(setting: str, query: Query, says: str) -> None:
    reason = reason_not_served(resolve(setting), query)

    assert reason is not None
    assert says in reason
    assert "control token" in reason


@pytest.mark.parametrize(
    ("query", "says"),
    [
        (Caption(model="florence-3"), "is loaded (tiny-florence2, florence-2-base"),
        (Caption(model="tiny-clip"), "tiny-clip answers no Caption"),
        (ReadText(), "tiny-florence2, tiny-clip answers no ReadText; florence-2-base would"),
        (PerBox(Ground(("car",)), Classify(("red",)), model="florence-2-base"), "no Classify"),
        (PerBox(Ground(("car",), model="tiny-clip"), "category"), "tiny-clip answers no Ground"),
    ],
)
def test_a_model_that_cannot_answer_is_named(query: Query, says: str) -> None:
    """The one that is asked, and those that could be."""
    assert says in (reason_not_served(resolve("tiny,florence-2-base"), query) or "")


def test_a_model_that_is_named_answers_what_the_first_cannot() -> None:
    entries = resolve("tiny,florence-2-base")

    assert reason_not_served(entries, ReadText(model="florence-2-base")) is None
    assert reason_not_served(entries, Caption("detailed", model="florence-2-base")) is None
    assert "detailed" in (reason_not_served(entries, Caption("detailed")) or "")


def test_asking_the_registry_imports_no_torch() -> None:
    code = (
        "import sys; from models.registry import resolve, fingerprint, serves; "
        "e = resolve('tiny'); fingerprint(e); serves(e); "
        "sys.exit('torch' in sys.modules or 'transformers' in sys.modules or 'numpy' in sys.modules)"
    )

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_words_of_the_tiny_models_are_those_of_their_scenes() -> None:
    """What a person is told that they were taught is what they were."""
    florence, clip = resolve("tiny")

    assert florence.taught == (*SHAPES, "shape", "object")
    assert clip.taught == (*BACKGROUND_NAMES, *SHAPES, *COLORS)
    assert [name for name, entry in REGISTRY.items() if entry.taught] == [
        "tiny-florence2",
        "tiny-clip",
    ]
