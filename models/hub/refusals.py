"""Why the hub, or the disk, did not give what was asked: each cause with its own remedy. Pure."""

from __future__ import annotations

import errno
import socket
import ssl
from collections.abc import Iterator
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import httpx2
from huggingface_hub import constants, get_token
from huggingface_hub.errors import (
    DisabledRepoError,
    GatedRepoError,
    HfHubHTTPError,
    OfflineModeIsEnabled,
    RemoteEntryNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from models.catalogue import Entry
from models.hub.requests import NoHub

__all__ = ["reason"]

_AGAIN = "run the same command again, it goes on from what is fetched"
_FULL = (errno.ENOSPC, errno.EDQUOT)
_READ_ONLY = (errno.EACCES, errno.EPERM, errno.EROFS)


def reason(error: Exception, entry: Entry) -> str:
    """Give what kept an entry's files from being fetched, and what to do about it."""
    if isinstance(error, HfHubHTTPError):
        return _refusal(error, entry)
    if isinstance(error, OfflineModeIsEnabled):
        return (
            "HF_HUB_OFFLINE or TRANSFORMERS_OFFLINE forbids asking the hub; unset it, or pull where "
            "there is network and bring the folder of HF_HOME here"
        )
    if isinstance(error, httpx2.HTTPError | httpx2.InvalidURL):
        return _trouble(error)
    if isinstance(error, OSError):
        return _disk(error)
    return _no_hub(str(error) if isinstance(error, NoHub) else type(error).__name__)


def _no_hub(found: str) -> str:
    return (
        f"{_host()} answers, but not as a hub does ({found}); see whether HF_ENDPOINT is right, and "
        "whether a login page or a proxy stands between"
    )


def _refusal(error: HfHubHTTPError, entry: Entry) -> str:
    """Give what an answer that is an error means."""
    status, named = error.response.status_code, f"{entry.repository} at {entry.revision}"
    match error:
        case GatedRepoError():
            return (
                f"{_host()} gives {entry.repository} only to those who accepted its licence "
                f"({status}); accept it at {constants.ENDPOINT}/{entry.repository}, then set HF_TOKEN "
                "to a token of the same account"
            )
        case DisabledRepoError():
            return f"{_host()} has disabled {entry.repository} ({status}); name another model"
        case RevisionNotFoundError():
            return (
                f"{entry.repository} has no revision {entry.revision}, or no longer; its page "
                f"{constants.ENDPOINT}/{entry.repository}/commits/main lists them, and "
                f"{_plain_name(entry)}@REVISION takes another"
            )
        case RemoteEntryNotFoundError():
            return (
                f"{_host()} lists a file of {named} that it does not have "
                f"({error.response.url.path}, {status}); try later, or another HF_ENDPOINT"
            )
        case RepositoryNotFoundError():
            return (
                f"{_host()} shows us no repository {entry.repository} ({status}): it is gone, or "
                f"private; {_token_remedy()}, or name another model"
            )
        case _:
            return _status(status, error, entry)


def _status(status: int, error: HfHubHTTPError, entry: Entry) -> str:
    said = (error.response.headers.get("X-Error-Message") or "").strip()
    words = f"{status}, {said[:200]!r}" if said else str(status)
    if status == 401:
        return f"{_host()} wants to know who asks ({words}); {_token_remedy()}"
    if status == 407:
        return _proxy_asks(_on_the_way(error.response.request.url), words)
    if status == 403:
        return (
            f"{_host()} forbids us {entry.repository} ({words}); see whether the token in HF_TOKEN "
            "may read it, and whether a firewall or proxy stands between"
        )
    if status == 429:
        return (
            f"{_host()} takes no more requests from here for now ({words}); wait some minutes and "
            f"{_AGAIN}; with HF_TOKEN set more are allowed"
        )
    if status >= 500 or status == 408:
        return f"{_host()} has trouble of its own ({words}); wait and {_AGAIN}"
    return (
        f"{_host()} refuses {entry.repository} ({words}); see whether HF_ENDPOINT is the address of "
        "a hub"
    )


def _trouble(error: httpx2.HTTPError | httpx2.InvalidURL) -> str:
    """Give what went wrong before an answer came, or within it."""
    asked = _asked(error)
    for cause in _causes(error):
        match cause:
            case ssl.SSLCertVerificationError():
                return (
                    f"the certificate of {asked} is not trusted "
                    f"({cause.verify_message.partition(',')[0]}); if an authority of your own issued "
                    "it, name that authority's file in SSL_CERT_FILE"
                )
            case ssl.SSLError():
                return (
                    f"{asked} does not speak TLS with us ({cause.reason}); see whether HF_ENDPOINT is "
                    "right, and whether a firewall or a proxy stands between"
                )
            case httpx2.ProxyError() if str(cause).startswith("407"):
                return _proxy_asks(asked, "407")
            case httpx2.ProxyError():
                return f"{asked} refuses ({cause}); see HTTPS_PROXY, HTTP_PROXY and NO_PROXY"
            case socket.gaierror():
                return (
                    f"the name of {asked} is not found (DNS: {cause.strerror}); see whether this "
                    "machine has network and a name server, or name a mirror of the hub in HF_ENDPOINT"
                )
            case ConnectionRefusedError():
                return (
                    f"{asked} refuses the connection; see whether the address is right (HF_ENDPOINT, "
                    "HTTPS_PROXY), and whether a firewall stands between"
                )
            case httpx2.ConnectTimeout():
                return (
                    f"{asked} cannot be reached (no connection within "
                    f"{constants.HF_HUB_DOWNLOAD_TIMEOUT} s); see whether this machine has network, "
                    "or a proxy to name in HTTPS_PROXY, or name a mirror in HF_ENDPOINT"
                )
            case httpx2.TimeoutException():
                return (
                    f"{asked} sent nothing for {constants.HF_HUB_DOWNLOAD_TIMEOUT} s; {_AGAIN} "
                    "(HF_HUB_DOWNLOAD_TIMEOUT=60 waits longer)"
                )
            case httpx2.TooManyRedirects():
                return _no_hub("it sends us round in circles")
            case httpx2.DecodingError():
                return _no_hub(f"what it sends cannot be decompressed: {cause}")
            case httpx2.InvalidURL() | httpx2.UnsupportedProtocol() if _endpoint_is_address():
                return _no_hub(f"it sends us to what is no address: {cause}")
            case httpx2.InvalidURL() | httpx2.UnsupportedProtocol():
                return (
                    f"HF_ENDPOINT is no address ({cause}); expected one such as "
                    "https://huggingface.co, which holds where it is unset"
                )
            case httpx2.ConnectError():
                return f"{asked} cannot be reached ({cause}); see whether this machine has network"
            case _:
                pass
    return f"the connection to {asked} broke off again and again ({error}); {_AGAIN}"


def _asked(error: httpx2.HTTPError | httpx2.InvalidURL) -> str:
    """Give who was asked: the hub, whom it sent us to, or the proxy on the way there."""
    try:
        request = error.request if isinstance(error, httpx2.HTTPError) else None
    except RuntimeError:  # it was not asked yet
        request = None
    return _host() if request is None else _on_the_way(request.url)


def _on_the_way(url: httpx2.URL) -> str:
    """Give who hears first of what is asked of an address: its host, or the proxy on the way there."""
    host, proxy = url.netloc.decode(), getproxies().get(url.scheme)
    if proxy is None or proxy_bypass(host):
        return host
    return f"the proxy {urlsplit(proxy).netloc.rpartition('@')[2] or proxy} on the way to {host}"


def _proxy_asks(proxy: str, words: str) -> str:
    return (
        f"{proxy} wants to know who asks ({words}); give user and password in HTTP_PROXY and "
        "HTTPS_PROXY, as in http://USER:PASSWORD@HOST:PORT"
    )


def _disk(error: OSError) -> str:
    """Give what is wrong with the cache's disk."""
    home = constants.HF_HUB_CACHE
    if error.errno in _FULL:
        return (
            f"the disk of {home} is full; make room, or set HF_HOME to a folder on another disk, and "
            f"{_AGAIN}"
        )
    if error.errno in _READ_ONLY:
        return (
            f"{error.filename or home} cannot be used by us ({error.strerror}); see whose it is, or set "
            "HF_HOME to a folder that may be written"
        )
    return (
        f"the cache {home} cannot be used ({error.strerror or error}); see what is there, or set "
        "HF_HOME to another folder"
    )


def _token_remedy() -> str:
    if get_token() is None:
        return "if it is private set HF_TOKEN to a token of an account that may read it"
    return (
        "see whether the token (HF_TOKEN, or what `hf auth login` stored) is right and has not "
        "expired; public models need none"
    )


def _plain_name(entry: Entry) -> str:
    return entry.name.partition("@")[0]


def _host() -> str:
    return urlsplit(constants.ENDPOINT).netloc or constants.ENDPOINT


def _endpoint_is_address() -> bool:
    try:
        url = httpx2.URL(constants.ENDPOINT)
    except httpx2.InvalidURL:
        return False
    return url.scheme in ("http", "https") and bool(url.host)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """Give an error and those that it was raised from, the innermost first."""
    chain: list[BaseException] = []
    while error is not None and error not in chain:
        chain.append(error)
        error = error.__cause__ or error.__context__
    yield from reversed(chain)
