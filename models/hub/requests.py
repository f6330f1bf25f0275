"""What is asked of the hub: the list of a revision's files, and their bytes, from any place on.

The library's own downloads start a file anew after every interruption, and end only with the file; so the
bytes are fetched here, over its client, with its headers and its errors.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeGuard, TypeVar

import httpx2
from huggingface_hub import HfApi, constants, get_session, hf_hub_url
from huggingface_hub.errors import HfHubHTTPError
from huggingface_hub.utils import (  # type: ignore[attr-defined]
    build_hf_headers,
    hf_raise_for_status,
)

from models.catalogue import Entry
from models.hub.digests import is_digest

__all__ = ["HubFile", "NoHub", "fetch", "list_files"]

#: Waits between tries after passing trouble. They begin anew whenever bytes have come.
PAUSES_S = (1.0, 2.0, 4.0, 8.0)
_LONGEST_WAIT_S = 60.0
_PASSING = (408, 429, 500, 502, 503, 504)

_T = TypeVar("_T")


class NoHub(ValueError):
    """An answer came, but it cannot be what was asked for: a login page, say."""


@dataclass(frozen=True, slots=True)
class HubFile:
    """A file of a revision, as the hub lists it."""

    name: str
    size: int
    #: Of its bytes: SHA-256 of a large file, git's blob id of a small one.
    digest: str


def list_files(entry: Entry) -> tuple[HubFile, ...]:
    """Give the files of an entry's revision.

    Raises what `refusals.reason` puts into words: errors of the hub, of the network, `ValueError`.
    """
    info = _patiently(
        lambda: HfApi().model_info(
            entry.repository or "",
            revision=entry.revision,
            timeout=constants.HF_HUB_DOWNLOAD_TIMEOUT,
            files_metadata=True,
        )
    )
    files = []
    for listed in info.siblings or ():
        digest = listed.lfs.sha256 if listed.lfs is not None else listed.blob_id
        # Both become names and places on this disk, so what is no digest is not taken for one.
        if not _is_count(listed.size) or not isinstance(digest, str) or not is_digest(digest):
            raise NoHub(f"it lists {listed.rfilename!r:.80} without a size or a digest")
        files.append(HubFile(listed.rfilename, listed.size, digest))
    return tuple(files)


def _is_count(size: object) -> TypeGuard[int]:
    return isinstance(size, int) and size >= 0


def fetch(entry: Entry, file: HubFile, partial: Path, gained: Callable[[int], None]) -> None:
    """Bring `partial` to the file's size, going on from the bytes that it holds.

    `gained` hears of every block; of fewer than nothing where the hub makes us begin anew. Trouble that
    passes is waited out. Raises as `list_files`, and `OSError` of the disk.
    """
    if _size(partial) > file.size:
        partial.unlink()
    _patiently(lambda: _stream(entry, file, partial, gained), lambda: _size(partial))


def _stream(entry: Entry, file: HubFile, partial: Path, gained: Callable[[int], None]) -> None:
    start = _size(partial)
    if start == file.size and partial.exists():
        return
    url = hf_hub_url(entry.repository or "", file.name, revision=entry.revision)
    headers = {**build_hf_headers(), "Accept-Encoding": "identity"}
    if start:
        headers["Range"] = f"bytes={start}-"
    timeout = constants.HF_HUB_DOWNLOAD_TIMEOUT
    with (
        partial.open("ab") as sink,
        get_session().stream("GET", url, headers=headers, timeout=timeout) as response,
    ):
        begun = _begins(response, file, start)
        if begun != start:
            sink.truncate(0)
            gained(-start)
        if begun is None:  # the next try asks for the whole
            raise httpx2.RemoteProtocolError(f"{file.name} is not sent from byte {start:,} on")
        came = begun
        for block in response.iter_bytes():
            came += len(block)
            if came > file.size:
                raise NoHub(f"more than the {file.size:,} bytes of {file.name}")
            sink.write(block)
            gained(len(block))
    if _size(partial) < file.size:
        raise httpx2.RemoteProtocolError(f"{file.name} ended before its end")


def _begins(response: httpx2.Response, file: HubFile, asked: int) -> int | None:
    """Give the place in the file at which an answer begins: the one asked for, 0, or `None` of a wrong one.

    Raises errors of the hub, and `NoHub`.
    """
    sent = response.headers.get("Content-Range", "")
    part = response.status_code == httpx2.codes.PARTIAL_CONTENT
    if asked and part and sent.startswith(f"bytes {asked}-"):
        return asked
    if asked and (part or response.status_code == httpx2.codes.REQUESTED_RANGE_NOT_SATISFIABLE):
        return None
    hf_raise_for_status(response)
    length = response.headers.get("Content-Length", "")
    encoded = "Content-Encoding" in response.headers
    wrong_length = length.isdigit() and int(length) != file.size and not encoded
    if response.status_code != httpx2.codes.OK or wrong_length:
        kind = response.headers.get("Content-Type", "no type").partition(";")[0]
        raise NoHub(
            f"expected the {file.size:,} bytes of {file.name}, got status {response.status_code} with "
            f"{length or 'an unknown number of'} bytes of {kind}"
        )
    return 0


def _patiently(do: Callable[[], _T], progress: Callable[[], int] = lambda: 0) -> _T:
    """Give what `do` gives, tried again after trouble that may pass."""
    tries, before = 0, progress()
    while True:
        try:
            return do()
        except (HfHubHTTPError, httpx2.TransportError) as exc:
            came = progress() - before
            tries, before = (1, progress()) if came > 0 else (tries + 1, before)
            if tries > len(PAUSES_S) or not _may_pass(exc, begun=before > 0):
                raise
            time.sleep(max(PAUSES_S[tries - 1], _wait_asked_for(exc)))


def _may_pass(error: HfHubHTTPError | httpx2.TransportError, *, begun: bool) -> bool:
    match error:
        case HfHubHTTPError():
            return error.response.status_code in _PASSING
        case httpx2.ProxyError() | httpx2.UnsupportedProtocol():
            return False
        case httpx2.ConnectError() | httpx2.ConnectTimeout():
            # A network that was there a moment ago comes back; one that never was is said at once.
            return begun
        case _:
            return True


def _wait_asked_for(error: Exception) -> float:
    """Give the seconds that an answer asks us to wait, so long as a person would wait for them."""
    asked = (
        error.response.headers.get("Retry-After", "") if isinstance(error, HfHubHTTPError) else ""
    )
    return min(float(asked), _LONGEST_WAIT_S) if asked.isascii() and asked.isdigit() else 0.0


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
