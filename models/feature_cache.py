"""Features kept by what they were made of, within a bound in bytes; the longest unused goes first."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import TypeVar

from torch import Tensor

__all__ = ["FeatureCache"]

Key = TypeVar("Key", bound=Hashable)
Item = TypeVar("Item")


class FeatureCache:
    """Features of at most `max_bytes` altogether. Not for several threads."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._bytes = 0
        self._kept: OrderedDict[Hashable, Tensor] = OrderedDict()

    def features(
        self,
        wanted: Mapping[Key, Item],
        encode: Callable[[Sequence[Item]], Sequence[Tensor]],
        *,
        at_once: int,
    ) -> dict[Key, Tensor]:
        """Give the features of each item wanted, by its key; `encode` makes those that are not kept.

        `encode` is given up to `at_once` items.
        """
        # Taken out at once: what is put below may push them out.
        found = {key: self._get(key) for key in wanted}
        features = {key: kept for key, kept in found.items() if kept is not None}
        missing = [key for key, kept in found.items() if kept is None]
        for start in range(0, len(missing), at_once):
            batch = missing[start : start + at_once]
            encoded = encode([wanted[key] for key in batch])
            for key, value in zip(batch, encoded, strict=True):
                features[key] = value
                self._put(key, value)
        return features

    def _get(self, key: Hashable) -> Tensor | None:
        if key in self._kept:
            self._kept.move_to_end(key)
        return self._kept.get(key)

    def _put(self, key: Hashable, value: Tensor) -> None:
        """Keep a value; one larger than the whole cache is not kept."""
        if _size(value) > self._max_bytes:
            return
        self._kept[key] = value
        self._bytes += _size(value)
        while self._bytes > self._max_bytes:
            self._bytes -= _size(self._kept.popitem(last=False)[1])


def _size(value: Tensor) -> int:
    return value.numel() * value.element_size()
