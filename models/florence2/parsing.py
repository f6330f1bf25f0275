"""Reads the tokens that Florence-2 answers with. Pure functions, no tensors.

Tokens are parsed rather than text, so that every place and phrase keeps the probabilities it was
written with, and so that text in any script comes through.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

__all__ = [
    "WIDTHS",
    "Answer",
    "Span",
    "Vocabulary",
    "plain_text",
    "read_boxes",
    "read_polygons",
    "read_quads",
]


#: Distances in bins at which the spread of a location is kept.
WIDTHS = (5, 10, 15, 20, 30, 40, 60, 90, 130, 200, 300)


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """What the parser must know of a tokenizer."""

    #: Id of `<loc_0>`; the other 999 follow it.
    first_location: int
    #: Ids that carry no text: start, end, padding, task marks.
    special: frozenset[int]
    #: Token ids to text.
    decode: Callable[[Sequence[int]], str]
    #: Ids of `<poly>`, `</poly>`, `<sep>` and `<and>`, which bound outlines.
    poly_start: int | None = None
    poly_end: int | None = None
    separator: int | None = None
    and_: int | None = None
    #: How many ids there are; a model may have more rows than that.
    size: int = 0

    @property
    def bounds(self) -> frozenset[int | None]:
        """Ids that bound outlines."""
        return frozenset((self.poly_start, self.poly_end, self.separator, self.and_))

    def location(self, token: int) -> int | None:
        """Gives the bin 0..999 of a location token, `None` for any other."""
        place = token - self.first_location
        return place if 0 <= place < 1000 else None


@dataclass(frozen=True, slots=True)
class Answer:
    """What was decoded for one prompt: four tuples of one length, without start and end tokens.

    Log-probabilities are natural and at most 0; `near` holds probabilities.
    """

    tokens: tuple[int, ...]
    #: Log-probability of the token itself.
    token_log_probs: tuple[float, ...]
    #: Log-probability of having stopped instead of writing the token.
    stop_log_probs: tuple[float, ...]
    #: Of a location, the probability that the place is within each of `WIDTHS` bins of it; empty for
    #: any other token.
    near: tuple[tuple[float, ...], ...]
    #: The model had more to say.
    truncated: bool = False


@dataclass(frozen=True, slots=True)
class Span:
    """One place, or one outline, and where in the answer it was written."""

    text: str
    #: Bins: 4 of a box, 8 of a quadrilateral, x and y by turns of an outline.
    bins: tuple[int, ...]
    #: Positions of the text's tokens and of the bins' tokens.
    text_at: tuple[int, ...]
    bins_at: tuple[int, ...]
    #: Position where the model could have stopped instead.
    begins_at: int


@dataclass(slots=True)
class _Group:
    """Text and the bins that follow it."""

    text_at: list[int] = field(default_factory=list)
    bins_at: list[int] = field(default_factory=list)
    #: Which thing it is about, by number.
    thing: int = 0


def read_boxes(answer: Answer, vocabulary: Vocabulary) -> tuple[Span, ...]:
    """Gives every box, with the text before it; text may be followed by several boxes or be missing.

    Bins left over at the end of a group (fewer than four) are no box and are dropped. An answer with
    `<poly>` in it holds outlines in place of boxes, as the reference reads it: each gives the box around it.
    """
    if vocabulary.poly_start is not None and vocabulary.poly_start in answer.tokens:
        things: dict[int, list[Span]] = {}
        for thing, outline in _outlines(answer, vocabulary):
            things.setdefault(thing, []).append(outline)
        return tuple(_around(outlines) for outlines in things.values())
    return tuple(_in_parts_of(4, answer, vocabulary))


def read_quads(answer: Answer, vocabulary: Vocabulary) -> tuple[Span, ...]:
    """Gives every quadrilateral (x, y by turns, eight bins) with the printed text before it."""
    return tuple(span for span in _in_parts_of(8, answer, vocabulary) if span.text)


def read_polygons(answer: Answer, vocabulary: Vocabulary) -> tuple[Span, ...]:
    """Gives every outline of at least three points; `<sep>`, `<and>`, `<poly>` and `</poly>` bound them.

    An odd bin at the end, left by a truncated answer, is dropped.
    """
    return tuple(outline for _, outline in _outlines(answer, vocabulary))


def plain_text(answer: Answer, vocabulary: Vocabulary) -> str:
    """Gives the answer's text without places and marks."""
    return vocabulary.decode(
        [
            token
            for token in answer.tokens
            if vocabulary.location(token) is None and token not in vocabulary.special
        ]
    ).strip()


def _outlines(answer: Answer, vocabulary: Vocabulary) -> Iterator[tuple[int, Span]]:
    """Gives every outline, and the number of the thing it outlines: `<sep>` parts two of one thing."""
    for group in _groups(answer.tokens, vocabulary, vocabulary.bounds):
        even = group.bins_at[: len(group.bins_at) // 2 * 2]
        if len(even) >= 6:
            begins_at = (group.text_at or even)[0]
            yield group.thing, _span(answer, vocabulary, group.text_at, even, begins_at)


def _around(outlines: Sequence[Span]) -> Span:
    """Gives the box around a thing's outlines: for each side the outermost bin, and where it was written."""
    xs, ys = (
        sorted(
            (place, at)
            for outline in outlines
            for place, at in zip(outline.bins[axis::2], outline.bins_at[axis::2], strict=True)
        )
        for axis in (0, 1)
    )
    sides = (xs[0], ys[0], xs[-1], ys[-1])
    return replace(
        outlines[0],
        bins=tuple(place for place, _ in sides),
        bins_at=tuple(at for _, at in sides),
    )


def _in_parts_of(length: int, answer: Answer, vocabulary: Vocabulary) -> Iterator[Span]:
    for group in _groups(answer.tokens, vocabulary, frozenset()):
        for start in range(0, len(group.bins_at) - length + 1, length):
            bins_at = group.bins_at[start : start + length]
            begins_at = group.text_at[0] if start == 0 and group.text_at else bins_at[0]
            yield _span(answer, vocabulary, group.text_at, bins_at, begins_at)


def _groups(
    tokens: Sequence[int], vocabulary: Vocabulary, bounds: frozenset[int | None]
) -> Iterator[_Group]:
    group = _Group()
    # Outlines of one thing, or of several, share the text before them until another begins.
    shared: list[int] = []
    for position, token in enumerate(tokens):
        if vocabulary.location(token) is not None:
            group.bins_at.append(position)
            continue
        is_bound = token in bounds
        if token in vocabulary.special and not is_bound:
            continue
        if group.bins_at:
            yield group
            shared = group.text_at
            same_thing = is_bound and token == vocabulary.separator
            group = _Group(thing=group.thing if same_thing else group.thing + 1)
        if is_bound:
            group.text_at = group.text_at or shared
        elif group.text_at is shared:
            group.text_at = [position]
        else:
            group.text_at.append(position)
    if group.bins_at:
        yield group


def _span(
    answer: Answer,
    vocabulary: Vocabulary,
    text_at: Sequence[int],
    bins_at: Sequence[int],
    begins_at: int,
) -> Span:
    return Span(
        text=vocabulary.decode([answer.tokens[position] for position in text_at]).strip(),
        bins=tuple(answer.tokens[position] - vocabulary.first_location for position in bins_at),
        text_at=tuple(text_at),
        bins_at=tuple(bins_at),
        begins_at=begins_at,
    )
