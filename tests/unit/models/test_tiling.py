"""Tiles cover an image; what several tiles say of one thing becomes one box."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.queries import Tiling
from models.tiling import MAX_TILES, Look, Tile, merged, quarters, tiles_of
from models.types import Box, Detection, ImageSize

SIZE = ImageSize(300, 100)
WHOLE = Tile(0, 0, 300, 100)
#: Two tiles that share the columns from 80 to 120; what lies beyond 200 the whole image alone shows.
LEFT, RIGHT = Tile(0, 0, 120, 100), Tile(80, 0, 120, 100)


def thing(*sides: float, phrase: str = "dog", score: float = 0.9) -> Detection:
    return Detection(Box(*sides), phrase, score)


def looks(
    whole: tuple[Detection, ...] = (),
    left: tuple[Detection, ...] = (),
    right: tuple[Detection, ...] = (),
    *,
    right_complete: bool = True,
) -> list[Look]:
    return [Look(WHOLE, whole), Look(LEFT, left), Look(RIGHT, right, right_complete)]


@given(st.integers(1, 5000), st.integers(1, 5000), st.integers(64, 1000), st.floats(0, 0.5))
def test_tiles_cover_every_pixel_and_share_what_was_asked(
    width: int, height: int, side: int, overlap: float
) -> None:
    tiles = tiles_of(Tile(0, 0, width, height), side, overlap)

    assert len(tiles) <= MAX_TILES
    assert bool(tiles) is (width > side or height > side)
    if not tiles:
        return
    for starts, extent, length in (
        (sorted({tile.left for tile in tiles}), tiles[0].width, width),
        (sorted({tile.top for tile in tiles}), tiles[0].height, height),
    ):
        assert starts[0] == 0
        assert starts[-1] + extent == length
        for one, following in pairwise(starts):
            assert one + extent - following >= overlap * extent - 1


def test_tiles_of_a_sliver_are_cut_along_it_alone() -> None:
    tiles = tiles_of(Tile(0, 0, 20_000, 50), 768, 0.25)

    assert {(tile.top, tile.height) for tile in tiles} == {(0, 50)}
    assert len(tiles) <= MAX_TILES


def test_quarters_lie_in_their_tile_and_stop_where_it_is_small() -> None:
    parts = quarters(Tile(100, 200, 400, 300), 0.25)

    assert len(parts) == 4
    assert all(part.left >= 100 and part.left + part.width <= 500 for part in parts)
    assert all(part.top >= 200 and part.top + part.height <= 500 for part in parts)
    assert quarters(Tile(0, 0, 100, 100), 0.25) == ()


@pytest.mark.parametrize(("side", "overlap"), [(63, 0.2), (0, 0.2), (100, -0.1), (100, 0.6)])
def test_tiles_too_small_or_too_alike_are_refused(side: int, overlap: float) -> None:
    with pytest.raises(ValueError, match="expected"):
        Tiling(side, overlap)


def test_a_single_look_is_taken_as_it_is() -> None:
    twice = (thing(0, 0, 20, 20, score=0.3), thing(0, 0, 20, 20))

    assert merged([Look(WHOLE, twice)], SIZE) == list(twice)


def test_a_thing_that_two_tiles_show_whole_is_one() -> None:
    rough, sharp = thing(84, 10, 114, 40, score=0.6), thing(85, 10, 115, 40)

    assert merged(looks(left=(rough,), right=(sharp,)), SIZE) == [sharp]


def test_things_of_two_names_or_of_one_tile_stay_two() -> None:
    dog, pet = thing(10, 10, 40, 40), thing(10, 10, 40, 40, phrase="pet", score=0.8)
    behind = thing(16, 10, 46, 40, score=0.7)

    assert merged(looks(left=(dog, pet, behind)), SIZE) == [dog, pet, behind]


def test_a_fragment_goes_where_the_next_tile_shows_what_is_around_it() -> None:
    fragment, full = thing(100, 10, 119.5, 50), thing(100, 10, 150, 50, score=0.5)

    assert merged(looks(left=(fragment,), right=(full,)), SIZE) == [full]
    # It takes no box there: that tile saw the place and found nothing.
    assert merged(looks(left=(fragment,)), SIZE) == []
    # A tile that ran out of tokens has not said that there is nothing.
    assert merged(looks(left=(fragment,), right_complete=False), SIZE) == [fragment]


def test_a_box_at_the_image_border_is_no_fragment() -> None:
    corner = thing(0, 0, 30, 30)

    assert merged(looks(left=(corner,)), SIZE) == [corner]


def test_a_fragment_goes_where_the_whole_image_has_all_of_it() -> None:
    full, part = thing(20, 10, 180, 90, score=0.6), thing(20, 10, 119.5, 90)

    assert merged(looks(whole=(full,), left=(part,)), SIZE) == [full]


def test_fragments_of_one_thing_are_joined_and_as_sure_as_the_least_sure() -> None:
    left, right = thing(20, 10, 119.5, 90, score=0.6), thing(80.5, 12, 180, 90)

    (joined,) = merged(looks(left=(left,), right=(right,)), SIZE)

    assert joined == thing(20, 10, 180, 90, score=0.6)


def test_fragments_that_do_not_meet_are_not_joined() -> None:
    above, below = thing(20, 0, 119.5, 30), thing(80.5, 60, 180, 100)

    assert len(merged(looks(left=(above,), right=(below,)), SIZE)) == 2


def test_of_what_fits_into_a_tile_the_tile_has_the_last_word() -> None:
    small, wide = thing(20, 20, 40, 40), thing(20, 20, 180, 60, score=0.5)

    assert merged(looks(whole=(small, wide)), SIZE) == [wide]


def test_a_box_around_things_that_tiles_tell_apart_goes() -> None:
    one, two = thing(10, 10, 60, 90), thing(140, 10, 190, 90, score=0.8)
    around = thing(10, 10, 190, 90, score=0.99)

    assert merged(looks(whole=(around,), left=(one,), right=(two,)), SIZE) == [one, two]
