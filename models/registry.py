"""Which models Firstpass knows: names, pinned revisions, what each checkpoint must look like.

Imports neither torch nor transformers: the web process asks here what a model setting stands for
and which queries it serves. Loading is done in `models.checkpoint` and `models.runtime`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal, TypeAlias

from models.types import (
    Caption,
    Classify,
    DescribeRegion,
    Detect,
    Ground,
    Query,
    ReadText,
    Segment,
)

__all__ = [
    "REGISTRY",
    "CheckpointShape",
    "Entry",
    "Kind",
    "ModelNotAvailable",
    "QueryKind",
    "fingerprint",
    "reason_not_served",
    "resolve",
    "serves",
]

Kind: TypeAlias = Literal["florence2", "clip", "siglip"]
QueryKind: TypeAlias = (
    type[Ground]
    | type[Detect]
    | type[Classify]
    | type[Caption]
    | type[ReadText]
    | type[Segment]
    | type[DescribeRegion]
)

#: Raised by one whenever prompts, parsing, scoring or post-processing change an answer.
ANSWERS_VERSION = 1

LOCATION_TOKENS = 1000
TINY_FOLDER = Path(__file__).parent / "tiny"

_FLORENCE_QUERIES: frozenset[QueryKind] = frozenset(
    {Ground, Detect, Caption, ReadText, Segment, DescribeRegion}
)
_CLASSIFIER_QUERIES: frozenset[QueryKind] = frozenset({Classify})
#: The bundled Florence-2 has never seen printed words, outlines or long captions.
_TINY_QUERIES: frozenset[QueryKind] = frozenset({Ground, Detect, Caption, DescribeRegion})

_CLIP_TEMPLATES = (
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
_SIGLIP_TEMPLATES = ("this is a photo of {}.", "a photo of a {}.", "{}")
_TINY_TEMPLATES = ("{}", "a photo of {}", "a photo of a {}")


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
    #: File that holds the weights.
    weights: str = "model.safetensors"
    #: `None` for a folder: its own configuration says.
    shape: CheckpointShape | None = None
    #: What a candidate is put into before CLIP reads it.
    templates: tuple[str, ...] = ()
    #: Trained for short captions and region categories alone.
    short_texts_only: bool = False


def _florence(name: str, repository: str, revision: str) -> Entry:
    return Entry(
        name=name,
        kind="florence2",
        queries=_FLORENCE_QUERIES,
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
            queries=_CLASSIFIER_QUERIES,
            repository="openai/clip-vit-base-patch32",
            revision="3d74acf9a28c67741b2f4f2ea7635f0aaf6f0268",
            weights="pytorch_model.bin",
            shape=CheckpointShape(224),
            templates=_CLIP_TEMPLATES,
        ),
        Entry(
            name="clip-vit-l-14",
            kind="clip",
            queries=_CLASSIFIER_QUERIES,
            repository="openai/clip-vit-large-patch14",
            revision="32bd64288804d66eefd0ccbe215aa642df71cc41",
            shape=CheckpointShape(224),
            templates=_CLIP_TEMPLATES,
        ),
        Entry(
            name="siglip2-base",
            kind="siglip",
            queries=_CLASSIFIER_QUERIES,
            repository="google/siglip2-base-patch16-256",
            revision="3f9f96cb90da5dbc758b01813f2f6f1aee24c1ab",
            shape=CheckpointShape(256),
            templates=_SIGLIP_TEMPLATES,
        ),
        Entry(
            name="tiny-florence2",
            kind="florence2",
            queries=_TINY_QUERIES,
            folder=TINY_FOLDER / "florence2",
            shape=CheckpointShape(160, image_tokens=101, location_tokens=LOCATION_TOKENS),
            short_texts_only=True,
        ),
        Entry(
            name="tiny-clip",
            kind="clip",
            queries=_CLASSIFIER_QUERIES,
            folder=TINY_FOLDER / "clip",
            shape=CheckpointShape(64),
            templates=_TINY_TEMPLATES,
        ),
    )


#: Every name but `tiny`, which stands for `tiny-florence2,tiny-clip`.
REGISTRY: dict[str, Entry] = {entry.name: entry for entry in _entries()}
_GROUPS = {"tiny": ("tiny-florence2", "tiny-clip")}


def resolve(model_setting: str) -> tuple[Entry, ...]:
    """Gives the models that a setting names: at most one Florence-2, at most one CLIP or SigLIP.

    `model_setting` is a comma-separated list of registry names and local folders, such as
    `florence-2-base,clip-vit-b-32`, `tiny` or `/data/my-florence,tiny-clip`. Florence-2 comes first.
    Nothing is loaded; of a local folder only `config.json` is read.

    Raises `ModelNotAvailable` for an unknown name, a folder that is not a checkpoint, none at all,
    or two of a kind.

    >>> [entry.name for entry in resolve("tiny")]
    ['tiny-florence2', 'tiny-clip']
    """
    names = [part.strip() for part in model_setting.split(",") if part.strip()]
    if not names:
        raise ModelNotAvailable(
            "expected the name of a model, got an empty setting; "
            "name one of `firstpass models list`, or try `--model tiny`"
        )
    found = [_find(part) for name in names for part in _GROUPS.get(name, (name,))]
    grounders = [entry for entry in found if entry.kind == "florence2"]
    classifiers = [entry for entry in found if entry.kind != "florence2"]
    for group, what in ((grounders, "Florence-2"), (classifiers, "CLIP or SigLIP")):
        if len(group) > 1:
            listed = ", ".join(entry.name for entry in group)
            raise ModelNotAvailable(
                f"expected at most one {what} model, got {listed}; keep one of them"
            )
    return (*grounders, *classifiers)


def fingerprint(entries: Sequence[Entry]) -> str:
    """Gives 12 hexadecimal digits that change when the models' answers may change.

    Made of repository and revision (of a folder: its files' content), the templates and the version
    of our own answers. The same on every machine, device and dtype, and whatever a folder is called.

    Raises `ModelNotAvailable` when a folder's files cannot be read.
    """
    digest = hashlib.sha256(f"answers {ANSWERS_VERSION}".encode())
    for entry in entries:
        content = (
            _folder_digest(entry.folder, entry.weights)
            if entry.folder is not None
            else f"{entry.repository}@{entry.revision}"
        )
        digest.update(json.dumps([entry.kind, content, *entry.templates]).encode())
    return digest.hexdigest()[:12]


def serves(entries: Sequence[Entry]) -> frozenset[QueryKind]:
    """Gives the query classes that these models answer.

    >>> Classify in serves(resolve("tiny-florence2"))
    False
    """
    return frozenset(kind for entry in entries for kind in entry.queries)


def reason_not_served(entries: Sequence[Entry], query: Query) -> str | None:
    """Gives a sentence that says why these models cannot answer the query, or `None` if they can."""
    able = [entry for entry in entries if type(query) in entry.queries]
    asked = type(query).__name__
    names = ", ".join(entry.name for entry in entries)
    if not able:
        return f"no loaded model answers {asked}: {names}"
    match query:
        case Caption(detail="detailed" | "more_detailed") | DescribeRegion(detail="description"):
            if all(entry.short_texts_only for entry in able):
                return f"{names} was not trained for {asked} with detail {query.detail!r}"
        case _:
            pass
    return None


def _find(name: str) -> Entry:
    entry = REGISTRY.get(name)
    if entry is not None:
        return entry
    folder = Path(name).expanduser()
    if folder.is_dir():
        return _local(name, folder)
    if "/" in name or name.startswith((".", "~")):
        raise ModelNotAvailable(
            f"expected a folder with a checkpoint at {name}, but there is none; "
            "correct the path, or name one of `firstpass models list`"
        )
    raise ModelNotAvailable(
        f"expected one of {', '.join([*_GROUPS, *REGISTRY])} or a folder, got {name!r}; "
        "see `firstpass models list`, or try `--model tiny`"
    )


def _local(name: str, folder: Path) -> Entry:
    kinds: dict[str, Kind] = {"florence2": "florence2", "clip": "clip", "siglip": "siglip"}
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        model_type = config["model_type"]
    except (OSError, ValueError, KeyError, TypeError) as exc:
        raise ModelNotAvailable(
            f"expected a transformers checkpoint in {name} with a config.json that names its "
            f"model_type, got {exc!r}; point to a folder written by save_pretrained"
        ) from exc
    kind = kinds.get(model_type)
    if kind is None:
        raise ModelNotAvailable(
            f"expected model_type florence2, clip or siglip in {name}/config.json, "
            f"got {model_type!r}; original Florence-2 repositories must be converted first "
            "(the florence-community ones are)"
        )
    templates = {"clip": _CLIP_TEMPLATES, "siglip": _SIGLIP_TEMPLATES, "florence2": ()}[kind]
    return Entry(
        name=name,
        kind=kind,
        queries=_FLORENCE_QUERIES if kind == "florence2" else _CLASSIFIER_QUERIES,
        folder=folder,
        weights=_weights_name(folder),
        templates=templates,
    )


def _weights_name(folder: Path) -> str:
    for name in ("model.safetensors", "model.safetensors.index.json", "pytorch_model.bin"):
        if (folder / name).is_file():
            return name
    return "model.safetensors"


def _folder_digest(folder: Path, weights: str) -> str:
    try:
        files = sorted(
            path
            for path in folder.iterdir()
            if path.suffix in {".json", ".txt", ".safetensors", ".model"} or path.name == weights
        )
        parts = [
            f"{path.name} {_file_digest(path, path.stat().st_size, path.stat().st_mtime_ns)}"
            for path in files
        ]
    except OSError as exc:
        raise ModelNotAvailable(
            f"expected to read the checkpoint in {folder}, got {exc!r}; "
            "check that the folder is there and readable"
        ) from exc
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


@lru_cache(maxsize=64)
def _file_digest(path: Path, size: int, mtime_ns: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
