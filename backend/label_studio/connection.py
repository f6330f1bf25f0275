"""One connection to Label Studio's API: our token on every request, and its errors as ours.

Neither a proxy of the environment nor ~/.netrc sees the token, and no redirect is followed with it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, TypeVar

import httpcore
import httpx
from pydantic import TypeAdapter, ValidationError

from backend.certificates import certificate_complaint
from backend.errors import LabelStudioRefuses, LabelStudioUnavailable
from backend.label_studio.credential import LabelStudioCredential
from backend.label_studio.fields import problems

__all__ = ["LabelStudioConnection"]

CONNECT_S = 10.0
#: 4xx that say "later" rather than "no".
LATER = (408, 425, 429)
#: Characters of Label Studio's own words that a message of ours carries.
WORDS = 300
_ITS_ADDRESS = "is FIRSTPASS_LABEL_STUDIO_URL Label Studio's own address?"
T = TypeVar("T")

#: The reader of a kind of answer, made once.
_reader: Callable[[Any], TypeAdapter[Any]] = cache(TypeAdapter)


class LabelStudioConnection:
    """Sends requests to Label Studio at `url`. Safe to share between threads.

    Every method gives the answer as `kind`, which may be `object` where it tells nothing. It raises
    `LabelStudioRefuses` for a 4xx and a redirect, and `LabelStudioUnavailable` for no connection, a
    time-out, 5xx, 429 and an answer of another kind: what a write did is unknown then.
    """

    def __init__(
        self,
        url: str,
        credential: LabelStudioCredential,
        *,
        timeout_s: float,
        write_timeout_s: float,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        """`transport` stands in for the network in tests."""
        self.url = url.rstrip("/")
        self._credential = credential
        self._read = httpx.Timeout(timeout_s, connect=CONNECT_S)
        self._write = httpx.Timeout(write_timeout_s, connect=CONNECT_S)
        # The authorities take long to load, which what stands in for the network does not need.
        network = transport or httpx.HTTPTransport(
            verify=httpcore.default_ssl_context(), trust_env=False
        )
        self._http = httpx.Client(
            base_url=self.url, trust_env=False, follow_redirects=False, transport=network
        )

    def close(self) -> None:
        self._http.close()

    def get(
        self,
        path: str,
        kind: type[T],
        params: Mapping[str, Any] | None = None,
        *,
        slow: bool = False,
    ) -> T:
        """The answer, read as that kind; `slow` gives it as long as a write."""
        timeout = self._write if slow else self._read
        return self._call("GET", path, kind, timeout, params=params)

    def post(self, path: str, kind: type[T], body: object) -> T:
        return self._call("POST", path, kind, self._write, json=body)

    def patch(self, path: str, kind: type[T], body: object) -> T:
        return self._call("PATCH", path, kind, self._write, json=body)

    def delete(self, path: str, kind: type[T], body: object | None = None) -> T:
        return self._call("DELETE", path, kind, self._write, json=body)

    def _call(
        self, method: str, path: str, kind: type[T], timeout: httpx.Timeout, **request: Any
    ) -> T:
        what = f"{method} {path} at {self.url}"
        headers = self._credential.headers()
        answer = self._send(what, method, path, headers=headers, timeout=timeout, **request)
        if answer.status_code == httpx.codes.UNAUTHORIZED and self._credential.renew(headers):
            headers = self._credential.headers()
            answer = self._send(what, method, path, headers=headers, timeout=timeout, **request)
        if not answer.is_success:
            raise _error(what, answer)
        none = answer.status_code == httpx.codes.NO_CONTENT
        try:
            read: T = _reader(kind).validate_python(None if none else answer.json())
            return read
        except ValidationError as error:
            raise LabelStudioUnavailable(
                f"{what}: expected an answer of Label Studio 1.23 ({problems(error)}); {_ITS_ADDRESS}"
            ) from error
        except (ValueError, RecursionError) as error:
            came = answer.headers.get("content-type", "another type")
            raise LabelStudioUnavailable(
                f"{what}: expected JSON, got {came}; {_ITS_ADDRESS}"
            ) from error

    def _send(self, what: str, method: str, path: str, **request: Any) -> httpx.Response:
        try:
            return self._http.request(method, path, **request)
        except httpx.TimeoutException as error:
            raise LabelStudioUnavailable(f"{what}: no answer in time") from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            reason = certificate_complaint(error) or str(error) or type(error).__name__
            raise LabelStudioUnavailable(f"{what}: no connection: {reason}") from error


def _error(what: str, answer: httpx.Response) -> LabelStudioRefuses | LabelStudioUnavailable:
    status = answer.status_code
    said = f"{what}: {status} {_words(answer)}".rstrip()
    if answer.is_server_error or status in LATER:
        return LabelStudioUnavailable(said)
    return LabelStudioRefuses(f"{said}; {_remedy(status)}", status)


def _remedy(status: int) -> str:
    match status:
        case 401:
            return (
                "make a new personal access token under Account & Settings and set "
                "FIRSTPASS_LABEL_STUDIO_API_KEY (a legacy token must be allowed for the organization)"
            )
        case 403:
            return (
                "the user whose token this is lacks the right, or Label Studio forbids the address"
            )
        case 404:
            return "it is not there, or not for the user whose token this is"
        case _ if 300 <= status < 400:
            return "set FIRSTPASS_LABEL_STUDIO_URL to the address it redirects to"
        case _:
            return "see Label Studio's log for more"


def _words(answer: httpx.Response) -> str:
    """What Label Studio says is wrong, on one line, shortened; without markup."""
    try:
        body = answer.json()
    except ValueError:
        return ""
    parts = [str(body)]
    if isinstance(body, dict):
        details = body.get("validation_errors")
        parts = list(_texts(details if details else body.get("detail", body)))
    text = " ".join(re.sub(r"<[^>]*>", "", " ".join(parts)).split())
    return text if len(text) <= WORDS else f"{text[:WORDS]}..."


def _texts(value: object) -> list[str]:
    """The texts in Label Studio's nested errors, each after the field's name if it is about one."""
    match value:
        case Mapping():
            return [
                f"{name}: {text}" if name != "non_field_errors" else text
                for name, inner in value.items()
                for text in _texts(inner)
            ]
        case list():
            return [text for inner in value for text in _texts(inner)]
        case _:
            return [str(value)]
