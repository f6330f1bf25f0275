"""A tag that says something is known wherever it has to be; mypy holds the rest of `tag_values` to that."""

from __future__ import annotations

from typing import Any, get_args

import pytest

from backend.label_config.control_tags import ValueTag
from backend.prediction.read_regions import ReadRegion, read_region
from backend.prediction.tag_values import VALUE_CHECKS

#: A value of each type of region; a new tag brings its own.
VALUES: dict[str, dict[str, Any]] = {
    "choices": {"choices": ["street"]},
    "taxonomy": {"taxonomy": [["animal", "dog"]]},
    "textarea": {"text": ["a dog in the street"]},
}


def test_each_tag_has_its_check() -> None:
    """Of all that the type names, by the type of its regions."""
    assert VALUE_CHECKS.keys() == {tag.kind.lower() for tag in get_args(ValueTag)}


@pytest.mark.parametrize("kind", VALUE_CHECKS)
def test_what_each_tag_says_is_read_again(kind: str) -> None:
    """Its check takes the value, and `read_regions` finds its words, for reports and contact sheets."""
    VALUE_CHECKS[kind](VALUES[kind], kind)

    found = read_region({"type": kind, "value": VALUES[kind]})

    assert isinstance(found, ReadRegion)
    assert found.words
