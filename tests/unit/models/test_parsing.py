"""Published Florence-2 answers and the places they must give; odd answers that must not break it.

The token ids and texts are those that the transformers project's own tests publish for
Florence-2-base and -large, on an image of 1300 x 876 and one of 640 x 480 pixels; the dense captions
are those of the sample notebook published with Florence-2-large, on the latter.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.florence2.parsing import (
    WIDTHS,
    Answer,
    Vocabulary,
    plain_text,
    read_boxes,
    read_polygons,
    read_quads,
)
from models.outlines import fitting
from models.outputs import match_phrase, read_detections
from models.prompts import AnswerKind, Prompt, prompts_for
from models.queries import InBox
from models.types import Box, Detections, ImageSize

FIRST_LOCATION = 50269
WORDS = [
    "car",
    "door handle",
    "wheels",
    "wheel",
    "中文中",
    "OPTUS",
    "a",
    "b",
    "turquoise Volkswagen Beetle",
]
MARKS = {"<s>": 0, "<pad>": 1, "</s>": 2, "<poly>": 3, "</poly>": 4, "<sep>": 5, "<and>": 6}


def _decode(ids: Sequence[int]) -> str:
    return "".join(WORDS[number - 100] for number in ids)


VOCABULARY = Vocabulary(
    first_location=FIRST_LOCATION,
    special=frozenset(MARKS.values()),
    decode=_decode,
    poly_start=3,
    poly_end=4,
    separator=5,
    and_=6,
)


def answer(text: str) -> Answer:
    """The tokens of a published text; every word in it is one token."""
    pieces = re.findall(r"<[^<>]+>|[^<>]+", text)
    tokens = []
    for piece in pieces:
        if piece.startswith("<loc_"):
            tokens.append(FIRST_LOCATION + int(piece[5:-1]))
        else:
            tokens.append(MARKS[piece] if piece in MARKS else 100 + WORDS.index(piece))
    return certain(tokens)


def certain(tokens: Sequence[int]) -> Answer:
    near = tuple((1.0,) * len(WIDTHS) if token >= FIRST_LOCATION else () for token in tokens)
    return Answer(tuple(tokens), (0.0,) * len(tokens), (-20.0,) * len(tokens), near)


OPEN_VOCABULARY = (
    "wheels<loc_144><loc_570><loc_870><loc_778>wheels<loc_711><loc_573><loc_866><loc_774>"
    "wheels<loc_148><loc_579><loc_304><loc_774>"
)
DETECTION = (
    "car<loc_53><loc_333><loc_933><loc_774>door handle<loc_425><loc_503><loc_474><loc_515>"
    "wheel<loc_709><loc_576><loc_865><loc_772><loc_150><loc_584><loc_309><loc_773>"
)
#: Of the captions only the boxes and words are published: these are the bins whose middles they are.
DENSE_CAPTIONS = (
    "turquoise Volkswagen Beetle<loc_53><loc_333><loc_933><loc_774>"
    "wheel<loc_708><loc_576><loc_864><loc_772><loc_148><loc_584><loc_307><loc_773>"
    "door handle<loc_424><loc_503><loc_472><loc_515>"
)
#: The large model writes start tokens of its own before it says anything.
PROPOSALS = (
    "<s><s><loc_0><loc_0><loc_999><loc_675><loc_0><loc_0><loc_362><loc_671>"
    "<loc_0><loc_0><loc_306><loc_671><loc_763><loc_0><loc_999><loc_663>"
    "<loc_524><loc_544><loc_921><loc_762><loc_163><loc_132><loc_363><loc_422>"
    "<loc_802><loc_674><loc_890><loc_758><loc_566><loc_677><loc_646><loc_760>"
)


def test_published_open_vocabulary_answer_gives_its_published_boxes() -> None:
    size = ImageSize(640, 480)

    found = read_detections(
        Prompt("", AnswerKind.BOXES, ("wheels",)), answer(OPEN_VOCABULARY), VOCABULARY, size
    )

    # Published to whole pixels, cut off below the point.
    assert [_whole(item.box) for item in found] == [
        (92, 273, 557, 373),
        (455, 275, 554, 371),
        (95, 278, 194, 371),
    ]


def test_published_detection_answer_gives_names_and_boxes() -> None:
    found = read_detections(
        Prompt("", AnswerKind.BOXES), answer(DETECTION), VOCABULARY, ImageSize(640, 480)
    )

    assert [(item.phrase, _whole(item.box)) for item in found] == [
        ("car", (34, 160, 597, 371)),
        ("door handle", (272, 241, 303, 247)),
        ("wheel", (454, 276, 553, 370)),
        ("wheel", (96, 280, 198, 371)),
    ]


def test_published_proposals_give_their_published_boxes_without_names() -> None:
    found = read_detections(
        Prompt("", AnswerKind.BOXES, nameless=True),
        answer(PROPOSALS),
        VOCABULARY,
        ImageSize(1300, 876),
    )

    assert [_whole(item.box) for item in found] == [
        (0, 0, 1299, 591),
        (0, 0, 471, 588),
        (0, 0, 398, 588),
        (992, 0, 1299, 581),
        (681, 476, 1197, 667),
        (212, 116, 472, 370),
        (1043, 590, 1157, 664),
        (736, 593, 840, 666),
    ]
    assert {item.phrase for item in found} == {""}
    assert all(item.parts.phrase is None and item.score is not None for item in found)


def test_a_box_without_a_name_is_none_where_names_are_wanted() -> None:
    size = ImageSize(1300, 876)

    assert read_detections(Prompt("", AnswerKind.BOXES), answer(PROPOSALS), VOCABULARY, size) == []


def test_published_dense_captions_give_their_published_boxes() -> None:
    found = read_detections(
        Prompt("", AnswerKind.BOXES), answer(DENSE_CAPTIONS), VOCABULARY, ImageSize(640, 480)
    )

    published = [
        ("turquoise Volkswagen Beetle", (34.24, 160.08, 597.44, 371.76)),
        ("wheel", (453.44, 276.72, 553.28, 370.8)),
        ("wheel", (95.04, 280.56, 196.8, 371.28)),
        ("door handle", (271.68, 241.68, 302.4, 247.44)),
    ]
    assert [item.phrase for item in found] == [phrase for phrase, _ in published]
    for item, (_, sides) in zip(found, published, strict=True):
        box = item.box
        assert (box.x_min, box.y_min, box.x_max, box.y_max) == pytest.approx(sides)


def test_the_start_tokens_before_the_first_box_are_not_where_it_begins() -> None:
    assert read_boxes(answer(PROPOSALS), VOCABULARY)[0].begins_at == 2


def test_published_printed_text_gives_quadrilaterals_in_any_script() -> None:
    text = "中文中<loc_533><loc_68><loc_653><loc_68><loc_653><loc_128><loc_533><loc_128>"

    (span,) = read_quads(answer(text), VOCABULARY)

    assert (span.text, span.bins) == ("中文中", (533, 68, 653, 68, 653, 128, 533, 128))


def test_published_outline_gives_its_points() -> None:
    text = "<loc_279><loc_379><loc_282><loc_379><loc_290><loc_372><loc_642><loc_460>"

    (found,) = read_detections(
        Prompt("", AnswerKind.POLYGONS, ("a car",)), answer(text), VOCABULARY, ImageSize(640, 480)
    )

    assert found.phrase == "a car"
    assert found.polygon is not None
    assert [(int(x), int(y)) for x, y in found.polygon] == [
        (178, 182),
        (180, 182),
        (185, 178),
        (411, 221),
    ]


def test_an_outline_of_a_region_has_no_words_and_fits_its_box() -> None:
    """The published car's outline, as the answer for the box around it: it is kept; elsewhere it is not."""
    text = "<loc_279><loc_379><loc_282><loc_379><loc_290><loc_372><loc_642><loc_460>"
    size = ImageSize(640, 480)
    box = Box(175, 175, 415, 225)
    (prompt,) = prompts_for(InBox(box, "outline"), size)

    found = read_detections(prompt, answer(text), VOCABULARY, size)

    assert [(each.phrase, len(each.polygon or ())) for each in found] == [("", 4)]
    assert fitting(box, Detections(tuple(found))).items == tuple(found)
    assert fitting(Box(0, 300, 100, 400), Detections(tuple(found))).items == ()


