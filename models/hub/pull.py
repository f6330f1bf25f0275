"""Fetching models: what is missing or damaged, from where it stopped, every byte compared."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import httpx2
from huggingface_hub import constants
from huggingface_hub.errors import HfHubHTTPError
from huggingface_hub.utils import WeakFileLock  # type: ignore[attr-defined]

from models.catalogue import Entry, ModelNotAvailable
from models.file_checks import FileFault, check_files
from models.files import model_files, weights_file
from models.hub.cache import (
    blob_folder,
    damaged_files,
    digest_named,
    is_whole,
    locate,
    snapshot_folder,
)
from models.hub.digests import digest_of
from models.hub.refusals import reason
from models.hub.requests import HubFile, fetch, list_files

__all__ = ["Pulled", "Watch", "pull"]

#: What may go wrong on the way, and `refusals.reason` has words for.
_TROUBLE = (
    *(HfHubHTTPError, httpx2.HTTPError, httpx2.InvalidURL, OSError),
    *(ValueError, TypeError, KeyError, AttributeError),  # of an answer that is no hub's
)


class Watch(Protocol):
    """Who is told how a pull goes on."""

    def expect(self, total: int, here: int) -> None:
        """So many bytes make all files, of which so many are here."""

    def gain(self, count: int) -> None:
        """So many more bytes are here."""

    def note(self, text: str) -> None:
        """A sentence that a person should see."""


@dataclass(frozen=True, slots=True)
class Pulled:
    """A model that is whole now."""

    entry: Entry
    folder: Path
    #: Files whose bytes were compared with the hub's digests; none in a folder of one's own.
    compared: int
    #: Files that were not here before.
    fetched: int


@dataclass(frozen=True, slots=True)
class _Errand:
    """What there should be of a model that the hub holds."""

    entry: Entry
    files: tuple[HubFile, ...]

    @property
    def missing(self) -> tuple[HubFile, ...]:
        folder = snapshot_folder(self.entry)
        return tuple(file for file in self.files if not (folder / file.name).is_file())

    @property
    def bytes_to_come(self) -> int:
        return sum(file.size - _partly(self.entry, file) for file in self.missing)


def pull(entries: Sequence[Entry], watch: Watch) -> tuple[list[Pulled], list[ModelNotAvailable]]:
    """Fetch what entries lack, and give those that are whole now, and an error for each other.

    The hub is asked what there should be. Where it does not answer, what is here must be whole by itself.
    """
    pulled: list[Pulled] = []
    failed: list[ModelNotAvailable] = []
    errands = []
    for entry in entries:
        with _failing(entry, failed):
            found = _prepare(entry, watch)
            if isinstance(found, Pulled):
                pulled.append(found)
            else:
                errands.append(found)
    total = sum(file.size for errand in errands for file in errand.files)
    to_come = sum(errand.bytes_to_come for errand in errands)
    if to_come:
        watch.expect(total, total - to_come)
    for errand in errands:
        with _failing(errand.entry, failed):
            missing = errand.missing
            _check_room(errand)
            for file in missing:
                _bring(errand.entry, file, watch)
            pulled.append(_whole(errand.entry, len(errand.files), len(missing)))
    return pulled, failed


def _prepare(entry: Entry, watch: Watch) -> _Errand | Pulled:
    """Give what there should be of an entry, damaged files removed; or the entry, where that is all."""
    if entry.repository is None:
        return _whole(entry, 0, 0)
    damaged, compared = damaged_files(entry)
    try:
        listed = {file.name: file for file in list_files(entry)}
    except _TROUBLE as exc:
        if damaged:
            raise ModelNotAvailable(
                f"{entry.name}: {', '.join(damaged)} is damaged (its bytes are not what the hub names), and "
                f"was not fetched anew: {reason(exc, entry)}"
            ) from exc
        if not is_whole(entry):
            raise
        watch.note(f"{entry.name} is here, though the hub was not asked: {reason(exc, entry)}")
        return _whole(entry, compared, 0)
    if weights_file(listed) is None:
        raise ModelNotAvailable(
            f"{entry.name}: {entry.repository} at {entry.revision} holds no weights that can be "
            f"loaded, only {', '.join(sorted(listed)[:12]) or 'nothing'}; name another revision"
        )
    errand = _Errand(entry, tuple(listed[name] for name in model_files(listed)))
    for file in errand.files:
        path = snapshot_folder(entry) / file.name
        # A link's bytes were compared with its own name, which is the digest.
        named = digest_named(path) == file.digest
        other = not named and path.is_file() and digest_of(path, file.digest) != file.digest
        if file.name in damaged or other:
            watch.note(
                f"{entry.name}: {file.name} is damaged (its bytes are not what the hub names); "
                "fetched anew"
            )
            path.unlink()
            (blob_folder(entry) / file.digest).unlink(missing_ok=True)
    return errand


def _bring(entry: Entry, file: HubFile, watch: Watch) -> None:
    """Fetch a file into the cache, compare its bytes, and link it into the revision's folder."""
    blob = blob_folder(entry) / file.digest
    blob.parent.mkdir(parents=True, exist_ok=True)
    with _alone(entry, file, watch):
        if blob.is_file():  # by another revision, or by another process while we waited
            if digest_of(blob, file.digest) == file.digest:
                watch.gain(file.size - _partly(entry, file))
                return _link(entry, file, blob)
            blob.unlink()
        partial = blob.with_name(f"{blob.name}.incomplete")
        went_on = partial.exists()
        fetch(entry, file, partial, watch.gain)
        if went_on and digest_of(partial, file.digest) != file.digest:
            # What was there from before may be what is wrong.
            partial.unlink()
            watch.gain(-file.size)
            fetch(entry, file, partial, watch.gain)
        if digest_of(partial, file.digest) != file.digest:
            partial.unlink()
            raise ModelNotAvailable(
                f"{entry.name}: the bytes of {file.name} that came are not what the hub says they "
                f"are (by {file.digest[:12]}…), so they were thrown away; run the same command "
                "again, and if it stays so another HF_ENDPOINT or network: something on the way "
                "changes them"
            )
        partial.replace(blob)
        _link(entry, file, blob)
    return None


