"""Who may call: HTTP basic auth from the settings, or the webhook's secret header."""

from __future__ import annotations

import base64
import binascii
import hmac

from fastapi import Request
from fastapi.responses import JSONResponse

from backend.projects.our_backend import SECRET_HEADER
from backend.settings import Settings
from backend.web.callers import KnownCallers

__all__ = ["READY_PATH", "Gate"]

#: The one route that takes the secret header.
WEBHOOK_PATH = "/webhook"
#: The one route that answers everybody, since an orchestrator's probe can hold no secret.
READY_PATH = "/ready"


class Gate:
    """Decides on each request; compares in constant time. Without a user, known callers may pass."""

    def __init__(self, settings: Settings) -> None:
        self._expected: bytes | None = None
        self._callers = KnownCallers(settings)
        if settings.basic_auth_user is not None and settings.basic_auth_pass is not None:
            password = settings.basic_auth_pass.get_secret_value()
            self._expected = f"{settings.basic_auth_user}:{password}".encode()
        secret = settings.webhook_secret
        self._secret = secret.get_secret_value().encode() if secret is not None else None

    def refuse(self, request: Request) -> JSONResponse | None:
        """What to answer in place of the route, or `None` when the caller may pass."""
        if request.scope["path"] == READY_PATH and request.method in ("GET", "HEAD"):
            return None
        if self._expected is None:
            return self._callers.refuse(request)
        if self._has_basic_auth(request) or self._has_secret(request):
            return None
        return JSONResponse(
            {
                "error": {
                    "kind": "Unauthorized",
                    "message": "expected HTTP basic auth: user and password",
                }
            },
            status_code=401,
            headers={"WWW-Authenticate": 'Basic realm="firstpass"'},
        )

    def _has_basic_auth(self, request: Request) -> bool:
        scheme, _, encoded = request.headers.get("Authorization", "").partition(" ")
        try:
            given = base64.b64decode(encoded, validate=True)
        except (binascii.Error, ValueError):
            return False
        expected = self._expected or b""
        return scheme.lower() == "basic" and hmac.compare_digest(given, expected)

    def _has_secret(self, request: Request) -> bool:
        if self._secret is None or request.scope["path"] != WEBHOOK_PATH:
            return False
        given = request.headers.get(SECRET_HEADER, "").encode("latin-1")  # the bytes as sent
        return hmac.compare_digest(given, self._secret)