@pytest.mark.parametrize(
    "text", ["", "car", "<loc_5><loc_6>", "<loc_5><loc_6><loc_9><loc_9>", "<poly></poly>"]
)
def test_an_answer_without_an_outline_gives_none(text: str) -> None:
    """Too few points, or words: what a model writes that never learnt the task."""
    (prompt,) = prompts_for(InBox(Box(0, 0, 99, 99), "outline"), ImageSize(640, 480))

    assert read_detections(prompt, answer(text), VOCABULARY, ImageSize(640, 480)) == []


def test_outlines_are_split_at_their_marks() -> None:
    one = "<loc_1><loc_1><loc_5><loc_1><loc_5><loc_5>"
    two = "<loc_9><loc_9><loc_15><loc_9><loc_15><loc_15>"

    spans = read_polygons(answer(f"a<poly>{one}<sep>{two}</poly>"), VOCABULARY)

    assert [(span.text, len(span.bins)) for span in spans] == [("a", 6), ("a", 6)]


@pytest.mark.parametrize(
    ("text", "boxes"),
    [
        ("", 0),
        ("car", 0),
        ("car<loc_1><loc_2><loc_3>", 0),  # ends inside a box
        ("car<loc_1><loc_2><loc_3><loc_4><loc_5>", 1),
        ("<loc_1><loc_2><loc_3><loc_4>car", 1),
        ("car<pad><loc_1><loc_2><loc_3><loc_4>", 1),
        ("car<loc_1><loc_2>wheel<loc_3><loc_4>", 0),  # two halves are no whole
    ],
)
def test_odd_answers_give_only_whole_boxes(text: str, boxes: int) -> None:
    assert len(read_boxes(answer(text), VOCABULARY)) == boxes


