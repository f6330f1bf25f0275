"""What the checks of regions are made of: texts, paths and numbers that Label Studio's editor can open. Pure."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from backend.errors import InvalidPrediction

__all__ = ["Check", "check_number", "is_path", "is_text", "listed"]

#: Takes a region's value and where it stands, in words; raises `InvalidPrediction`.
Check: TypeAlias = Callable[[Mapping[str, Any], str], None]

_HALF = re.compile("[\ud800-\udfff]")


def listed(key: str, fits: Callable[[object], bool]) -> Check:
    """Give the check that there is a list under a key, not empty, whose entries all fit."""

    def check(value: Mapping[str, Any], where: str) -> None:
        found = value.get(key)
        if not (isinstance(found, list) and found and all(map(fits, found))):
            what = "paths" if fits is is_path else key
            raise InvalidPrediction(f"{where}: expected a list of {what}, got {found!r:.80}")

    return check


def is_text(value: object) -> bool:
    """Tell whether it is a text, with no half a character: such a row's task could not be listed any more."""
    return isinstance(value, str) and bool(value) and _HALF.search(value) is None


def is_path(value: object) -> bool:
    """Tell whether it is a list of texts, not empty."""
    return isinstance(value, list) and bool(value) and all(is_text(each) for each in value)


def check_number(number: object, least: float, most: float, what: str) -> None:
    """Raise `InvalidPrediction` for what is no finite number between these two."""
    if isinstance(number, bool) or not isinstance(number, int | float):
        raise InvalidPrediction(f"{what}: expected a number, got {number!r:.80}")
    if not (math.isfinite(number) and least <= number <= most):
        raise InvalidPrediction(f"{what}: expected {least}..{most}, got {number}")