def _link(entry: Entry, file: HubFile, blob: Path) -> None:
    """Give a file its name in the revision's folder: a link, or the file itself where none can be made.

    `HF_HUB_DISABLE_SYMLINKS` forbids links, here as to the hub's library.
    """
    path = snapshot_folder(entry) / file.name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    if constants.HF_HUB_DISABLE_SYMLINKS:
        blob.replace(path)
        return
    try:
        path.symlink_to(os.path.relpath(blob, path.parent))
    except OSError:
        blob.replace(path)


@contextmanager
def _alone(entry: Entry, file: HubFile, watch: Watch) -> Iterator[None]:
    """Keep other processes from fetching the same file: under the lock that the hub's library takes."""
    folder = Path(constants.HF_HUB_CACHE) / ".locks" / blob_folder(entry).parent.name
    folder.mkdir(parents=True, exist_ok=True)
    lock = folder / f"{file.digest}.lock"
    with ExitStack() as held:
        try:
            held.enter_context(WeakFileLock(lock, timeout=0.2))
        except TimeoutError:
            watch.note(f"{entry.name}: another process fetches {file.name}; waiting for it")
            held.enter_context(WeakFileLock(lock))
        yield


@contextmanager
def _failing(entry: Entry, failed: list[ModelNotAvailable]) -> Iterator[None]:
    """Keep what goes wrong with one model from the others."""
    try:
        yield
    except ModelNotAvailable as exc:
        failed.append(exc)
    except _TROUBLE as exc:
        error = ModelNotAvailable(f"{entry.name} was not fetched: {reason(exc, entry)}")
        error.__cause__ = exc
        failed.append(error)


def _whole(entry: Entry, compared: int, fetched: int) -> Pulled:
    """Give a model whose files are as the hub has them; raises `ModelNotAvailable` if they will not do."""
    folder = locate(entry)
    try:
        check_files(entry, folder)
    except FileFault as exc:
        if entry.repository is None:
            raise
        raise ModelNotAvailable(
            f"{entry.name}: the files of {entry.repository} at {entry.revision} are not what this model needs "
            f"({exc.found}); name another revision"
        ) from exc
    return Pulled(entry, folder, compared, fetched)


def _partly(entry: Entry, file: HubFile) -> int:
    path = blob_folder(entry) / f"{file.digest}.incomplete"
    return min(path.stat().st_size, file.size) if path.exists() else 0


def _check_room(errand: _Errand) -> None:
    """Raise `ModelNotAvailable` where the disk has no room for what is to come."""
    folder = Path(constants.HF_HUB_CACHE)
    folder.mkdir(parents=True, exist_ok=True)
    needed, free = errand.bytes_to_come, shutil.disk_usage(folder).free
    if free < needed:
        raise ModelNotAvailable(
            f"{errand.entry.name} was not fetched: it needs {needed / 1e6:,.0f} MB on the disk of "
            f"{folder}, which has {free / 1e6:,.0f} MB; make room, or set HF_HOME to a folder on "
            "another disk"
        )
