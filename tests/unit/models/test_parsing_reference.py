"""Our parsing against the reference's own, transformers' `Florence2PostProcessor`, on well-formed answers.

What is malformed it reads oddly (`loc_12>` as a name), and ours drops; `test_parsing` has such answers.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import AutoTokenizer
from transformers.models.florence2.processing_florence2 import Florence2PostProcessor

from models.catalogue import TINY_FOLDER
from models.florence2.engine import _vocabulary
from models.florence2.parsing import Answer, read_boxes, read_polygons, read_quads

TOKENIZER = AutoTokenizer.from_pretrained(TINY_FOLDER / "florence2", local_files_only=True)
VOCABULARY = _vocabulary(TOKENIZER)
TASKS = ("description_with_bboxes_or_polygons", "polygons", "bboxes", "ocr")
REFERENCE = Florence2PostProcessor({task: {} for task in TASKS}, TOKENIZER)
#: One pixel a bin: both sides give bins.
SIZE = (1000, 1000)

names = st.sampled_from(["red circle", "star", "green heart", "7 big triangles", "Circle"])


def places(least: int, most: int, step: int = 1) -> st.SearchStrategy[str]:
    """That many bins, as they are written."""
    counts = st.integers(least // step, most // step).map(lambda count: count * step)
    bins = st.integers(0, 999)
    return counts.flatmap(lambda n: st.lists(bins, min_size=n, max_size=n)).map(
        lambda some: "".join(f"<loc_{place}>" for place in some)
    )


outlines = places(6, 16)
things = st.lists(outlines, min_size=1, max_size=3).map("<sep>".join)


def read(text: str) -> tuple[Answer, dict[str, Any]]:
    """The tokens of an answer, and what the reference reads in them."""
    tokens: list[int] = TOKENIZER(text, add_special_tokens=False).input_ids
    count = len(tokens)
    near = tuple(() for _ in tokens)
    answer = Answer(tuple(tokens), (0.0,) * count, (-20.0,) * count, near)
    return answer, REFERENCE(sequence=[TOKENIZER.bos_token_id, *tokens], image_size=SIZE)


def around(polygons: Sequence[Sequence[int]]) -> tuple[int, int, int, int]:
    xs = [x for polygon in polygons for x in polygon[::2]]
    ys = [y for polygon in polygons for y in polygon[1::2]]
    return min(xs), min(ys), max(xs), max(ys)


@settings(max_examples=80, deadline=None)
@given(st.lists(st.tuples(names, places(4, 19)), min_size=1, max_size=5))
def test_boxes_and_their_names_are_the_reference_s(written: list[tuple[str, str]]) -> None:
    answer, theirs = read("".join(f"{name}{bins}" for name, bins in written))

    expected = [
        (found["cat_name"], tuple(found["bbox"]))
        for found in theirs["description_with_bboxes_or_polygons"]
    ]
    assert [(span.text, span.bins) for span in read_boxes(answer, VOCABULARY)] == expected


@settings(max_examples=80, deadline=None)
@given(st.lists(st.tuples(names, st.lists(things, min_size=1, max_size=3)), min_size=1, max_size=4))
def test_outlines_in_open_vocabulary_are_one_box_for_each_thing_of_the_reference(
    written: list[tuple[str, list[str]]],
) -> None:
    text = "".join(
        name + "".join(f"<poly>{thing}</poly>" for thing in some) for name, some in written
    )
    answer, theirs = read(text)

    expected = [
        (found["cat_name"], around(found["polygons"]))
        for found in theirs["description_with_bboxes_or_polygons"]
    ]
    assert [(span.text, span.bins) for span in read_boxes(answer, VOCABULARY)] == expected


@settings(max_examples=80, deadline=None)
@given(st.lists(things, min_size=1, max_size=4))
def test_outlines_are_the_reference_s_whatever_parts_them(written: list[str]) -> None:
    for between in ("<and>", "<s>"):
        answer, theirs = read(between.join(written) if between == "<and>" else written[0])

        expected = [tuple(polygon) for found in theirs["polygons"] for polygon in found["polygons"]]
        assert [span.bins for span in read_polygons(answer, VOCABULARY)] == expected


@settings(max_examples=80, deadline=None)
@given(st.lists(places(4, 40), min_size=1, max_size=1))
def test_region_proposals_are_the_reference_s(written: list[str]) -> None:
    answer, theirs = read(written[0])

    expected = [tuple(found["bbox"]) for found in theirs["bboxes"]]
    assert [span.bins for span in read_boxes(answer, VOCABULARY)] == expected


@settings(max_examples=80, deadline=None)
@given(st.lists(st.tuples(names, places(8, 8)), min_size=1, max_size=5))
def test_printed_text_and_its_corners_are_the_reference_s(written: list[tuple[str, str]]) -> None:
    answer, theirs = read("".join(f"{name}{bins}" for name, bins in written))

    expected = [(found["text"], tuple(found["quad_box"])) for found in theirs["ocr"]]
    assert [(span.text, span.bins) for span in read_quads(answer, VOCABULARY)] == expected


def test_a_mark_of_the_start_within_an_answer_changes_nothing() -> None:
    """As Florence-2-large writes it."""
    text = "<s><s>red circle<loc_1><loc_2><loc_3><loc_4>"
    answer, theirs = read(text)

    (expected,) = theirs["description_with_bboxes_or_polygons"]
    (span,) = read_boxes(answer, VOCABULARY)
    assert (span.text, span.bins) == (expected["cat_name"], tuple(expected["bbox"]))


@pytest.mark.parametrize("text", ["", "red circle", "<loc_1><loc_2>", "<poly></poly>", "<and>"])
def test_answers_without_a_place_have_none(text: str) -> None:
    answer, theirs = read(text)

    assert not theirs["description_with_bboxes_or_polygons"]
    assert read_boxes(answer, VOCABULARY) == ()
    assert read_polygons(answer, VOCABULARY) == ()
