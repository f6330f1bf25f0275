"""Which of a repository's or folder's files make the model."""

from __future__ import annotations

import pytest

from models.files import model_files, weights_file

SMALL = ["config.json", "preprocessor_config.json", "tokenizer.json", "vocab.txt", "spiece.model"]
OTHERS = [
    *("README.md", ".gitattributes", "flax_model.msgpack", "tf_model.h5", "onnx/config.json"),
    *("tf_model.h5.index.json", "rust_model.ot", "training_args.bin"),
]
PARTS = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"]
OLD_PARTS = ["pytorch_model-00001-of-00001.bin"]


@pytest.mark.parametrize(
    ("weights", "taken"),
    [
        (["model.safetensors"], ["model.safetensors"]),
        (["pytorch_model.bin"], ["pytorch_model.bin"]),
        (["model.safetensors", "pytorch_model.bin"], ["model.safetensors"]),
        ([*PARTS, "model.safetensors.index.json"], [*PARTS, "model.safetensors.index.json"]),
        (
            [*OLD_PARTS, "pytorch_model.bin.index.json"],
            [*OLD_PARTS, "pytorch_model.bin.index.json"],
        ),
        (
            [*PARTS, "model.safetensors.index.json", *OLD_PARTS, "pytorch_model.bin.index.json"],
            [*PARTS, "model.safetensors.index.json"],
        ),
        (["model.safetensors", *PARTS, "model.safetensors.index.json"], ["model.safetensors"]),
        ([], []),
    ],
)
def test_one_kind_of_weights_is_taken_and_comes_last(weights: list[str], taken: list[str]) -> None:
    """That which the loader takes; who stops in between has no weights, and is seen to be not whole."""
    assert model_files([*weights, *OTHERS, *SMALL]) == (*sorted(SMALL), *taken)


def test_an_index_stands_for_its_parts() -> None:
    assert weights_file(["model.safetensors.index.json"]) == "model.safetensors.index.json"
    assert weights_file(PARTS) is None
