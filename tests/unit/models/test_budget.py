"""The worst answer has a bound: what a model that never stops costs, whatever it is asked."""

from __future__ import annotations

from typing import Any, cast

import pytest
from PIL import Image

from models.answering import Answering
from models.asking import Asking
from models.budget import LEAST_TOKENS, WHOLE_ANSWERS
from models.florence2.engine import FlorenceEngine
from models.postprocess import CleanRules
from models.protocols import ImageQueries, ImageQuery
from models.queries import Detect, Ground, InBox, Query, ReadText, Segment, Tiling
from models.types import Box, Detections
from tests.standin.florence import FIRST_LOCATION, StandInFlorence, endless

A_BOX = tuple(FIRST_LOCATION + place for place in (100, 100, 300, 300))
BUDGET = WHOLE_ANSWERS * 1024


def ask(florence: StandInFlorence, query: Query, size_wh: tuple[int, int] = (4000, 3000)) -> Any:
    item = ImageQueries(Image.new("RGB", size_wh), "one", (query,))
    asking = Asking(cast(FlorenceEngine, florence), None, Answering(), CleanRules())
    return asking.answer([ImageQuery(item, query)])[0]


@pytest.mark.parametrize("labels", [1, 2, 7, 20, 64])
def test_boxes_without_end_cost_a_budget_however_often_they_are_asked_again(labels: int) -> None:
    """Asked again of quarters, and of theirs, one label alone would be 21 answers of full length."""
    florence = StandInFlorence(endless(A_BOX))

    found = ask(florence, Ground(tuple(f"label {n}" for n in range(labels)), tiling=Tiling()))

    assert florence.tokens <= BUDGET
    assert isinstance(found, Detections)
    assert found.truncated


def test_of_hundreds_of_labels_each_gets_a_little() -> None:
    florence = StandInFlorence(endless(A_BOX))

    ask(florence, Ground(tuple(f"label {n}" for n in range(500)), tiling=Tiling()))

    assert florence.tokens == 500 * LEAST_TOKENS


def test_what_is_cut_short_is_still_asked_again_while_there_is_room() -> None:
    florence = StandInFlorence(endless(A_BOX))

    ask(florence, Ground(("car",), tiling=Tiling()))

    sizes = {asked.image.size for asked in florence.asked}
    assert len(sizes) > 1
    assert len(florence.asked) > 4


@pytest.mark.parametrize("tokens", [(7,), (7, 8, 9), A_BOX[:3]])
def test_an_answer_without_a_single_place_is_not_asked_again(tokens: tuple[int, ...]) -> None:
    script = endless(tokens if tokens[0] < FIRST_LOCATION else (7, *tokens))
    florence = StandInFlorence(script)

    found = ask(florence, Ground(("car",), tiling=Tiling()))

    assert len(florence.asked) == 1
    assert found.truncated


@pytest.mark.parametrize(
    "query",
    [
        Detect(tiling=Tiling()),
        ReadText(),
        Segment("car"),
        InBox(Box(10, 10, 500, 500), "outline"),
        InBox(Box(10, 10, 500, 500), "description"),
    ],
)
def test_every_kind_of_answer_has_a_bound(query: Query) -> None:
    florence = StandInFlorence(endless(A_BOX))

    ask(florence, query)

    assert florence.tokens <= BUDGET
    if isinstance(query, InBox):
        assert florence.tokens <= 512
