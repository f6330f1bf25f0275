"""Which model a name stands for: one of the registry, another revision of it, or a folder."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

from models.catalogue import (
    CLASSIFIER_QUERIES,
    CLIP_TEMPLATES,
    FLORENCE_QUERIES,
    GROUPS,
    REGISTRY,
    SIGLIP_TEMPLATES,
    Entry,
    FolderNotAvailable,
    Kind,
    ModelNotAvailable,
)
from models.queries import Ask

__all__ = ["entry_named", "stands_in_table"]

_COMMIT = re.compile(r"[0-9a-f]{40}")
_KINDS: tuple[Kind, ...] = ("florence2", "clip", "siglip")


def entry_named(name: str) -> Entry:
    """Give the model of a name: `florence-2-base`, `florence-2-base@` and a commit, or a folder.

    Raises `ModelNotAvailable` for an unknown name and a part of a commit, `FolderNotAvailable` for a folder
    that is no checkpoint.
    """
    entry = REGISTRY.get(name)
    if entry is not None:
        return entry
    folder = _folder(name)
    if folder is not None:
        return _local(name, folder)
    base, at, revision = name.partition("@")
    if at and stands_in_table(base):
        return _revised(base, revision)
    if "/" in name or name.startswith((".", "~")):
        raise FolderNotAvailable(
            f"expected a folder with a checkpoint at {name}, but there is none; "
            "correct the path, or name one of `firstpass models list`"
        )
    raise ModelNotAvailable(
        f"expected one of {', '.join([*GROUPS, *REGISTRY])} or a folder, got {name!r}; "
        "see `firstpass models list`, or try `--model tiny`"
    )


def stands_in_table(name: str) -> bool:
    """Tell whether a name is of the table of models, be it at another revision, and so no folder's.

    >>> [stands_in_table(name) for name in ("tiny", "clip-vit-b-32@0123456", "build/tiny")]
    [True, True, False]
    """
    return name.partition("@")[0] in (*GROUPS, *REGISTRY)


def _folder(name: str) -> Path | None:
    """Give the folder that a name leads to; `None` where there is none that we may look at."""
    try:
        folder = Path(name).expanduser()
        return folder if folder.is_dir() else None
    except (OSError, RuntimeError):  # too long for a name, of somebody else; ~nobody
        return None


def _revised(name: str, revision: str) -> Entry:
    """Give another revision of a model that the registry knows, the pinned one included."""
    entry = REGISTRY.get(name)
    if entry is None or entry.repository is None:
        raise ModelNotAvailable(
            f"expected {name} without @{revision}: it ships with Firstpass and has no revisions"
        )
    commit = revision.strip().lower()
    if _COMMIT.fullmatch(commit) is None:
        raise ModelNotAvailable(
            f"expected the 40 hexadecimal digits of a commit after {name}@, got {revision!r} "
            f"({len(revision)} characters); the page of {entry.repository} on the hub shows them whole "
            "under Files, History. A branch or a shortened commit may come to mean something else"
        )
    return (
        entry
        if commit == entry.revision
        else replace(entry, name=f"{name}@{commit}", revision=commit)
    )


def _local(name: str, folder: Path) -> Entry:
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        model_type = config["model_type"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as exc:
        found = exc.strerror if isinstance(exc, OSError) else "a config.json without it"
        raise FolderNotAvailable(
            f"expected a transformers checkpoint in {name} with a config.json that names its "
            f"model_type, got {found}; point to a folder written by save_pretrained"
        ) from exc
    kind = model_type if model_type in _KINDS else None
    if kind is None:
        raise FolderNotAvailable(
            f"expected model_type florence2, clip or siglip in {name}/config.json, "
            f"got {model_type!r:.80}; original Florence-2 repositories must be converted first "
            "(the florence-community ones are)"
        )
    if kind != "florence2":
        templates = CLIP_TEMPLATES if kind == "clip" else SIGLIP_TEMPLATES
        return Entry(name, kind, CLASSIFIER_QUERIES, folder=folder, templates=templates)
    prefix = _question_prefix(config)
    queries = FLORENCE_QUERIES if prefix is None else FLORENCE_QUERIES | {Ask}
    return Entry(name, kind, queries, folder=folder, question_prefix=prefix)


def _question_prefix(config: dict[str, Any]) -> str | None:
    """Give what a Florence-2 fine-tuned to answer questions expects before one, as its config says.

    >>> _question_prefix({"task_specific_params": {"vqa": {"prefix": "<VQA>"}}})
    '<VQA>'
    """
    match config.get("task_specific_params"):
        case {"vqa": {"prefix": str(prefix)}}:
            return prefix
    return None
