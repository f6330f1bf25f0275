"""A prediction's regions read back: each with its siblings, its words and its place. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from backend.label_studio.bodies import Region

__all__ = ["Siblings", "is_place", "siblings_of", "words_of"]


@dataclass(frozen=True, slots=True)
class Siblings:
    """All entries of a result that share an id: one thing drawn, or one thing said of the image.

    `place` is the `value` that holds its geometry in percent of the image; `None` where it has none.
    `size_wh` is the image's size in pixels, where the regions tell it.
    """

    control: str
    image: str
    words: tuple[str, ...]
    score: float | None
    place: Mapping[str, Any] | None
    size_wh: tuple[int, int] | None

    @property
    def caption(self) -> str:
        """Words and score, as a person reads them."""
        score = () if self.score is None else (f"{self.score:.2f}",)
        return " ".join((*((", ".join(self.words),) if self.words else ()), *score))


def siblings_of(result: Sequence[Region]) -> Iterator[Siblings]:
    """The groups of entries in a prediction, in the order of its result.

    >>> scene = {"id": "a", "from_name": "scene", "to_name": "img", "value": {"choices": ["indoor"]}}
    >>> [group.caption for group in siblings_of([{**scene, "score": 0.5}])]
    ['indoor 0.50']
    """
    groups: dict[str, list[Region]] = {}
    for region in result:
        groups.setdefault(region["id"], []).append(region)
    for parts in groups.values():
        # A <Rectangle> beside its <Labels>: the tag that names it is the one to speak of.
        named = next((part for part in parts if any(words_of(part["value"]))), parts[0])
        yield Siblings(
            control=named["from_name"],
            image=named["to_name"],
            words=tuple(dict.fromkeys(word for part in parts for word in words_of(part["value"]))),
            score=next((part["score"] for part in parts if part.get("score") is not None), None),
            place=next((part["value"] for part in parts if is_place(part["value"])), None),
            size_wh=next(
                (
                    (part["original_width"], part["original_height"])
                    for part in parts
                    if "original_width" in part
                ),
                None,
            ),
        )


def is_place(value: Mapping[str, Any]) -> bool:
    """Whether a region's value says where in the image it is."""
    return not {"x", "points", "rle"}.isdisjoint(value)


def words_of(value: Mapping[str, Any]) -> Iterator[str]:
    """The labels, choices, paths, texts and numbers of a region's value, as a person reads them."""
    for key, content in value.items():
        if key in ("choices", "taxonomy", "text") or key.endswith("labels"):
            for word in [content] if isinstance(content, str) else content:
                yield word if isinstance(word, str) else " > ".join(word)
        elif key in ("number", "rating"):
            yield str(content)
