"""Copies and near copies among images: groups of which every pair was compared, with the evidence. Pure.

Nothing is told by a hash or a vector alone. Groups are made by complete linkage: in a chain of pictures that
change little by little the first and the last are no copies, and do not come into one group.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from backend.explore.alignment import Likeness, Small, likeness
from backend.explore.copy_candidates import HASH_BITS, Candidate, Signs, candidates

__all__ = ["Copies", "CopyGroup", "CopyPair", "ImageFacts", "find_copies"]

#: Images in a group, those of equal content not counted; each further one is compared with all of them.
MOST_IN_GROUP = 30
#: Pairs that are compared: some minutes.
MOST_COMPARED = 100_000


@dataclass(frozen=True, slots=True)
class ImageFacts:
    """What else is known of an image: digests of its bytes and of its pixels, empty where unknown.

    `labels`: what people annotated, `None` where nobody has. `split`: such as train or val, empty where unknown.
    """

    content: str = ""
    pixels: str = ""
    labels: frozenset[str] | None = None
    split: str = ""


@dataclass(frozen=True, slots=True)
class CopyPair:
    """Two places, the lower first; `score` is 1 for equal ones. `evidence`: a few words for each sign."""

    one: int
    other: int
    score: float
    kind: str
    evidence: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CopyGroup:
    """Images that are copies of one, each of each. `score`: of its least like pair."""

    items: tuple[int, ...]
    pairs: tuple[CopyPair, ...]
    conflict: bool
    leak: bool
    reason: str

    @property
    def score(self) -> float:
        return min(pair.score for pair in self.pairs)


@dataclass(frozen=True, slots=True)
class Copies:
    """The groups, those with conflicting labels first, then leaks between splits; and how far was looked."""

    groups: list[CopyGroup]
    compared: int
    #: Pairs that were proposed and not compared, since there were too many.
    left: int


def find_copies(
    facts: Sequence[ImageFacts], signs: Signs, small_of: Callable[[int], Small | None]
) -> Copies:
    """Give all groups of copies. `small_of` gives an image's small picture, `None` where there is none."""
    equal = _Equal(facts)
    checks = _Checks(small_of)
    proposed = [
        one
        for one in candidates(signs)
        if equal.first[one.one] == one.one and equal.first[one.other] == one.other
    ]
    linked: dict[int, list[int]] = {}
    for one in proposed[:MOST_COMPARED]:
        if checks.is_copy(one.one, one.other):
            _join(linked, one.one, one.other, checks)
    signs_of = {(one.one, one.other): one for one in proposed}
    groups = {id(members): members for members in linked.values()}
    alone = [[first] for first in equal.more if first not in linked]
    found = [
        _told(members, equal, facts, checks, signs_of) for members in [*groups.values(), *alone]
    ]
    found.sort(key=lambda one: (not one.conflict, not one.leak, -one.score, one.items))
    return Copies(found, len(checks.known), max(0, len(proposed) - MOST_COMPARED))


@dataclass(slots=True)
class _Checks:
    """Compares pairs, each once."""

    small_of: Callable[[int], Small | None]
    known: dict[tuple[int, int], Likeness] = field(default_factory=dict)

    def of(self, one: int, other: int) -> Likeness:
        key = (min(one, other), max(one, other))
        if key not in self.known:
            first, second = self.small_of(key[0]), self.small_of(key[1])
            # What cannot be looked at is no copy that could be told.
            if first is None or second is None:
                self.known[key] = Likeness(0.0)
            else:
                self.known[key] = likeness(first, second)
        return self.known[key]

    def is_copy(self, one: int, other: int) -> bool:
        return self.of(one, other).is_copy


def _join(linked: dict[int, list[int]], one: int, other: int, checks: _Checks) -> None:
    """Join the groups of two copies, where every one of either is a copy of every one of the other."""
    first, second = linked.get(one, [one]), linked.get(other, [other])
    if first is second or len(first) + len(second) > MOST_IN_GROUP:
        return
    if all(checks.is_copy(a, b) for a in first for b in second):
        joined = [*first, *second]
        linked.update(dict.fromkeys(joined, joined))


