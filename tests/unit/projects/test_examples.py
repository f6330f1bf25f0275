"""Every example in a docstring of the packages for Label Studio's API and for projects is run."""

from __future__ import annotations

import doctest
from types import ModuleType

import pytest

from backend.label_studio import model_version, task_walk
from backend.projects import our_backend


@pytest.mark.parametrize("module", [model_version, our_backend, task_walk])
def test_the_examples_are_true(module: ModuleType) -> None:
    outcome = doctest.testmod(module)
    assert outcome.attempted > 0
    assert outcome.failed == 0
