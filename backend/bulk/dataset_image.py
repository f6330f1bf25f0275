"""One image of a dataset and what is on it, in pixels."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

__all__ = ["DatasetImage", "Outlined"]


@dataclass(frozen=True, slots=True)
class Outlined:
    """One object: its class, and its outline as xy pixels, or the corners of its box alone."""

    label: str
    points: tuple[tuple[float, float], ...]
    is_box: bool

    @property
    def xyxy(self) -> tuple[float, float, float, float]:
        """The box around it."""
        xs, ys = zip(*self.points, strict=True)
        return min(xs), min(ys), max(xs), max(ys)

    @property
    def area(self) -> float:
        """Square pixels within the outline."""
        ends = (*self.points[1:], self.points[0])
        doubled = sum(
            x * next_y - next_x * y
            for (x, y), (next_x, next_y) in zip(self.points, ends, strict=True)
        )
        return abs(doubled) / 2


@dataclass(frozen=True, slots=True)
class DatasetImage:
    """An image file in the dataset's `images` folder, and what is on it; `size_wh` in pixels."""

    file: Path
    size_wh: tuple[int, int]
    objects: tuple[Outlined, ...]
