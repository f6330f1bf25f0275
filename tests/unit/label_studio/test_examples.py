"""The examples in the docstrings run."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

import backend.label_studio

MODULES = [
    found.name
    for found in pkgutil.iter_modules(backend.label_studio.__path__)
    if found.name != "ml_model"  # importing it sets the process up for its own server
]


@pytest.mark.parametrize("name", MODULES)
def test_docstring_examples_give_what_they_say(name: str) -> None:
    outcome = doctest.testmod(importlib.import_module(f"backend.label_studio.{name}"))
    assert outcome.failed == 0


def test_there_are_examples_to_run() -> None:
    attempted = sum(
        doctest.testmod(importlib.import_module(f"backend.label_studio.{name}")).attempted
        for name in MODULES
    )
    assert attempted >= 5
