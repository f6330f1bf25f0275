"""The table of models that Firstpass knows: names, pinned revisions, what each must look like."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from models.answering import Answering, GateRules, Neutral
from models.queries import (
    Caption,
    Classify,
    Contour,
    DenseCaption,
    Detect,
    Embed,
    EmbedTexts,
    Ground,
    InBox,
    Judge,
    ProposeRegions,
    QueryKind,
    ReadText,
    SearchIndex,
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
    "FolderNotAvailable",
    "Kind",
    "ModelNotAvailable",
]

#: `florence2`, `clip`, `siglip`: what `models.runtime` has a loader for.
Kind: TypeAlias = str

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
CLASSIFIER_QUERIES: frozenset[QueryKind] = frozenset(
    {Classify, Contour, Embed, EmbedTexts, Judge, SearchIndex}
)
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
_TINY_SHAPES = ("circle", "square", "triangle", "star", "ring", "cross", "heart")
_TINY_COLORS = ("red", "green", "blue", "yellow", "orange", "purple", "white", "black")
_TINY_GROUNDS = ("grass", "desert", "water", "night", "snow", "bricks")
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


class FolderNotAvailable(ModelNotAvailable):
    """A folder that a setting names is not there, or holds no checkpoint yet."""


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
    #: What a Florence-2 that was trained to answer questions expects before one; `None` for any other.
    question_prefix: str | None = None
    #: The words for things that it was taught; none for a model that was taught a language.
    taught: tuple[str, ...] = ()

    @property
    def is_classifier(self) -> bool:
        """Whether it is a CLIP or SigLIP: they are of one kind, and the first of them is the default."""
        return self.kind in ("clip", "siglip")


def _hub(
    name: str,
    kind: Kind,
    repository: str,
    revision: str,
    shape: CheckpointShape,
    templates: tuple[str, ...] = (),
) -> Entry:
    """Give a model of the hub: what it answers follows from its kind."""
    queries = FLORENCE_QUERIES if kind == "florence2" else CLASSIFIER_QUERIES
    return Entry(name, kind, queries, repository, revision, shape=shape, templates=templates)


#: Of the four that Microsoft released none answers questions.
_FLORENCES = {
    "base": "00921df66db728a9ceb750f5eca43e5c203a2051",
    "large": "4271c66b88cdbc05735372ec13b2360108de5317",
    "base-ft": "0b03b6f15a4a211370fb204aee4e7dd48887ea37",
    "large-ft": "26b734a54fdfbf9c398351eedfabb7f27fc470b7",
}


def _entries() -> tuple[Entry, ...]:
    florence = CheckpointShape(768, image_tokens=577, location_tokens=LOCATION_TOKENS)
    return (
        *(
            _hub(
                f"florence-2-{size}",
                "florence2",
                f"florence-community/Florence-2-{size}",
                revision,
                florence,
            )
            for size, revision in _FLORENCES.items()
        ),
        _hub(
            "clip-vit-b-32",
            "clip",
            "openai/clip-vit-base-patch32",
            "3d74acf9a28c67741b2f4f2ea7635f0aaf6f0268",
            CheckpointShape(224),
            CLIP_TEMPLATES,
        ),
        _hub(
            "clip-vit-l-14",
            "clip",
            "openai/clip-vit-large-patch14",
            "32bd64288804d66eefd0ccbe215aa642df71cc41",
            CheckpointShape(224),
            CLIP_TEMPLATES,
        ),
        _hub(
            "siglip2-base",
            "siglip",
            "google/siglip2-base-patch16-256",
            "3f9f96cb90da5dbc758b01813f2f6f1aee24c1ab",
            CheckpointShape(256),
            SIGLIP_TEMPLATES,
        ),
        Entry(
            name="tiny-florence2",
            kind="florence2",
            queries=_TINY_QUERIES,
            folder=TINY_FOLDER / "florence2",
            shape=CheckpointShape(160, image_tokens=101, location_tokens=LOCATION_TOKENS),
            short_texts_only=True,
            answering=_TINY_ANSWERING,
            taught=(*_TINY_SHAPES, "shape", "object"),
        ),
        Entry(
            name="tiny-clip",
            kind="clip",
            queries=CLASSIFIER_QUERIES,
            folder=TINY_FOLDER / "clip",
            shape=CheckpointShape(64),
            templates=_TINY_TEMPLATES,
            neutral=_TINY_NEUTRAL,
            taught=(*_TINY_GROUNDS, *_TINY_SHAPES, *_TINY_COLORS),
        ),
    )


#: Every name but `tiny`, which stands for `tiny-florence2,tiny-clip`.
REGISTRY: dict[str, Entry] = {entry.name: entry for entry in _entries()}
GROUPS = {"tiny": ("tiny-florence2", "tiny-clip")}
