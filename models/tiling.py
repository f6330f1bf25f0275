"""Tiles of a large image, and what was found in them made into one answer. Pure functions.

Boxes and tiles are xyxy in pixels of the whole upright image. What a tile's inner border cuts through is
the hard part. A box that ends at such a border shows a fragment of a thing, and fragments are misread:
half a circle looks like a heart. So a fragment counts for nothing where another tile showed it with
all that is around it, or where a box from elsewhere, cut by the same border, would look the same.
Fragments left over belong to things larger than the overlap; those that meet are joined.

Of what fits into a tile, the tile is a closer look than the whole image, and its word is taken, be it
that there is nothing. For the rest the whole image has its say beside the tiles.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from models.boxes import inside_share, intersection, iou
from models.postprocess import without_doubles, without_groups
from models.queries import MIN_TILE_PX
from models.types import Box, Detection, ImageSize

__all__ = ["Look", "Tile", "merged", "quarters", "tiles_of"]

#: Tiles grow until no more than these are needed.
MAX_TILES = 64
#: A side this near a tile's border, as a share of the tile's side, ends there: ten location bins.
_AT_BORDER = 0.01
#: Two views of one fragment overlap more than this (IoU), in what both tiles show.
_SAME_PART = 0.5
#: Of a fragment, a tile up to this many times larger is a better look, since it shows what is around.
_COMPARABLE = 2.0
#: Of a whole box, a tile this many times smaller is.
_CLOSER = 1.5
#: Two boxes of one phrase seen in two tiles are one thing from this overlap (IoU) on. Lower than for
#: one view, where two boxes are two things: a view from afar places small things roughly.
_DOUBLE_IOU = 0.4
#: Boxes of its own phrase in a box that make it a group, as in `postprocess.CleanRules`.
_GROUP_OF = 2


@dataclass(frozen=True, slots=True)
class Tile:
    """A part of an image, in whole pixels of the image; the whole image is one too."""

    left: int
    top: int
    width: int
    height: int

    @property
    def box(self) -> Box:
        """The part as a box on the image."""
        return Box(self.left, self.top, self.left + self.width, self.top + self.height)

    @property
    def size(self) -> ImageSize:
        """Width and height."""
        return ImageSize(self.width, self.height)


@dataclass(frozen=True, slots=True)
class Look:
    """What was found in one tile; `complete` when the model said all it had to say."""

    tile: Tile
    found: tuple[Detection, ...]
    complete: bool = True


@dataclass(frozen=True, slots=True)
class _Piece:
    """A detection and the look, by number, that it came from."""

    found: Detection
    look: int


def tiles_of(area: Tile, side_px: int, overlap: float) -> tuple[Tile, ...]:
    """Gives tiles of `side_px` that cover an area, evenly laid, row by row; none if it is no larger.

    Neighbours share at least `overlap` of a side. The tiles are larger where there would be more than
    `MAX_TILES`.

    >>> [(tile.left, tile.width) for tile in tiles_of(Tile(0, 0, 250, 90), 100, 0.25)]
    [(0, 100), (75, 100), (150, 100)]
    """
    side = side_px
    while True:
        lefts, tops = _starts(area.width, side, overlap), _starts(area.height, side, overlap)
        if len(lefts) * len(tops) <= MAX_TILES:
            break
        side = math.ceil(side * 1.05)
    if len(lefts) == len(tops) == 1:
        return ()
    width, height = min(side, area.width), min(side, area.height)
    return tuple(
        Tile(area.left + left, area.top + top, width, height) for top in tops for left in lefts
    )


def quarters(tile: Tile, overlap: float) -> tuple[Tile, ...]:
    """Gives four overlapping parts of a tile, two of a long one, none of one too small to part.

    >>> [part.width for part in quarters(Tile(0, 0, 300, 100), 0.2)]
    [167, 167]
    """
    side = math.ceil(max(tile.width, tile.height) / (2 - overlap))
    return () if side < MIN_TILE_PX else tiles_of(tile, side, overlap)


def merged(looks: Sequence[Look], size: ImageSize) -> list[Detection]:
    """Gives one answer from looks at an image of that size and at tiles of it, surest first.

    A single look's answer is given as it is.
    """
    if len(looks) == 1:
        return list(looks[0].found)
    pieces = [_Piece(found, number) for number, look in enumerate(looks) for found in look.found]
    full: list[_Piece] = []
    cut: list[_Piece] = []
    for piece in pieces:
        is_cut = _ends_at_border(piece.found.box, _tile(piece, looks), size)
        if not _overruled(piece, looks, size, is_cut=is_cut):
            (cut if is_cut else full).append(piece)
    full += _joined([piece for piece in cut if not _part_of(piece, full, looks)], looks)
    no_groups = set(without_groups([piece.found for piece in full], _GROUP_OF))
    kept = [piece for piece in full if piece.found in no_groups]
    return without_doubles(
        [piece.found for piece in kept], [piece.look for piece in kept], _DOUBLE_IOU
    )


def _starts(length: int, side: int, overlap: float) -> list[int]:
    if side >= length:
        return [0]
    steps = math.ceil((length - side) / (side * (1 - overlap)))
    return [round(step * (length - side) / steps) for step in range(steps + 1)]


def _tile(piece: _Piece, looks: Sequence[Look]) -> Tile:
    return looks[piece.look].tile


def _ends_at_border(box: Box, tile: Tile, size: ImageSize) -> bool:
    """Says whether a box ends where the tile does and the image goes on."""
    near = (_AT_BORDER * tile.width, _AT_BORDER * tile.height)
    edge = tile.box
    return (
        (edge.x_min > 0 and box.x_min - edge.x_min <= near[0])
        or (edge.y_min > 0 and box.y_min - edge.y_min <= near[1])
        or (edge.x_max < size.width and edge.x_max - box.x_max <= near[0])
        or (edge.y_max < size.height and edge.y_max - box.y_max <= near[1])
    )


def _overruled(piece: _Piece, looks: Sequence[Look], size: ImageSize, *, is_cut: bool) -> bool:
    """Says whether a better look, answered in full, showed a box and all that is around it."""
    own, box = _tile(piece, looks), piece.found.box
    return any(
        number != piece.look
        and look.complete
        and _times_larger(own, look.tile) >= (1 / _COMPARABLE if is_cut else _CLOSER)
        and inside_share(box, look.tile.box) == 1
        and not _ends_at_border(box, look.tile, size)
        for number, look in enumerate(looks)
    )


def _times_larger(one: Tile, other: Tile) -> float:
    return max(one.width, one.height) / max(other.width, other.height)


def _part_of(piece: _Piece, full: Sequence[_Piece], looks: Sequence[Look]) -> bool:
    """Says whether a whole box from elsewhere, cut by the fragment's tile, is the fragment."""
    tile = _tile(piece, looks)
    return any(
        other.look != piece.look and _alike_within(other.found.box, piece.found.box, tile.box)
        for other in full
    )


