"""The shapes that scenes are made of, as outlines around the origin."""

from __future__ import annotations

import math

from models.types import Point

__all__ = ["SHAPES", "outline", "turned"]

SHAPES = ("circle", "square", "triangle", "star", "ring", "cross", "heart")


def outline(shape: str, radius: float) -> tuple[Point, ...]:
    """Gives the corners of a shape around (0, 0), y pointing down; a ring's outer edge.

    Raises `ValueError` for a shape that is not in `SHAPES`.

    >>> [(round(x), round(y)) for x, y in outline("square", 10)]
    [(8, 8), (-8, 8), (-8, -8), (8, -8)]
    """
    match shape:
        case "circle" | "ring":
            return _regular(36, radius)
        case "square":
            return _regular(4, radius * 1.1, start=math.pi / 4)
        case "triangle":
            return _regular(3, radius * 1.12, start=-math.pi / 2)
        case "star":
            return tuple(
                _polar(radius * (1.12 if corner % 2 == 0 else 0.46), math.pi * (corner / 5 - 0.5))
                for corner in range(10)
            )
        case "cross":
            return _cross(long=radius * 1.05, short=radius * 0.36)
        case "heart":
            return tuple(_heart(2 * math.pi * step / 36, radius) for step in range(36))
        case _:
            raise ValueError(f"expected one of {', '.join(SHAPES)}, got {shape!r}")


def turned(points: tuple[Point, ...], angle: float) -> tuple[Point, ...]:
    """Gives the points turned around (0, 0) by `angle` radians, clockwise on the screen."""
    cos, sin = math.cos(angle), math.sin(angle)
    return tuple((x * cos - y * sin, x * sin + y * cos) for x, y in points)


def _polar(radius: float, angle: float) -> Point:
    return radius * math.cos(angle), radius * math.sin(angle)


def _regular(corners: int, radius: float, start: float = 0.0) -> tuple[Point, ...]:
    return tuple(_polar(radius, start + 2 * math.pi * k / corners) for k in range(corners))


def _cross(*, long: float, short: float) -> tuple[Point, ...]:
    quarter = ((-short, -long), (short, -long), (short, -short))
    return tuple(point for turns in range(4) for point in turned(quarter, turns * math.pi / 2))


def _heart(t: float, radius: float) -> Point:
    up = 13 * math.cos(t) - 5 * math.cos(2 * t) - 2 * math.cos(3 * t) - math.cos(4 * t)
    return radius * math.sin(t) ** 3, -radius * up / 16
