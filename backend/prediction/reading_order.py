"""Pieces of text and where they stand -> the text as a person reads it. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from models.types import Box, Detection

__all__ = ["in_reading_order"]


def in_reading_order(pieces: Sequence[Detection]) -> str:
    """The texts line by line, from the left to the right, with a space between two on one line.

    A piece is on a line when the middle of its height lies within the line's first piece.

    >>> box = lambda x, y: Box(x, y, x + 10, y + 10)
    >>> words = (("world", 20, 1), ("hello", 0, 0), ("again", 0, 30))
    >>> in_reading_order([Detection(box(x, y), text, 0.9) for text, x, y in words])
    'hello world\\nagain'
    """
    lines: list[list[Detection]] = []
    for piece in sorted(pieces, key=lambda piece: (piece.box.y_min, piece.box.x_min)):
        line = next((line for line in lines if _is_beside(piece.box, line[0].box)), None)
        if line is None:
            lines.append([piece])
        else:
            line.append(piece)
    return "\n".join(
        " ".join(piece.phrase for piece in sorted(line, key=lambda piece: piece.box.x_min))
        for line in lines
    )


def _is_beside(box: Box, first: Box) -> bool:
    return first.y_min <= (box.y_min + box.y_max) / 2 <= first.y_max
