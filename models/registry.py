"""What a model setting stands for, which queries it serves, and its fingerprint.

Imports neither torch nor transformers: the web process asks here. Loading is done in
`models.checkpoint` and `models.runtime`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from functools import lru_cache
from pathlib import Path

from models.answering import Overrides
from models.catalogue import (
    GROUPS,
    REGISTRY,
    CheckpointShape,
    Entry,
    FolderNotAvailable,
    Kind,
    ModelNotAvailable,
)
from models.files import model_files
from models.names import entry_named
from models.prompts import reason_refused
from models.queries import Ask, Caption, InBox, Look, PerBox, Query, QueryKind, kind_of
from models.types import Box

__all__ = [
    "ANY_BOX",
    "NO_MODEL",
    "REGISTRY",
    "CheckpointShape",
    "Entry",
    "FolderNotAvailable",
    "Kind",
    "ModelNotAvailable",
    "asked_of",
    "asked_otherwise",
    "fingerprint",
    "reason_not_served",
    "resolve",
    "serves",
]

#: Raised by one whenever prompts, parsing, scoring or post-processing change an answer.
ANSWERS_VERSION = 3
#: Whether a region can be asked about does not depend on where it is.
ANY_BOX = Box(0, 0, 1, 1)
#: What every runtime answers, whichever models are loaded.
NO_MODEL: frozenset[QueryKind] = frozenset({Look})


def resolve(model_setting: str, overrides: Overrides | None = None) -> tuple[Entry, ...]:
    """Gives the models that a setting names, Florence-2 first; the first of each kind is its default.

    `model_setting` is a comma-separated list of registry names and local folders, such as
    `florence-2-base,clip-vit-b-32`, `tiny` or `/data/my-florence,tiny-clip`; `NAME@COMMIT` is another
    revision of the registry's. CLIP and SigLIP are one
    kind: both classify. `overrides` change how all of them are asked. Nothing is loaded; of a local folder
    only `config.json` is read.

    Raises `ModelNotAvailable` for an unknown name, a folder that is not a checkpoint, none at all,
    or one twice.

    >>> [entry.name for entry in resolve("tiny")]
    ['tiny-florence2', 'tiny-clip']
    """
    names = [part.strip() for part in model_setting.split(",") if part.strip()]
    if not names:
        raise ModelNotAvailable(
            "expected the name of a model, got an empty setting; "
            "name one of `firstpass models list`, or try `--model tiny`"
        )
    found = [entry_named(part) for name in names for part in GROUPS.get(name, (name,))]
    listed = [entry.name for entry in found]
    twice = next((name for name in listed if listed.count(name) > 1), None)
    if twice is not None:
        raise ModelNotAvailable(
            f"expected each model once, got {', '.join(listed)}; name {twice} once"
        )
    asked = (asked_otherwise(entry, overrides) for entry in found)
    return tuple(sorted(asked, key=lambda entry: entry.is_classifier))


def asked_of(entries: Sequence[Entry], model: str | None) -> tuple[Entry, ...]:
    """Gives the models among which the one to answer is: those of that name, else each kind's first.

    >>> [entry.name for entry in asked_of(resolve("tiny,clip-vit-b-32"), None)]
    ['tiny-florence2', 'tiny-clip']
    """
    if model is not None:
        return tuple(entry for entry in entries if entry.name == model)
    firsts: dict[str, Entry] = {}
    for entry in entries:
        firsts.setdefault("classifier" if entry.is_classifier else entry.kind, entry)
    return tuple(firsts.values())


def fingerprint(entries: Sequence[Entry]) -> str:
    """Gives 12 hexadecimal digits that change when the models' answers may change.

    Made of repository and revision (of a folder: its files' content), the templates, the rules of answering
    and the version of our own answers. The same on every machine, device and dtype, and whatever a folder is called, but
    for models that are asked by name: of those the name counts.

    Raises `FolderNotAvailable` when a folder's files cannot be read.
    """
    digest = hashlib.sha256(f"answers {ANSWERS_VERSION}".encode())
    unnamed = asked_of(entries, None)
    for entry in entries:
        content = (
            _folder_digest(entry.folder)
            if entry.folder is not None
            else f"{entry.repository}@{entry.revision}"
        )
        name = () if entry in unnamed else (entry.name,)
        prefix = () if entry.question_prefix is None else (entry.question_prefix,)
        parts = [entry.kind, content, *entry.templates, *name, *prefix, _rules(entry)]
        digest.update(json.dumps(parts, sort_keys=True).encode())
    return digest.hexdigest()[:12]


def serves(entries: Sequence[Entry]) -> frozenset[QueryKind]:
    """Gives the query classes that these models answer.

    >>> sorted(kind.__name__ for kind in serves(resolve("tiny-clip")))
    ['Classify', 'Contour', 'Embed', 'EmbedTexts', 'Judge', 'SearchIndex']
    """
    return frozenset(kind for entry in entries for kind in entry.queries)


def reason_not_served(entries: Sequence[Entry], query: Query) -> str | None:
    """Gives a sentence that says why these models cannot answer the query, or `None` if they can.

    Says all that can be known without a model: the kind of query, what the models were trained for,
    and control tokens in a phrase. Left to the loaded model is a phrase of more tokens than it reads.
    """
    if isinstance(query, PerBox):
        about = reason_not_served(entries, query.question(ANY_BOX))
        return reason_not_served(entries, query.boxes) or about
    if kind_of(query) in NO_MODEL:
        return None
    able = [entry for entry in asked_of(entries, query.model) if kind_of(query) in entry.queries]
    if not able:
        return _reason_none_is_able(entries, query)
    untaught = None
    match query:
        case Caption(detail="detailed" | "more_detailed" as detail):
            untaught = f"captions that are {detail}"
        case InBox(ask="description" | "text" | "outline" as task):
            untaught = f"the {task} of a region"
        case _:
            pass
    if untaught is not None and all(entry.short_texts_only for entry in able):
        return f"{', '.join(entry.name for entry in able)} was not trained for {untaught}"
    refused = (reason_refused(phrase, entry.kind) for entry in able for phrase in query.words)
    return next(filter(None, refused), None)


def _reason_none_is_able(entries: Sequence[Entry], query: Query) -> str:
    asked, loaded = kind_of(query).__name__, ", ".join(entry.name for entry in entries)
    able = ", ".join(entry.name for entry in entries if kind_of(query) in entry.queries)
    if not able and isinstance(query, Ask):
        return (
            f"no loaded model was trained to answer questions: {loaded}; a Florence-2 that was says so by "
            "task_specific_params.vqa.prefix in its config.json"
        )
    if not able:
        return f"no loaded model answers {asked}: {loaded}"
    asked_names = ", ".join(entry.name for entry in asked_of(entries, query.model))
    if not asked_names:
        return f"expected a model that is loaded ({loaded}), got {query.model!r}"
    return f"{asked_names} answers no {asked}; {able} would, asked by name"


def asked_otherwise(entry: Entry, overrides: Overrides | None) -> Entry:
    """Gives the entry with what is asked otherwise of a Florence-2; a classifier writes no tokens."""
    if overrides is None or entry.is_classifier:
        return entry
    own = entry.answering
    judged = overrides.gate or own.gate.judged
    return replace(
        entry,
        answering=replace(
            own,
            num_beams=overrides.num_beams or own.num_beams,
            max_new_tokens=overrides.max_new_tokens or own.max_new_tokens,
            gate=replace(own.gate, judged=judged),
        ),
    )


def _rules(entry: Entry) -> dict[str, object]:
    """Gives what of an entry's rules its answers depend on. Thresholds are a part of the plan."""
    if entry.is_classifier:
        beside = asdict(entry.neutral)
        # What is not measured decides nothing, and is no part of the fingerprints there were before it.
        return {name: rule for name, rule in beside.items() if rule or name != "least_fit"}
    rules = asdict(entry.answering)
    del rules["score_threshold"]
    return rules


def _folder_digest(folder: Path) -> str:
    try:
        files = [folder / name for name in model_files(path.name for path in folder.iterdir())]
        parts = [
            f"{path.name} {_file_digest(path, path.stat().st_size, path.stat().st_mtime_ns)}"
            for path in sorted(files)
        ]
    except OSError as exc:
        raise FolderNotAvailable(
            f"expected to read the checkpoint in {folder}, got {exc!r}; "
            "check that the folder is there and readable"
        ) from exc
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


@lru_cache(maxsize=64)
def _file_digest(path: Path, size: int, mtime_ns: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
