"""Turns the answers to a query's prompts into what was asked for. Pure functions."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from models.boxes import bin_to_pixel, box_from_bins, clip, enclosing
from models.florence2.parsing import (
    Answer,
    Span,
    Vocabulary,
    plain_text,
    read_boxes,
    read_polygons,
    read_quads,
)
from models.prompts import AnswerKind, Prompt
from models.scoring import combine, measure, text_score
from models.types import Detection, ImageSize, Point, Texts

__all__ = ["match_phrase", "read_detections", "read_texts"]

_NOT_WORDS = re.compile(r"[\W_]+")
_ARTICLE = re.compile(r"^(a|an|the) ")

_READERS: dict[AnswerKind, Callable[[Answer, Vocabulary], tuple[Span, ...]]] = {
    AnswerKind.BOXES: read_boxes,
    AnswerKind.QUADS: read_quads,
    AnswerKind.POLYGONS: read_polygons,
}


def read_detections(
    prompt: Prompt, answer: Answer, vocabulary: Vocabulary, size: ImageSize
) -> list[Detection]:
    """Gives every place that an answer names, in pixels of an image of that size.

    The phrase is one of the prompt's, exactly as asked; where none was asked it is the answer's own
    text, and empty where the prompt wants no names. A place under a text that matches no phrase asked is dropped, as is one without area.

    Raises `ValueError` for a prompt that is answered in plain text.
    """
    reader = _READERS.get(prompt.answer)
    if reader is None:
        raise ValueError(f"expected a prompt that is answered with places, got {prompt.text!r}")
    found = []
    for span in reader(answer, vocabulary):
        phrase = _phrase(prompt, span)
        detection = _detection(prompt, answer, span, phrase, size) if phrase is not None else None
        if detection is not None:
            found.append(detection)
    return found


def read_texts(answers: Sequence[Answer], vocabulary: Vocabulary) -> Texts:
    """Gives the texts of plain answers, with the mean of their scores."""
    scores = [score for answer in answers if (score := text_score(answer)) is not None]
    return Texts(
        tuple(plain_text(answer, vocabulary) for answer in answers),
        sum(scores) / len(scores) if scores else None,
        truncated=any(answer.truncated for answer in answers),
    )


def match_phrase(text: str, phrases: Sequence[str]) -> str | None:
    """Gives the phrase asked that an answer's text stands for, or `None` if that is not clear.

    One phrase asked takes every answer. Of several: the one that is equal but for case, marks, a
    leading article and the s of plurals; else the only one that holds the text, or is held by it,
    as whole words. Likeness in spelling counts for nothing: a blue car is no blue cat.

    >>> match_phrase("Red cars.", ("a red car", "car"))
    'a red car'
    """
    if len(phrases) == 1:
        return phrases[0]
    wanted = _bare(text)
    bare = {phrase: _bare(phrase) for phrase in phrases}
    equal = [phrase for phrase, words in bare.items() if words == wanted]
    if equal:
        return text if text in equal else equal[0]
    if not wanted:
        return None
    holding = [
        phrase
        for phrase, words in bare.items()
        if words and (f" {words} " in f" {wanted} " or f" {wanted} " in f" {words} ")
    ]
    return holding[0] if len(holding) == 1 else None


def _phrase(prompt: Prompt, span: Span) -> str | None:
    """Gives what a place is called, or `None` where it must have a name and has none."""
    if prompt.nameless:
        return ""
    if prompt.phrases:
        return match_phrase(span.text, prompt.phrases)
    return span.text or None


def _detection(
    prompt: Prompt, answer: Answer, span: Span, phrase: str, size: ImageSize
) -> Detection | None:
    parts = measure(answer, span)
    score = combine(parts)
    if prompt.answer is AnswerKind.BOXES:
        return Detection(box_from_bins(span.bins, size), phrase, score, parts)
    points = _points(span.bins, size)
    box = enclosing(points)
    clipped = clip(box, size) if box is not None else None
    if clipped is None:
        return None
    polygon = points if prompt.answer is AnswerKind.POLYGONS else None
    return Detection(clipped, phrase, score, parts, polygon)


def _points(bins: Sequence[int], size: ImageSize) -> tuple[Point, ...]:
    return tuple(
        (bin_to_pixel(x, size.width), bin_to_pixel(y, size.height))
        for x, y in zip(bins[::2], bins[1::2], strict=False)
    )


def _bare(text: str) -> str:
    words = _ARTICLE.sub("", _NOT_WORDS.sub(" ", text.casefold()).strip()).split()
    return " ".join(word.removesuffix("s") if len(word) > 3 else word for word in words)