TOKENS = st.lists(
    st.one_of(
        st.integers(0, 5),
        st.integers(100, 107),
        st.integers(FIRST_LOCATION, FIRST_LOCATION + 999),
    ),
    max_size=40,
)


@given(TOKENS)
def test_any_tokens_are_read_without_error_and_in_bounds(tokens: list[int]) -> None:
    size = ImageSize(333, 77)
    for kind in (AnswerKind.BOXES, AnswerKind.QUADS, AnswerKind.POLYGONS):
        for item in read_detections(Prompt("", kind, ("x",)), certain(tokens), VOCABULARY, size):
            assert 0 <= item.box.x_min < item.box.x_max <= 333
            assert 0 <= item.box.y_min < item.box.y_max <= 77
            assert item.score is not None
            assert 0 <= item.score <= 1
    assert "<" not in plain_text(certain(tokens), VOCABULARY)


@pytest.mark.parametrize(
    ("text", "phrases", "meant"),
    [
        ("wheel", ("wheels",), "wheels"),  # one phrase asked takes every answer
        ("Red Car.", ("red car", "car"), "red car"),
        ("the red car", ("red car", "dog"), "red car"),
        ("car", ("red car", "blue car"), None),  # could be either
        ("wheel", ("wheels", "door"), "wheels"),
        ("zebra", ("dog", "cat"), None),
        ("", ("dog", "cat"), None),
        ("猫", ("犬", "猫"), "猫"),
        ("art", ("cart", "dog"), None),  # parts of words do not count
    ],
)
def test_an_answer_is_put_down_to_the_phrase_it_stands_for(
    text: str, phrases: tuple[str, ...], meant: str | None
) -> None:
    assert match_phrase(text, phrases) == meant


def _whole(box: Box) -> tuple[int, int, int, int]:
    return int(box.x_min), int(box.y_min), int(box.x_max), int(box.y_max)


def test_outlines_in_an_answer_about_boxes_are_boxes_around_each_thing() -> None:
    """As the reference reads open vocabulary: `<sep>` parts two outlines of one thing."""
    written = answer(
        "car<poly><loc_10><loc_20><loc_30><loc_20><loc_30><loc_40><sep><loc_50><loc_60><loc_55><loc_5>"
        "<loc_52><loc_60><loc_7></poly><poly><loc_500><loc_600><loc_700><loc_600><loc_650><loc_900></poly>"
    )

    spans = read_boxes(written, VOCABULARY)

    assert [span.bins for span in spans] == [(10, 5, 55, 60), (500, 600, 700, 900)]
    assert {span.text for span in spans} == {"car"}
    for span in spans:
        places = [written.tokens[at] - FIRST_LOCATION for at in span.bins_at]
        assert places == list(span.bins)


def test_a_cut_off_outline_in_an_answer_about_boxes_still_is_one_box() -> None:
    written = answer("a<poly><loc_10><loc_20><loc_30><loc_20><loc_30><loc_40><loc_1>")

    assert [span.bins for span in read_boxes(written, VOCABULARY)] == [(10, 20, 30, 40)]


def test_and_between_outlines_makes_two() -> None:
    written = answer(
        "<loc_1><loc_2><loc_30><loc_2><loc_30><loc_40><and>"
        "<loc_500><loc_600><loc_700><loc_600><loc_650><loc_900>"
    )

    assert [span.bins for span in read_polygons(written, VOCABULARY)] == [
        (1, 2, 30, 2, 30, 40),
        (500, 600, 700, 600, 650, 900),
    ]
