"""A head: what was learned of one project's annotations, as the bytes of a safetensors file.

Read here without numpy, so that every process can say whether a head is whole and what it is for. What it
holds for each control tag: examples (vectors of boxes or images, and what a person called them), texts
(a vector for each label), and in the file's metadata the rules below.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
import struct
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

__all__ = [
    "METADATA",
    "MOST_BYTES",
    "MOST_EXAMPLES",
    "HeadCard",
    "HeadPart",
    "HeadUnusable",
    "Shift",
    "head_fingerprint",
    "is_head_fingerprint",
    "metadata_of",
    "read_card",
]

FORMAT = 2
#: Key of the card in the file's metadata.
METADATA = "firstpass_head"
#: A larger file is no head: 4,000 examples of 1,024 numbers each take as much.
MOST_BYTES = 8 * 1024 * 1024
_MOST_PARTS = 64
#: Examples of one part; and of all together examples times labels, as many numbers as a worker makes of them.
MOST_EXAMPLES = 4000
_MOST_MARKS = 8 * 1024 * 1024
_FINGERPRINT = re.compile(r"[0-9a-f]{32}")


class HeadUnusable(ValueError):
    """A head that is not there, not whole, or not for these models; the message says which."""


@dataclass(frozen=True, slots=True)
class Shift:
    """How people change the boxes of a label, in shares of the box: its middle moves, its sides grow by these factors."""

    x: float
    y: float
    wider: float
    higher: float


@dataclass(frozen=True, slots=True)
class HeadPart:
    """What was learned for one control tag. A label that is in none of the last lists is left as predicted."""

    tag: str
    #: Of the examples; an example of no label is one that people delete.
    labels: tuple[str, ...]
    #: Weight and sharpness of the examples, and weight of the labels' texts.
    alpha: float
    beta: float
    scale: float
    #: How much likelier the label that was predicted is taken to be, in logits.
    predicted: float = 0.0
    #: Sharpness of the examples where it is told what people delete.
    unwanted_beta: float = 1.0
    #: Predicted labels that the head may change.
    judged: tuple[str, ...] = ()
    #: Labels that such boxes may be given.
    given: tuple[str, ...] = ()
    #: Predicted labels of which boxes are left out, and from which share of unwanted examples on.
    unwanted: tuple[tuple[str, float], ...] = ()
    #: Predicted labels whose boxes are drawn otherwise.
    shifts: tuple[tuple[str, Shift], ...] = ()
    #: Such labels whose boxes are first drawn around what stands out in them.
    fitted: tuple[str, ...] = ()
    #: Labels of what is found where nothing was predicted, and how sure it must be of each.
    places: tuple[tuple[str, float], ...] = ()

    @property
    def asks(self) -> bool:
        """Whether the examples are needed to apply it."""
        return bool(self.judged or self.unwanted or self.places)


@dataclass(frozen=True, slots=True)
class HeadCard:
    """What a head says of itself. `classifier` is the fingerprint of the model that gave the vectors."""

    fingerprint: str
    classifier: str
    width: int
    parts: tuple[HeadPart, ...]


def head_fingerprint(data: bytes) -> str:
    """Gives the name of a head: 32 hexadecimal digits of its bytes' sha256."""
    return hashlib.sha256(data).hexdigest()[:32]


def is_head_fingerprint(text: str) -> bool:
    """Says whether a text may name a head."""
    return _FINGERPRINT.fullmatch(text) is not None


def metadata_of(classifier: str, width: int, parts: tuple[HeadPart, ...]) -> dict[str, str]:
    """Gives the metadata of the file; `read_card` reads it back."""
    card = {
        "format": FORMAT,
        "classifier": classifier,
        "width": width,
        "parts": [asdict(part) for part in parts],
    }
    return {METADATA: json.dumps(card, sort_keys=True)}


