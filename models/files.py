"""Which files make a model: one rule for pulling, finding, checking and naming. Pure, of names alone."""

from __future__ import annotations

import re
from collections.abc import Iterable

__all__ = ["WEIGHTS", "WORDS", "model_files", "shard_files", "weights_file"]

#: Files that hold weights, or say which files do; where there are several, the loader takes the first.
WEIGHTS = (
    "model.safetensors",
    "model.safetensors.index.json",
    "pytorch_model.bin",
    "pytorch_model.bin.index.json",
)
#: Any of these holds a tokenizer's words. Without one transformers makes an empty tokenizer, and says
#: nothing.
WORDS = ("tokenizer.json", "vocab.json", "tokenizer.model", "spiece.model")

_INDEX = ".index.json"
_SMALL = (".json", ".txt", ".model")


def weights_file(names: Iterable[str]) -> str | None:
    """Gives the file of `names` that the loader begins with: weights, or the index of their parts.

    >>> weights_file(["config.json", "pytorch_model.bin", "model.safetensors"])
    'model.safetensors'
    """
    there = set(names)
    return next((name for name in WEIGHTS if name in there), None)


def shard_files(names: Iterable[str], weights: str) -> tuple[str, ...]:
    """Gives the parts that `weights` lists, going by their names; none if it is no index.

    >>> shard_files(["model-00001-of-00002.safetensors", "a.txt"], "model.safetensors.index.json")
    ('model-00001-of-00002.safetensors',)
    """
    if not weights.endswith(_INDEX):
        return ()
    stem, suffix = weights.removesuffix(_INDEX).rsplit(".", 1)
    part = re.compile(rf"{re.escape(stem)}-\d+-of-\d+\.{re.escape(suffix)}")
    return tuple(sorted(name for name in names if part.fullmatch(name)))


def model_files(names: Iterable[str]) -> tuple[str, ...]:
    """Gives those of a folder's or repository's files that make the model, the weights last.

    Weights of other kinds, and what lies in folders below, are left out. Who brings them in this order
    has them all once the weights are there.

    >>> model_files(["README.md", "model.safetensors", "config.json", "merges.txt", "tf_model.h5"])
    ('config.json', 'merges.txt', 'model.safetensors')
    """
    names = sorted(names)
    small = [
        name
        for name in names
        if name.endswith(_SMALL) and "/" not in name and not name.endswith(_INDEX)
    ]
    weights = weights_file(names)
    if weights is None:
        return tuple(small)
    return (*small, *shard_files(names, weights), weights)
