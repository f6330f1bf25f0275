"""Frozen dataclasses as plain JSON values, without the fields that hold their defaults. Pure.

Names made of such values (request ids, digests, cache keys) stay as they are when a class gains a field
whose default means "as before".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from enum import Enum
from typing import Any

__all__ = ["as_plain"]


def as_plain(value: object) -> Any:
    """Dicts, lists, texts, numbers and `None` for a dataclass, and for what it holds.

    >>> from models.queries import Ground
    >>> as_plain(Ground(("cat",)))
    {'phrases': ['cat']}
    """
    if is_dataclass(value):
        held = {field.name: (getattr(value, field.name), field.default) for field in fields(value)}
        return {
            name: as_plain(content)
            for name, (content, default) in held.items()
            if default is MISSING or content != default
        }
    match value:
        case Enum():
            return value.value
        case Mapping():
            return {str(key): as_plain(content) for key, content in value.items()}
        case list() | tuple():
            return [as_plain(content) for content in value]
        case _:
            return value
