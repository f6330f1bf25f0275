"""What is put to Florence-2: the prompts of a query about an image, or about tiles of it. Pure functions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from PIL import Image

from models.prompts import Prompt
from models.protocols import ImageQueries
from models.queries import Detect, Ground, Query, Tiling
from models.tiling import Tile, tiles_of

__all__ = ["Put", "Step", "by_tiles", "content_key", "cut_out"]

#: Tiles cut out and encoded at once: bounds the memory that pixels and features of tiles take.
TILES_AT_ONCE = 64


@dataclass(frozen=True, slots=True)
class Step:
    """One query about one image, and the prompts it becomes."""

    item: ImageQueries
    query: Query
    prompts: tuple[Prompt, ...]

    @property
    def whole(self) -> Tile:
        """The whole image as a tile."""
        return Tile(0, 0, *self.item.image.size)

    @property
    def tiling(self) -> Tiling | None:
        """How the query's image may be cut into tiles."""
        return self.query.tiling if isinstance(self.query, Ground | Detect) else None

    @property
    def asked(self) -> tuple[Tile, ...]:
        """What is asked from the start: the whole image, and its tiles."""
        return (self.whole, *self.tiles)

    @property
    def tiles(self) -> tuple[Tile, ...]:
        """The tiles asked from the start."""
        if self.tiling is None or self.tiling.side_px is None:
            return ()
        return tiles_of(self.whole, self.tiling.side_px, self.tiling.overlap)


@dataclass(frozen=True, slots=True)
class Put:
    """A prompt put about a tile of a step's image."""

    step: int
    tile: Tile
    prompt: Prompt


def content_key(step: Step, tile: Tile) -> str:
    """Names the pixels of a tile."""
    key = step.item.content_key
    if tile == step.whole:
        return key
    return f"{key} {tile.width}x{tile.height}+{tile.left}+{tile.top}"


def cut_out(step: Step, tile: Tile) -> Image.Image:
    if tile == step.whole:
        return step.item.image
    right, bottom = tile.left + tile.width, tile.top + tile.height
    return step.item.image.crop((tile.left, tile.top, right, bottom))


def by_tiles(steps: Mapping[int, Step], puts: Sequence[Put]) -> Iterator[list[Put]]:
    """Gives the prompts in groups of at most `TILES_AT_ONCE` images or tiles of images."""
    group: list[Put] = []
    keys: set[str] = set()
    for put in puts:
        key = content_key(steps[put.step], put.tile)
        if key not in keys and len(keys) == TILES_AT_ONCE:
            yield group
            group, keys = [], set()
        group.append(put)
        keys.add(key)
    if group:
        yield group
