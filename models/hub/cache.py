"""What of the models is on this disk: their own folders, and the hub's cache. Asks no network.

The cache has the layout that all programs of the hub share: a revision is a folder of links into `blobs`,
where each file is named by its digest.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from huggingface_hub import constants
from huggingface_hub.file_download import repo_folder_name

from models.catalogue import Entry, ModelNotAvailable
from models.file_checks import FileFault, NotWhole, check_files
from models.files import model_files
from models.hub.digests import digest_of, is_digest

__all__ = [
    "NotWholeHere",
    "blob_folder",
    "bytes_here",
    "damaged_files",
    "digest_named",
    "is_pulled",
    "is_whole",
    "locate",
    "located",
    "pulled_revisions",
    "snapshot_folder",
]


class NotPulled(ModelNotAvailable):
    """Nothing of the model is in the hub's cache."""


class NotWholeHere(ModelNotAvailable):
    """Models are not whole on this disk.

    `absent` names those that a pull brings, `damaged` says what is wrong with those that it brings anew,
    and `others` are the sentences about what no pull mends.
    """

    def __init__(
        self, absent: Sequence[str], damaged: Mapping[str, FileFault], others: Sequence[str]
    ) -> None:
        first = [_not_pulled(absent)] if absent else []
        super().__init__("; ".join([*first, *map(str, damaged.values()), *others]))
        self.absent, self.others = tuple(absent), tuple(others)
        self.damaged = {name: fault.found for name, fault in damaged.items()}


def located(entries: Sequence[Entry]) -> tuple[Path, ...]:
    """Give each entry's folder, with all files in it that make the model.

    Raises one `NotWholeHere` that names all models that are not whole on this disk, and the one command
    that gets them.
    """
    folders: list[Path] = []
    absent: list[str] = []
    damaged: dict[str, FileFault] = {}
    others: list[str] = []
    for entry in entries:
        try:
            folders.append(locate(entry))
            check_files(entry, folders[-1])
        except (NotPulled, NotWhole) as exc:
            if entry.repository is not None:
                absent.append(entry.name)
            else:
                others.append(str(exc))
        except FileFault as exc:
            if entry.repository is not None:
                damaged[entry.name] = exc
            else:
                others.append(str(exc))
        except ModelNotAvailable as exc:
            others.append(str(exc))
    if absent or damaged or others:
        raise NotWholeHere(absent, damaged, others)
    return tuple(folders)


def is_whole(entry: Entry) -> bool:
    """Tell whether an entry's files are here and make a model; their bytes are not compared."""
    try:
        check_files(entry, locate(entry))
    except ModelNotAvailable:
        return False
    return True


def is_pulled(entry: Entry) -> bool:
    """Tell whether no file is missing of what a pull brings; what is in them is not looked at."""
    try:
        check_files(entry, locate(entry))
    except (NotPulled, NotWhole):
        return False
    except ModelNotAvailable:
        return True
    return True


def locate(entry: Entry) -> Path:
    """Give the folder that holds an entry's files: its own, or the revision's in the hub's cache.

    What is in it, is for `check_files` to say. Raises `NotPulled`, and `ModelNotAvailable` when we may
    not look there.
    """
    if entry.folder is not None:
        return entry.folder
    folder = snapshot_folder(entry)
    try:
        there = folder.is_dir()
    except OSError as exc:
        raise ModelNotAvailable(
            f"{entry.name}: expected to read {folder}, got {exc.strerror}; see whose it is, or set "
            "HF_HOME to a folder of your own"
        ) from exc
    if not there:
        raise NotPulled(_not_pulled([entry.name]))
    return folder


def snapshot_folder(entry: Entry) -> Path:
    """Give the folder in the hub's cache where an entry's revision belongs, be it there or not."""
    return _repository_folder(entry) / "snapshots" / (entry.revision or "")


def blob_folder(entry: Entry) -> Path:
    """Give the folder in the hub's cache that holds the bytes of an entry's repository."""
    return _repository_folder(entry) / "blobs"


def pulled_revisions(entry: Entry) -> tuple[str, ...]:
    """Give the revisions of an entry's repository that are in the hub's cache, whole or not."""
    if entry.repository is None:
        return ()
    folders = snapshot_folder(entry).parent.glob("*")
    return tuple(sorted(path.name for path in folders if is_digest(path.name)))


def bytes_here(entry: Entry) -> int:
    """Give the size on this disk of an entry's files, half-fetched ones included."""
    folder = entry.folder if entry.folder is not None else snapshot_folder(entry)
    count = sum(path.stat().st_size for path in _files(folder))
    if entry.repository is not None:
        count += sum(path.stat().st_size for path in blob_folder(entry).glob("*.incomplete"))
    return count


def damaged_files(entry: Entry) -> tuple[tuple[str, ...], int]:
    """Give the files here whose bytes are not those that the hub named, and how many were compared.

    Reads every byte. A folder of one's own has no digests to compare with, nor has a cache that was
    copied without its links: of those nothing is compared.
    """
    damaged, compared = [], 0
    for path in _files(snapshot_folder(entry)) if entry.repository is not None else ():
        digest = digest_named(path)
        if digest is not None:
            compared += 1
            if digest_of(path, digest) != digest:
                damaged.append(path.name)
    return tuple(damaged), compared


def digest_named(path: Path) -> str | None:
    """Give the digest that a file of a revision is linked by; `None` of a plain copy.

    Of several links only the first is the cache's own: what is linked to may lie in a store that names
    contents otherwise.
    """
    name = os.readlink(path).rpartition("/")[2] if path.is_symlink() else ""
    return name if is_digest(name) else None


def _files(folder: Path) -> list[Path]:
    there = {path.name: path for path in folder.glob("*") if path.is_file()}
    return [there[name] for name in model_files(there)]


def _repository_folder(entry: Entry) -> Path:
    name = repo_folder_name(repo_id=entry.repository or "", repo_type="model")
    return Path(constants.HF_HUB_CACHE) / name


def _not_pulled(names: Sequence[str]) -> str:
    were = "it was" if len(names) == 1 else "they were"
    return (
        f"expected {' and '.join(names)} on this machine, but {were} never pulled whole; run "
        f"`firstpass models pull {' '.join(names)}` where there is network, "
        "or use the bundled `--model tiny`"
    )
