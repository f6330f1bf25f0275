"""The table of models that Firstpass knows: names, pinned revisions, what each must look like."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeAlias

from models.answering import Answering, GateRules, Neutral
from models.queries import (
    Caption,
    Classify,
    DenseCaption,
    Detect,
    Ground,
    InBox,
    ProposeRegions,
    ReadText,
    Segment,
)

__all__ = [
    "CLASSIFIER_QUERIES",
    "CLIP_TEMPLATES",
    "FLORENCE_QUERIES",
    "GROUPS",
    "LOCATION_TOKENS",
    "REGISTRY",
    "SIGLIP_TEMPLATES",
    "CheckpointShape",
    "Entry",
    "Kind",
    "ModelNotAvailable",
    "QueryKind",
]

Kind: TypeAlias = Literal["florence2", "clip", "siglip"]
QueryKind: TypeAlias = (
    type[Ground]
    | type[Detect]
    | type[DenseCaption]
    | type[ProposeRegions]
    | type[Classify]
    | type[Caption]
    | type[ReadText]
    | type[Segment]
    | type[InBox]
)

LOCATION_TOKENS = 1000
TINY_FOLDER = Path(__file__).parent / "tiny"

FLORENCE_QUERIES: frozenset[QueryKind] = frozenset(
    {
        Ground,
        Detect,
        DenseCaption,
        ProposeRegions,
        Caption,
        ReadText,
        Segment,
        InBox,
    }
)
CLASSIFIER_QUERIES: frozenset[QueryKind] = frozenset({Classify})
#: The bundled Florence-2 has never seen printed words, outlines, descriptions or long captions.
_TINY_QUERIES: frozenset[QueryKind] = frozenset({Ground, Detect, Caption, InBox})

CLIP_TEMPLATES = (
    "a photo of a {}.",
    "a photo of the {}.",
    "a photo of {}.",
    "a picture of a {}.",
    "an image of a {}.",
    "a close-up photo of a {}.",
    "a cropped photo of a {}.",
    "a bright photo of a {}.",
    "a dark photo of a {}.",
    "a blurry photo of a {}.",
    "a photo of one {}.",
    "a photo of many {}.",
)
SIGLIP_TEMPLATES = ("this is a photo of {}.", "a photo of a {}.", "{}")
_TINY_TEMPLATES = ("{}", "a photo of {}", "a photo of a {}")
#: As measured on it; `models/tiny/README.md` has the figures.
_TINY_ANSWERING = Answering(
    num_beams=1,
    no_repeat_ngram_of_places=0,
    stop_by_majority=True,
    gate=GateRules(judged="doubtful"),
)
#: As it was taught. The margin: where a model boxes all seven shapes with 0.9, of absent ones 6 to 8 % show
#: when asked alone and under 2 % when asked together, and 1 to 3 points of recall are lost. The least fit: of 300
#: held-out scenes all keep the right ground (2 to 6 asked), and of wrong grounds alone (2 to 5) 0.0 to 0.7 % pass;
#: of 248 crops 99.6 to 100 % keep the right colour or shape, and 21 to 51 % of wrong ones alone pass.
_TINY_NEUTRAL = Neutral(
    texts=("a photo", "an image", "a picture of something", "something else"),
    templated=False,
    margin=4.0,
    least_fit=0.5,
)


class ModelNotAvailable(Exception):
    """A model is not known, not on disk, or not what the registry says; the message says what to do."""


@dataclass(frozen=True, slots=True)
class CheckpointShape:
    """What a checkpoint must look like; `None` where the kind has no such thing."""

    #: Side in pixels of the square the image is resized to.
    image_size: int
    #: Tokens one image becomes (Florence-2).
    image_tokens: int | None = None
    #: Location tokens in the tokenizer (Florence-2).
    location_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """One model: a hub repository at a pinned revision, or a folder on disk."""

    #: Name in the registry, or the folder as it was written in the setting.
    name: str
    kind: Kind
    queries: frozenset[QueryKind]
    repository: str | None = None
    #: Commit of the repository, 40 hexadecimal digits.
    revision: str | None = None
    folder: Path | None = None
    #: `None` for a folder: its own configuration says.
    shape: CheckpointShape | None = None
    #: What a candidate is put into before CLIP reads it.
    templates: tuple[str, ...] = ()
    #: What a classifier sets candidates against.
    neutral: Neutral = field(default_factory=Neutral)
    #: Trained for short captions and region categories alone.
    short_texts_only: bool = False
    #: How a Florence-2 is decoded and judged.
    answering: Answering = field(default_factory=Answering)


def _florence(name: str, repository: str, revision: str) -> Entry:
    return Entry(
        name=name,
        kind="florence2",
        queries=FLORENCE_QUERIES,
        repository=f"florence-community/{repository}",
        revision=revision,
        shape=CheckpointShape(768, image_tokens=577, location_tokens=LOCATION_TOKENS),
    )


def _entries() -> tuple[Entry, ...]:
    return (
        _florence("florence-2-base", "Florence-2-base", "00921df66db728a9ceb750f5eca43e5c203a2051"),
        _florence(
            "florence-2-large", "Florence-2-large", "4271c66b88cdbc05735372ec13b2360108de5317"
        ),
        _florence(
            "florence-2-base-ft", "Florence-2-base-ft", "0b03b6f15a4a211370fb204aee4e7dd48887ea37"
        ),
        _florence(
            "florence-2-large-ft",
            "Florence-2-large-ft",
            "26b734a54fdfbf9c398351eedfabb7f27fc470b7",
        ),
        Entry(
            name="clip-vit-b-32",
            kind="clip",
            queries=CLASSIFIER_QUERIES,
            repository="openai/clip-vit-base-patch32",
            revision="3d74acf9a28c67741b2f4f2ea7635f0aaf6f0268",
            shape=CheckpointShape(224),
            templates=CLIP_TEMPLATES,
        ),
        Entry(
            name="clip-vit-l-14",
            kind="clip",
            queries=CLASSIFIER_QUERIES,
            repository="openai/clip-vit-large-patch14",
            revision="32bd64288804d66eefd0ccbe215aa642df71cc41",
            shape=CheckpointShape(224),
            templates=CLIP_TEMPLATES,
        ),
        Entry(
            name="siglip2-base",
            kind="siglip",
            queries=CLASSIFIER_QUERIES,
            repository="google/siglip2-base-patch16-256",
            revision="3f9f96cb90da5dbc758b01813f2f6f1aee24c1ab",
            shape=CheckpointShape(256),
            templates=SIGLIP_TEMPLATES,
        ),
        Entry(
            name="tiny-florence2",
            kind="florence2",
            queries=_TINY_QUERIES,
            folder=TINY_FOLDER / "florence2",
            shape=CheckpointShape(160, image_tokens=101, location_tokens=LOCATION_TOKENS),
            short_texts_only=True,
            answering=_TINY_ANSWERING,
        ),
        Entry(
            name="tiny-clip",
            kind="clip",
            queries=CLASSIFIER_QUERIES,
            folder=TINY_FOLDER / "clip",
            shape=CheckpointShape(64),
            templates=_TINY_TEMPLATES,
            neutral=_TINY_NEUTRAL,
        ),
    )


#: Every name but `tiny`, which stands for `tiny-florence2,tiny-clip`.
REGISTRY: dict[str, Entry] = {entry.name: entry for entry in _entries()}
GROUPS = {"tiny": ("tiny-florence2", "tiny-clip")}
