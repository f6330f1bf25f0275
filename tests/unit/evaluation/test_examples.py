"""The examples in the docstrings run."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

import backend.evaluation

MODULES = [found.name for found in pkgutil.iter_modules(backend.evaluation.__path__)]


@pytest.mark.parametrize("name", MODULES)
def test_docstring_examples_give_what_they_say(name: str) -> None:
    module = importlib.import_module(f"backend.evaluation.{name}")
    assert doctest.testmod(module).failed == 0