class _Equal:
    """Images of equal bytes or equal pixels: one of each is compared, the others follow it."""

    def __init__(self, facts: Sequence[ImageFacts]) -> None:
        self.first: list[int] = []
        self.more: dict[int, list[int]] = {}
        seen: dict[tuple[str, str], int] = {}
        for place, each in enumerate(facts):
            keys = [key for key in (("content", each.content), ("pixels", each.pixels)) if key[1]]
            first = min((seen[key] for key in keys if key in seen), default=place)
            for key in keys:
                seen.setdefault(key, first)
            self.first.append(first)
            if first != place:
                self.more.setdefault(first, []).append(place)

    def with_followers(self, members: Sequence[int]) -> tuple[int, ...]:
        return tuple(sorted([*members, *(n for m in members for n in self.more.get(m, ()))]))


def _told(
    members: Sequence[int],
    equal: _Equal,
    facts: Sequence[ImageFacts],
    checks: _Checks,
    signs_of: dict[tuple[int, int], Candidate],
) -> CopyGroup:
    items = equal.with_followers(members)
    pairs = tuple(_pairs(sorted(members), equal, facts, checks, signs_of))
    labels = {facts[item].labels for item in items} - {None}
    splits = sorted({facts[item].split for item in items} - {""})
    conflict, leak = len(labels) > 1, len(splits) > 1
    return CopyGroup(items, pairs, conflict, leak, _reason(items, pairs, labels, splits))


def _pairs(
    members: Sequence[int],
    equal: _Equal,
    facts: Sequence[ImageFacts],
    checks: _Checks,
    signs_of: dict[tuple[int, int], Candidate],
) -> Iterator[CopyPair]:
    """Every compared pair, and each follower with the one it equals."""
    for first in members:
        for follower in equal.more.get(first, ()):
            same = facts[first].content == facts[follower].content != ""
            kind, words = ("bytes", "equal bytes") if same else ("pixels", "equal pixels")
            yield CopyPair(first, follower, 1.0, kind, (words,))
    for number, one in enumerate(members):
        for other in members[number + 1 :]:
            found = checks.of(one, other)
            evidence = tuple(_evidence(found, signs_of.get((one, other))))
            kind = "mirrored" if found.mirrored else "near"
            yield CopyPair(one, other, round(found.score, 3), kind, evidence)


def _evidence(found: Likeness, sign: Candidate | None) -> Iterator[str]:
    mirrored = "mirrored and " if found.mirrored else ""
    yield f"{mirrored}laid over each other they are {found.score:.2f} alike"
    if sign is not None and sign.bits is not None and sign.bits <= HASH_BITS:
        yield f"hashes differ in {sign.bits} of 64 bits"
    if sign is not None and sign.vector is not None:
        yield f"vectors are {sign.vector:.2f} alike"


def _reason(
    items: Sequence[int],
    pairs: Sequence[CopyPair],
    labels: set[frozenset[str] | None],
    splits: Sequence[str],
) -> str:
    kinds = {
        "bytes": "equal bytes",
        "pixels": "equal pixels",
        "near": "near copies",
        "mirrored": "mirrored",
    }
    found = [words for kind, words in kinds.items() if any(pair.kind == kind for pair in pairs)]
    parts = [f"{len(items)} copies ({', '.join(found)})"]
    if len(labels) > 1:
        named = sorted(", ".join(sorted(each)) or "nothing" for each in labels if each is not None)
        parts.insert(0, f"labelled differently: {' / '.join(named)}")
    if len(splits) > 1:
        parts.insert(0 if len(labels) < 2 else 1, f"in {' and '.join(splits)} at once")
    return "; ".join(parts)
