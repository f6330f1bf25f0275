"""Answers that no model gave: one of every kind, the same each time."""

from __future__ import annotations

from models.queries import (
    BoxQuestion,
    Caption,
    Classify,
    Detect,
    Embed,
    EmbedTexts,
    Ground,
    InBox,
    PerBox,
    Query,
    ReadText,
)
from models.types import (
    Box,
    BoxOutput,
    BoxOutputs,
    Classification,
    Detection,
    Detections,
    ImageSize,
    ModelOutput,
    Texts,
    Vector,
    Vectors,
)

__all__ = ["SIZE", "answer"]

SIZE = ImageSize(640, 480)
VECTOR = Vector((0.6, -0.8))


def answer(query: Query) -> ModelOutput:
    """A box per phrase, growing; the first candidate above all others; words for texts."""
    match query:
        case Ground() | ReadText():
            return _boxes(query)
        case Classify():
            return _classified(query)
        case Embed():
            return VECTOR
        case EmbedTexts(texts=texts):
            return Vectors((VECTOR,) * len(texts))
        case Caption(detail=detail):
            return Texts((f"a {detail} caption",), 0.6)
        case PerBox(boxes=boxes, ask=ask):
            return BoxOutputs(
                tuple(BoxOutput(found, _of_box(found.box, ask)) for found in _boxes(boxes).items)
            )
        case InBox(box=box, ask=ask):
            return _of_box(box, ask)
        case _:
            raise NotImplementedError(query)


def _boxes(query: Ground | ReadText | Detect) -> Detections:
    phrases = query.phrases[:9] if isinstance(query, Ground) else ("INVOICE", "No. 17")
    return Detections(
        tuple(
            Detection(Box(10, 10, 20 + 10 * i, 30), phrase, round(0.9 - 0.1 * i, 2))
            for i, phrase in enumerate(phrases)
        )
    )


def _of_box(box: Box, ask: BoxQuestion) -> Classification | Detections | Texts | Vector:
    """The outline is the box without one corner."""
    match ask:
        case Classify():
            return _classified(ask)
        case Embed():
            return VECTOR
        case "outline":
            points = ((box.x_min, box.y_min), (box.x_max, box.y_min), (box.x_max, box.y_max))
            return Detections((Detection(box, "", 0.7, polygon=points),))
        case _:
            return Texts((f"the {ask}",), 0.5)


def _classified(query: Classify) -> Classification:
    rest = 0.2 / max(1, len(query.candidates) - 1)
    return Classification(query.candidates, (0.8, *([rest] * (len(query.candidates) - 1))))
