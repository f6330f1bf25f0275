"""What is asked of Florence-2, and which phrases are refused."""

from __future__ import annotations

import pytest
from transformers import AutoTokenizer, Florence2Processor
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

from models.catalogue import TINY_FOLDER
from models.prompts import AnswerKind, prompts_for, reason_refused
from models.queries import (
    Ask,
    Caption,
    Classify,
    DenseCaption,
    Detect,
    Embed,
    EmbedTexts,
    Ground,
    InBox,
    ProposeRegions,
    Query,
    ReadText,
    Segment,
)
from models.types import Box, ImageSize

SIZE = ImageSize(640, 480)
REGION = "<loc_100><loc_200><loc_300><loc_400>"
BOX = Box(64.1, 96.1, 192.1, 192.1)

AS_PUBLISHED: list[tuple[Query, str]] = [
    (Ground(("red car",)), "<OPEN_VOCABULARY_DETECTION>red car"),
    (Ground(("red car", "dog"), mode="joined"), "<CAPTION_TO_PHRASE_GROUNDING>red car. dog"),
    (Detect(), "<OD>"),
    (DenseCaption(), "<DENSE_REGION_CAPTION>"),
    (ProposeRegions(), "<REGION_PROPOSAL>"),
    (Caption("short"), "<CAPTION>"),
    (Caption("detailed"), "<DETAILED_CAPTION>"),
    (Caption("more_detailed"), "<MORE_DETAILED_CAPTION>"),
    (ReadText(), "<OCR_WITH_REGION>"),
    (Segment("red car"), "<REFERRING_EXPRESSION_SEGMENTATION>red car"),
    (InBox(BOX, "category"), f"<REGION_TO_CATEGORY>{REGION}"),
    (InBox(BOX, "description"), f"<REGION_TO_DESCRIPTION>{REGION}"),
    (InBox(BOX, "text"), f"<REGION_TO_OCR>{REGION}"),
    (InBox(BOX, "outline"), f"<REGION_TO_SEGMENTATION>{REGION}"),
]


@pytest.mark.parametrize(("query", "task"), AS_PUBLISHED)
def test_prompts_are_those_that_transformers_makes_of_the_published_tasks(
    query: Query, task: str
) -> None:
    folder = TINY_FOLDER / "florence2"
    processor = Florence2Processor(
        image_processor=CLIPImageProcessorPil.from_pretrained(folder),
        tokenizer=AutoTokenizer.from_pretrained(folder),
    )

    (prompt,) = prompts_for(query, SIZE)

    assert [prompt.text] == processor._construct_prompts(task)


@pytest.mark.parametrize(
    "phrase",
    ["<loc_5>", "a <loc_5> car", "</s>", "<s>", "<pad>", "<OD>", "<poly>", "<mask>", "<|x|>"],
)
def test_phrases_with_control_tokens_are_refused_with_a_reason(phrase: str) -> None:
    reason = reason_refused(phrase)

    assert reason is not None
    assert "control token" in reason
    with pytest.raises(ValueError, match="control token"):
        prompts_for(Ground((phrase,)), SIZE)
    with pytest.raises(ValueError, match="control token"):
        prompts_for(Segment(phrase), SIZE)


def test_clip_is_asked_what_only_florence_would_misread() -> None:
    assert reason_refused("<loc_5>", "clip") is None
    assert reason_refused("<none>", "clip") is None
    for phrase in ("<|endoftext|>", "a <|StartOfText|>"):
        assert "control token" in (reason_refused(phrase, "clip") or "")
    assert reason_refused("<eos>", "siglip") is not None


def test_the_words_of_every_query_are_known() -> None:
    assert Classify(("a", "b")).words == EmbedTexts(("a", "b")).words == ("a", "b")
    assert Segment("a").words == Ask("a").words == ("a",)
    assert InBox(Box(0, 0, 9, 9), Classify(("a",))).words == ("a",)
    assert DenseCaption().words == Embed().words == InBox(Box(0, 0, 9, 9), "text").words == ()


@pytest.mark.parametrize(
    "phrase",
    [
        'a "big" dog',
        "dog, or cat",
        "a < b > c",
        "x<3",
        "Straße",
        "猫",
        "🐈 cat",
        "dog. cat",
        "é\u0301",
    ],
)
def test_other_phrases_are_asked_to_the_letter(phrase: str) -> None:
    assert reason_refused(phrase) is None

    (prompt,) = prompts_for(Ground((phrase,)), SIZE)

    assert phrase in prompt.text
    assert prompt.phrases == (phrase,)


def test_each_phrase_is_asked_once_in_the_order_given() -> None:
    prompts = prompts_for(Ground(("b", "a", "b")), SIZE)

    assert [prompt.phrases for prompt in prompts] == [("b",), ("a",)]


def test_joined_grounding_asks_phrases_with_marks_one_by_one() -> None:
    prompts = prompts_for(Ground(("dog", "red, round thing", "cat"), mode="joined"), SIZE)

    assert [prompt.phrases for prompt in prompts] == [("red, round thing",), ("dog", "cat")]


def test_five_hundred_joined_phrases_make_prompts_of_bounded_length() -> None:
    phrases = tuple(f"thing number {number}" for number in range(500))

    prompts = prompts_for(Ground(phrases, mode="joined"), SIZE)

    assert [phrase for prompt in prompts for phrase in prompt.phrases] == list(phrases)
    assert all(len(prompt.phrases) <= 20 for prompt in prompts)
    assert all(len(prompt.text) < 500 for prompt in prompts)


def test_texts_and_places_are_told_apart() -> None:
    assert prompts_for(Caption(), SIZE)[0].answer is AnswerKind.TEXT
    assert prompts_for(ReadText(), SIZE)[0].answer is AnswerKind.QUADS
    assert prompts_for(Segment("dog"), SIZE)[0].answer is AnswerKind.POLYGONS


def test_a_query_for_clip_has_no_prompt() -> None:
    with pytest.raises(ValueError, match="Classify"):
        prompts_for(Classify(("a",)), SIZE)
