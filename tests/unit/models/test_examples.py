"""Every example in the docstrings of the pure modules runs."""

from __future__ import annotations

import doctest
import importlib

import pytest

MODULES = (
    "models.boxes",
    "models.budget",
    "models.clip.crops",
    "models.clip.prompts",
    "models.measures",
    "models.outlines",
    "models.outputs",
    "models.per_box",
    "models.prompts",
    "models.registry",
    "models.scoring",
    "models.tiny.shapes",
)


@pytest.mark.parametrize("name", MODULES)
def test_examples_give_what_they_say(name: str) -> None:
    module = importlib.import_module(name)
    names = {"Box": _types().Box, "ImageSize": _types().ImageSize, **vars(module), **vars(_types())}

    results = doctest.testmod(module, extraglobs=names)

    assert results.failed == 0


def test_there_are_examples_to_run() -> None:
    attempted = sum(doctest.testmod(importlib.import_module(name)).attempted for name in MODULES)

    assert attempted >= 10


def _types():
    return importlib.import_module("models.types")
