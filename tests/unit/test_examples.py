"""Every example in a docstring gives what it says."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

import backend
import models
import training

MODULES = [
    found.name
    for package in (backend, models, training)
    for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
    # Importing this one sets the process up for label_studio_ml's own server.
    if found.name != "backend.processes.label_studio_ml"
]


@pytest.mark.parametrize("name", MODULES)
def test_docstring_examples_give_what_they_say(name: str) -> None:
    assert doctest.testmod(importlib.import_module(name)).failed == 0


def test_there_are_examples_to_run() -> None:
    """A walk that finds no module, or modules without examples, would pass for well."""
    with_examples = [
        name
        for name in MODULES
        if any(
            test.examples for test in doctest.DocTestFinder().find(importlib.import_module(name))
        )
    ]
    assert len(with_examples) >= 40, with_examples