def _alike_within(one: Box, other: Box, frame: Box) -> bool:
    """Says whether two boxes, cut by a frame, are about the same."""
    parts = intersection(one, frame), intersection(other, frame)
    return parts[0] is not None and parts[1] is not None and iou(parts[0], parts[1]) > _SAME_PART


def _joined(fragments: Sequence[_Piece], looks: Sequence[Look]) -> Iterator[_Piece]:
    """Gives fragments with those of one thing made one, as sure as the least sure of them."""
    waiting = list(fragments)
    while waiting:
        group = [waiting.pop(0)]
        for member in group:
            meets = [piece for piece in waiting if _meet(member, piece, looks)]
            group += meets
            waiting = [piece for piece in waiting if piece not in meets]
        least = min(group, key=lambda piece: piece.found.score or 0.0)
        boxes = [piece.found.box for piece in group]
        around = Box(
            min(box.x_min for box in boxes),
            min(box.y_min for box in boxes),
            max(box.x_max for box in boxes),
            max(box.y_max for box in boxes),
        )
        yield replace(least, found=replace(least.found, box=around))


def _meet(one: _Piece, other: _Piece, looks: Sequence[Look]) -> bool:
    if one.look == other.look or one.found.phrase != other.found.phrase:
        return False
    shown = intersection(_tile(one, looks).box, _tile(other, looks).box)
    return shown is not None and _alike_within(one.found.box, other.found.box, shown)
