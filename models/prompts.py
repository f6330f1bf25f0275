"""What Florence-2 is asked for each query. Pure functions.

The model was trained on fixed English sentences; a phrase or a region is put into one of them.
A query becomes one prompt, but `Ground` per phrase becomes one for each phrase, and joined
grounding one for as many phrases as fit.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from models.boxes import box_to_bins
from models.catalogue import Kind
from models.queries import (
    Ask,
    Caption,
    DenseCaption,
    Detect,
    Ground,
    InBox,
    ProposeRegions,
    Query,
    ReadText,
    RegionTask,
    Segment,
)
from models.types import ImageSize

__all__ = [
    "AnswerKind",
    "Prompt",
    "joinable",
    "prompts_for",
    "reason_refused",
]

#: Joined grounding puts at most this many phrases, and characters of phrases, into one prompt.
JOINED_PHRASES = 20
JOINED_CHARS = 400

_CAPTIONS = {
    "short": "What does the image describe?",
    "detailed": "Describe in detail what is shown in the image.",
    "more_detailed": "Describe with a paragraph what is shown in the image.",
}
#: `{}` is the region, as the location tokens of its box.
_REGION_TASKS: dict[RegionTask, str] = {
    "category": "What is the region {}?",
    "description": "What does the region {} describe?",
    "text": "What text is in the region {}?",
    "outline": "What is the polygon mask of region {}",
}
_TAG = re.compile(r"</?[A-Za-z_][A-Za-z0-9_-]*>|<\|")
#: What each kind's tokenizer may read as a control token wherever it stands.
_RESERVED: dict[Kind, re.Pattern[str]] = {
    "florence2": _TAG,
    "siglip": _TAG,
    "clip": re.compile(r"<\|(?:start|end)oftext\|>", re.IGNORECASE),
}
_SENTENCE_MARKS = re.compile(r"[.,;\n]")


class AnswerKind(Enum):
    """How the answer's tokens are to be read."""

    BOXES = "phrases, each followed by the four bins of one box or several"
    QUADS = "printed text, each followed by the eight bins of a quadrilateral"
    POLYGONS = "bins of outlines"
    TEXT = "plain text"


@dataclass(frozen=True, slots=True)
class Prompt:
    """One text for the model, and the phrases it asks about (none where the model names things)."""

    text: str
    answer: AnswerKind
    phrases: tuple[str, ...] = ()
    #: Places are given without words before them.
    nameless: bool = False


def reason_refused(phrase: str, kind: Kind = "florence2") -> str | None:
    """Gives a sentence that says why a model cannot be asked a phrase, or `None` if it can.

    Words in angle brackets may be control tokens of the tokenizer: Florence-2 would take `<loc_5>`
    for a place and `</s>` for the end. Everything else is asked as it stands.

    >>> reason_refused("a dog, or a cat") is None
    True
    >>> reason_refused("<loc_5>")
    "the phrase '<loc_5>' holds '<loc_5>', which the model reads as a control token; remove it"
    """
    found = _RESERVED.get(kind, _TAG).search(phrase)
    if found is None:
        return None
    return (
        f"the phrase {phrase[:60]!r} holds {found.group()!r}, "
        "which the model reads as a control token; remove it"
    )


def joinable(phrase: str) -> bool:
    """Says whether a phrase keeps its bounds in a list of phrases: it holds no full stop or comma.

    >>> joinable("red car"), joinable("red, round thing")
    (True, False)
    """
    return _SENTENCE_MARKS.search(phrase) is None


def prompts_for(
    query: Query, size: ImageSize, question_prefix: str | None = None
) -> tuple[Prompt, ...]:
    """Gives the prompts of a query about an image of that size.

    `question_prefix` is what the model expects before a question, `None` where it answers none.

    Phrases that a joined prompt would garble (see `joinable`) are asked one by one.

    Raises `ValueError` for a query that is not Florence-2's, or a phrase with a control token.

    >>> prompts_for(Ground(("car",)), ImageSize(100, 100))[0].text
    'Locate car in the image.'
    """
    match query:
        case Ground(phrases=phrases, mode="per_phrase"):
            return tuple(_one_phrase(phrase) for phrase in _allowed(phrases))
        case Ground(phrases=phrases):
            return _joined(_allowed(phrases))
        case Detect():
            text = "Locate the objects with category name in the image."
            return (Prompt(text, AnswerKind.BOXES),)
        case DenseCaption():
            text = "Locate the objects in the image, with their descriptions."
            return (Prompt(text, AnswerKind.BOXES),)
        case ProposeRegions():
            text = "Locate the region proposals in the image."
            return (Prompt(text, AnswerKind.BOXES, nameless=True),)
        case Caption(detail=detail):
            return (Prompt(_CAPTIONS[detail], AnswerKind.TEXT),)
        case ReadText():
            return (Prompt("What is the text in the image, with regions?", AnswerKind.QUADS),)
        case Segment(phrase=phrase):
            (allowed,) = _allowed((phrase,))
            text = f"Locate {allowed.strip()} in the image with mask"
            return (Prompt(text, AnswerKind.POLYGONS, (phrase,)),)
        case Ask(question=question) if question_prefix is not None:
            (allowed,) = _allowed((question,))
            return (Prompt(f"{question_prefix}{allowed.strip()}", AnswerKind.TEXT),)
        case InBox(box=box, ask=str(task)):
            region = "".join(f"<loc_{location}>" for location in box_to_bins(box, size))
            asked = _REGION_TASKS[task].format(region)
            if task == "outline":
                return (Prompt(asked, AnswerKind.POLYGONS, nameless=True),)
            return (Prompt(asked, AnswerKind.TEXT),)
        case _:
            raise ValueError(f"expected a query for Florence-2, got {type(query).__name__}")


def _allowed(phrases: Sequence[str]) -> tuple[str, ...]:
    for phrase in phrases:
        reason = reason_refused(phrase)
        if reason is not None:
            raise ValueError(reason)
    return tuple(dict.fromkeys(phrases))


def _one_phrase(phrase: str) -> Prompt:
    return Prompt(f"Locate {phrase.strip()} in the image.", AnswerKind.BOXES, (phrase,))


def _joined(phrases: Sequence[str]) -> tuple[Prompt, ...]:
    prompts = [_one_phrase(phrase) for phrase in phrases if not joinable(phrase)]
    group: list[str] = []
    for phrase in filter(joinable, phrases):
        longer = sum(map(len, group)) + len(phrase) > JOINED_CHARS
        if group and (longer or len(group) == JOINED_PHRASES):
            prompts.append(_list_of(group))
            group = []
        group.append(phrase)
    if group:
        prompts.append(_list_of(group))
    return tuple(prompts)


def _list_of(phrases: Sequence[str]) -> Prompt:
    listed = ". ".join(phrase.strip() for phrase in phrases)
    return Prompt(f"Locate the phrases in the caption: {listed}", AnswerKind.BOXES, tuple(phrases))
