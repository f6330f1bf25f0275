"""A cache bounded by bytes that forgets what was used longest ago."""

from __future__ import annotations

from collections import OrderedDict
from typing import Generic, TypeVar

__all__ = ["FeatureCache"]

Value = TypeVar("Value")


class FeatureCache(Generic[Value]):
    """Maps content keys to features of at most `max_bytes` altogether. Not for several threads."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._bytes = 0
        self._kept: OrderedDict[str, tuple[Value, int]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._kept)

    @property
    def bytes_held(self) -> int:
        """Bytes of all that is kept."""
        return self._bytes

    def get(self, key: str) -> Value | None:
        """Gives what is kept under the key, and marks it as just used."""
        found = self._kept.get(key)
        if found is None:
            return None
        self._kept.move_to_end(key)
        return found[0]

    def put(self, key: str, value: Value, size: int) -> None:
        """Keeps a value of `size` bytes; one larger than the whole cache is not kept."""
        if key in self._kept:
            self._bytes -= self._kept.pop(key)[1]
        if size > self._max_bytes:
            return
        self._kept[key] = (value, size)
        self._bytes += size
        while self._bytes > self._max_bytes:
            _, (_, forgotten) = self._kept.popitem(last=False)
            self._bytes -= forgotten
