"""What a tag's `value` points to in a task's data, read as Label Studio's editor reads it. Pure.

`$image` is a key, `$photos[0].src` a path, and `https://host/$name` a text with one put in. The editor
takes a key before a path of the same spelling.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

__all__ = ["MISSING", "is_expression", "path_of", "placed", "reached", "value_of"]

#: Stands for what the data does not hold; `None` may be held.
MISSING = object()
#: Of one list that a task of a folder is made with: more places before the one that is meant are a slip.
MAX_INDEX = 1000
#: JavaScript writes whole numbers below this one without an exponent.
_PLAIN_FLOATS = 1e21

_PART = re.compile(r"[^.\[\]]+\]?")
_VARIABLE = re.compile(r"\$([A-Za-z0-9_\[\].{}]+)")


def is_expression(value: str) -> bool:
    """Whether it points to a task's data at all.

    >>> is_expression("$image"), is_expression("https://host/$name"), is_expression("a.png")
    (True, True, False)
    """
    return path_of(value) is not None or _VARIABLE.search(value) is not None


def path_of(value: str) -> str | None:
    """The key or path, where that is the whole of it; `None` for a text around others.

    >>> path_of("$photos[0].src"), path_of("https://host/$name")
    ('photos[0].src', None)
    """
    return value[1:] if value.startswith("$") and value.count("$") == 1 and value[1:] else None


def value_of(expression: str, data: Mapping[str, Any]) -> Any:
    """What it points to; `MISSING` where that, or a part of the text, is not there.

    >>> data = {"photos": [{"src": "a.png"}], "name": "b.png"}
    >>> value_of("$photos[0].src", data), value_of("https://host/$name", data)
    ('a.png', 'https://host/b.png')
    """
    whole = path_of(expression)
    if whole is not None and (whole in data or _VARIABLE.fullmatch(expression)):
        return _at(whole, data)
    found = {match[1]: _at(match[1], data) for match in _VARIABLE.finditer(expression)}
    if any(not isinstance(each, str | int | float) for each in found.values()):
        return MISSING
    return _VARIABLE.sub(lambda match: _as_text(found[match[1]]), expression)


def reached(expression: str, data: Mapping[str, Any]) -> tuple[str, Any]:
    """Of a path that leads nowhere: how far it does lead, and what is there; an empty path for not at all.

    >>> reached("$photos[1].src", {"photos": [{"src": "a.png"}]})
    ('photos', [{'src': 'a.png'}])
    """
    path = path_of(expression) or ""
    ways = [path[: part.end()] for part in _PART.finditer(path)]
    there = ((way, _at(way, data)) for way in reversed(ways))
    return next((each for each in there if each[1] is not MISSING), ("", MISSING))


def placed(path: str, content: object) -> dict[str, Any] | None:
    """The least data that holds `content` at a path; `None` where none can be made.

    >>> placed("photos[1].src", "a.png")
    {'photos': [None, {'src': 'a.png'}]}
    """
    if _VARIABLE.fullmatch(f"${path}") is None:
        return {path: content}
    parts = _parts(path)
    for number, part in reversed(list(enumerate(parts))):
        if number and part.isdecimal():
            if int(part) > MAX_INDEX:
                return None
            content = [*[None] * int(part), content]
        else:
            content = {part: content}
    return content if isinstance(content, dict) else None


def _at(path: str, data: Mapping[str, Any]) -> Any:
    if path in data:
        return data[path]
    found: Any = data
    for part in _parts(path):
        match found:
            case Mapping() if part in found:
                found = found[part]
            case list() if _is_index(part) and int(part) < len(found):
                found = found[int(part)]
            case _:
                return MISSING
    return found


def _as_text(value: str | float) -> str:
    """As JavaScript puts it into a text.

    >>> _as_text(True), _as_text(3.0), _as_text("a")
    ('true', '3', 'a')
    """
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer() and abs(value) < _PLAIN_FLOATS:
        return str(int(value))
    return str(value)


def _parts(path: str) -> list[str]:
    """The names and numbers between the dots and brackets."""
    return [part for part in re.split(r"[.\[\]]", path) if part]


def _is_index(part: str) -> bool:
    """Whether it is a place in a list as JavaScript spells it: `01` is none."""
    return part.isascii() and part.isdecimal() and len(part) < 10 and part == str(int(part))