def read_card(data: bytes, fingerprint: str) -> HeadCard:
    """Gives the card of a head, whose bytes are to be those that the fingerprint names.

    Raises `HeadUnusable` for any other bytes, and for a file whose tensors are not what its card says.
    """
    if len(data) > MOST_BYTES:
        raise HeadUnusable(f"expected at most {MOST_BYTES} bytes, got {len(data)}")
    if head_fingerprint(data) != fingerprint:
        raise HeadUnusable("its bytes are not those that its name stands for")
    try:
        (length,) = struct.unpack_from("<Q", data)
        header = json.loads(data[8 : 8 + length])
        told = json.loads(header.pop("__metadata__")[METADATA])
        if told["format"] != FORMAT:
            raise HeadUnusable(
                f"expected a head of form {FORMAT}, got {told['format']!r}: another Firstpass made it"
            )
        parts = tuple(map(_part, told["parts"]))
        card = HeadCard(fingerprint, str(told["classifier"]), int(told["width"]), parts)
        _check_tensors(header, card, len(data) - 8 - length)
    except HeadUnusable:
        raise
    except (
        struct.error,
        ValueError,
        LookupError,
        TypeError,
        AttributeError,
        ArithmeticError,
        RecursionError,
    ) as error:
        raise HeadUnusable(f"it is no head that Firstpass made ({error!r:.100})") from error
    return card


def _part(told: Mapping[str, Any]) -> HeadPart:
    numbers = ("alpha", "beta", "scale", "predicted", "unwanted_beta")
    return HeadPart(
        tag=str(told["tag"]),
        labels=tuple(map(str, told["labels"])),
        judged=tuple(map(str, told["judged"])),
        given=tuple(map(str, told["given"])),
        unwanted=tuple((str(label), _finite(least)) for label, least in told["unwanted"]),
        fitted=tuple(map(str, told["fitted"])),
        places=tuple((str(label), _finite(least)) for label, least in told["places"]),
        shifts=tuple((str(label), _shift(shift)) for label, shift in told["shifts"]),
        **{name: _finite(told[name]) for name in numbers},
    )


def _shift(told: Mapping[str, Any]) -> Shift:
    shift = Shift(*(_finite(told[name]) for name in ("x", "y", "wider", "higher")))
    if not (0 < shift.wider <= 4 and 0 < shift.higher <= 4):
        raise HeadUnusable(f"it makes boxes {shift.wider} times as wide, {shift.higher} as high")
    if abs(shift.x) > 2 or abs(shift.y) > 2:
        raise HeadUnusable(f"it moves boxes by {shift.x} of their width, {shift.y} of their height")
    return shift


def _finite(told: object) -> float:
    number = float(told)  # type: ignore[arg-type]
    if not math.isfinite(number):
        raise HeadUnusable(f"expected a finite number, got {told!r}")
    return number


def _check_tensors(header: Mapping[str, Any], card: HeadCard, room: int) -> None:
    """Raise `HeadUnusable` unless there are examples, their labels and texts of each part, and nothing else."""
    if not 1 <= len(card.parts) <= _MOST_PARTS or card.width < 1:
        raise HeadUnusable(f"expected 1 to {_MOST_PARTS} parts, got {len(card.parts)}")
    wanted: dict[str, tuple[str, list[int]]] = {}
    marks = 0
    for number, part in enumerate(card.parts):
        examples = header[f"{number}.labels"]["shape"][0]
        marks += examples * len(part.labels)
        if examples > MOST_EXAMPLES or marks > _MOST_MARKS:
            raise HeadUnusable(
                f"expected at most {MOST_EXAMPLES:,} examples of a tag, and {_MOST_MARKS:,} of all times labels; got "
                f"{examples:,} and {marks:,}"
            )
        wanted |= {
            f"{number}.examples": ("F16", [examples, card.width]),
            f"{number}.labels": ("I32", [examples]),
            f"{number}.texts": ("F16", [len(part.labels), card.width]),
        }
    found = {name: (one["dtype"], one["shape"]) for name, one in header.items()}
    if found != wanted:
        raise HeadUnusable("its tensors are not what its card says")
    places = sorted(tuple(one["data_offsets"]) for one in header.values())
    ends = [0, *(end for _, end in places)]
    whole = [start for start, _ in places] == ends[:-1] and ends[-1] == room
    sizes = {name: 4 if kind == "I32" else 2 for name, (kind, _) in wanted.items()}
    fits = all(
        one["data_offsets"][1] - one["data_offsets"][0] == sizes[name] * math.prod(one["shape"])
        for name, one in header.items()
    )
    if not (whole and fits):
        raise HeadUnusable("it is cut short, or its tensors overlap")
