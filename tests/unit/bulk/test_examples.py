"""The examples in the docstrings run."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

import backend.bulk

MODULES = [found.name for found in pkgutil.iter_modules(backend.bulk.__path__)]


@pytest.mark.parametrize("name", MODULES)
def test_docstring_examples_give_what_they_say(name: str) -> None:
    outcome = doctest.testmod(importlib.import_module(f"backend.bulk.{name}"))
    assert outcome.failed == 0
