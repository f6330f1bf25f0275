"""JSON objects; and frozen dataclasses as such, without the fields that hold their defaults. Pure.

Names made of such values (request ids, digests, cache keys) stay as they are when a class gains a field
whose default means "as before".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import MISSING, fields, is_dataclass
from enum import Enum
from types import NoneType
from typing import Any, TypeAlias, cast

__all__ = ["Json", "as_plain"]

#: An object of JSON text.
Json: TypeAlias = dict[str, Any]

#: Field names and defaults of a class: looked up once.
_FIELDS: dict[type, tuple[tuple[str, Any], ...]] = {}
_PLAIN = (str, int, float, bool, NoneType)


def as_plain(value: object) -> Any:
    """Dicts, lists, texts, numbers and `None` for a dataclass, and for what it holds.

    >>> from models.queries import Ground
    >>> as_plain(Ground(("cat",)))
    {'phrases': ['cat']}

    What stands in it several times is made once, and must not be changed.
    """
    return _plain(value, {})


def _plain(value: object, made: dict[int, Any]) -> Any:
    kind = type(value)
    if kind in _PLAIN:
        return value
    if kind is tuple or kind is list:
        items = cast("Sequence[object]", value)
        return [item if type(item) in _PLAIN else _plain(item, made) for item in items]
    if is_dataclass(kind):
        if id(value) not in made:
            made[id(value)] = _fields_of(value, kind, made)
        return made[id(value)]
    match value:
        case Enum():
            return value.value
        case Mapping():
            return {str(key): _plain(content, made) for key, content in value.items()}
        case list() | tuple():
            return [_plain(content, made) for content in value]
        case _:
            return value


def _fields_of(value: object, kind: type, made: dict[int, Any]) -> dict[str, Any]:
    if kind not in _FIELDS:
        _FIELDS[kind] = tuple((field.name, field.default) for field in fields(kind))
    held = ((name, getattr(value, name), default) for name, default in _FIELDS[kind])
    return {
        name: _plain(content, made)
        for name, content, default in held
        if default is MISSING or content != default
    }
