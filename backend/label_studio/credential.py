"""Our credential for Label Studio, as request headers: a personal access token or a legacy token.

A personal access token is a JWT *refresh* token: it opens nothing itself, but buys access tokens that
live five minutes. The legacy token goes into the header as it is. Which one came shows in its shape.
"""

from __future__ import annotations

import base64
import json
import re
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from copy import copy
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import httpcore
import httpx
from pydantic import SecretStr

from backend.certificates import certificate_complaint
from backend.errors import LabelStudioRefuses, LabelStudioUnavailable, SettingsError
from backend.settings import Settings

__all__ = ["LabelStudioCredential"]

_VARIABLE = "FIRSTPASS_LABEL_STUDIO_API_KEY"
_LEGACY = re.compile(r"[0-9a-f]{40}", re.IGNORECASE)
_JWT = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")
_ASSUMED_LIFE_S = 300.0
# Renewed this long before the end: a request that is on its way must not see it run out.
_MARGIN_S = 60.0
# After a failure, callers within this time get the same error instead of queueing up for their own.
_FAILURE_HOLDS_S = 5.0


@dataclass(frozen=True, slots=True, repr=False)
class _Access:
    token: str
    renew_at: float


class LabelStudioCredential:
    """Gives headers that Label Studio at `url` accepts. Safe to share between threads."""

    def __init__(
        self,
        url: str,
        api_key: SecretStr,
        *,
        timeout_s: float = 10.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Raises `SettingsError` when the key has neither shape, or is an access token."""
        self._url = url.rstrip("/")
        self._key = SecretStr(api_key.get_secret_value().strip())
        self._timeout_s = timeout_s
        self._clock = clock
        self._lock = threading.Lock()
        self._access: _Access | None = None
        self._failure: tuple[LabelStudioUnavailable | LabelStudioRefuses, float] | None = None
        self._personal = _is_personal(self._key.get_secret_value())

    @classmethod
    def from_settings(cls, settings: Settings) -> LabelStudioCredential | None:
        """The credential that the settings name, `None` when they name none.

        Raises `SettingsError` for a token of another shape and a token file that cannot be read.
        """
        key = settings.label_studio_api_key
        if settings.label_studio_api_key_file is not None:
            key = _read_key(settings.label_studio_api_key_file)
        if settings.label_studio_url is None or key is None:
            return None
        return cls(settings.label_studio_url, key)

    @property
    def kind(self) -> str:
        """What the key is, in words."""
        return "personal access token" if self._personal else "legacy token"

    def __repr__(self) -> str:
        return f"<LabelStudioCredential {self.kind} for {self._url}>"

    def headers(self) -> dict[str, str]:
        """`Authorization` for one request, renewed first when its end is near.

        Raises `LabelStudioRefuses` when the personal access token buys nothing any more, and
        `LabelStudioUnavailable` when Label Studio does not answer.
        """
        if not self._personal:
            return {"Authorization": f"Token {self._key.get_secret_value()}"}
        with self._lock:
            now = self._clock()
            if self._access is None or now >= self._access.renew_at:
                self._access = self._renewed(now)
            return {"Authorization": f"Bearer {self._access.token}"}

    def renew(self, rejected: Mapping[str, str]) -> bool:
        """After a 401: forget the rejected token. True when new `headers()` may fare better.

        A token that another thread has replaced meanwhile is left alone.
        """
        if not self._personal:
            return False
        with self._lock:
            current = self._access
            if current and rejected.get("Authorization") == f"Bearer {current.token}":
                self._access = None
            return True

    def _renewed(self, now: float) -> _Access:
        if self._failure is not None and now < self._failure[1]:
            raise copy(self._failure[0])  # an exception is one caller's: it carries the traceback
        try:
            access = self._bought(now)
        except (LabelStudioRefuses, LabelStudioUnavailable) as error:
            self._failure = (error, now + _FAILURE_HOLDS_S)
            raise
        self._failure = None
        return access

    def _bought(self, now: float) -> _Access:
        """A new access token from Label Studio."""
        address = f"{self._url}/api/token/refresh"
        body = {"refresh": self._key.get_secret_value()}
        try:
            # trust_env off: neither a proxy of the environment nor ~/.netrc may see the token.
            with httpx.Client(
                trust_env=False,
                timeout=self._timeout_s,
                follow_redirects=False,
                verify=self._trusted,
            ) as client:
                response = client.post(address, json=body)
        except httpx.HTTPError as error:
            reason = certificate_complaint(error) or type(error).__name__
            raise LabelStudioUnavailable(
                f"Label Studio at {self._url} does not answer: {reason}"
            ) from error
        if response.status_code != 200:
            raise self._complaint(response)
        token = _access_of(response)
        if token is None:
            raise LabelStudioUnavailable(f"{address} answers 200 without an access token")
        # Lengths are compared, not times of day: the two machines' clocks may differ.
        return _Access(token, now + max(_life_s(token) - _MARGIN_S, 1.0))

    @cached_property
    def _trusted(self) -> ssl.SSLContext:
        """The system's certificate authorities and certifi's; slow to load, hence once."""
        return httpcore.default_ssl_context()

    def _complaint(self, response: httpx.Response) -> LabelStudioRefuses | LabelStudioUnavailable:
        status = response.status_code
        if status in (400, 401, 403):
            return LabelStudioRefuses(
                f"Label Studio at {self._url} refuses the personal access token ({status}); it may have "
                f"expired or been revoked: make a new one under Account & Settings and set {_VARIABLE}",
                status,
            )
        if response.is_redirect:
            return LabelStudioRefuses(
                f"Label Studio at {self._url} redirects ({status}); set FIRSTPASS_LABEL_STUDIO_URL to "
                "the address it redirects to",
                status,
            )
        return LabelStudioUnavailable(
            f"Label Studio at {self._url} answers {status} when asked for an access token"
        )


def _read_key(file: Path) -> SecretStr:
    try:
        return SecretStr(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no text"
        raise SettingsError(
            f"{_VARIABLE}_FILE: expected a file that holds the token, cannot read {file}: {reason}"
        ) from error


def _is_personal(key: str) -> bool:
    """Whether the key is a personal access token. Raises `SettingsError` for neither shape."""
    if _LEGACY.fullmatch(key):
        return False
    if not _JWT.fullmatch(key):
        raise SettingsError(
            f"{_VARIABLE}: expected a personal access token (three parts with dots between) or a legacy "
            f"token (40 hex digits), got {len(key)} characters of another shape"
        )
    if _claims(key).get("token_type") == "access":
        raise SettingsError(
            f"{_VARIABLE}: this is an access token, which lives a few minutes; give the personal access "
            "token from Label Studio's account page"
        )
    return True


def _claims(token: str) -> dict[str, Any]:
    """What a JWT says, unverified (we are not the ones to be convinced); empty when unreadable."""
    parts = token.split(".")
    if len(parts) != 3:
        return {}
    try:
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except ValueError:
        return {}
    return claims if isinstance(claims, dict) else {}


def _life_s(token: str) -> float:
    claims = _claims(token)
    begins, ends = claims.get("iat"), claims.get("exp")
    if isinstance(begins, int | float) and isinstance(ends, int | float) and ends > begins:
        return float(ends - begins)
    return _ASSUMED_LIFE_S


def _access_of(response: httpx.Response) -> str | None:
    try:
        body = response.json()
    except ValueError:
        return None
    token = body.get("access") if isinstance(body, dict) else None
    # Only what may stand in a header: no line break can be smuggled into our requests.
    return token if isinstance(token, str) and _JWT.fullmatch(token) else None
