"""Our ML backend as it should stand in a Label Studio project, and what of it does not. Pure.

Label Studio shows scores, sorts by them and asks in the label stream only where the backend's title, the
project's `model_version` and the rows' version are one string.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from backend.label_studio.records import Backend, Webhook
from backend.plain import Json
from backend.prediction.model_version import is_model_version
from backend.settings import SECRET_HEADER, Settings

__all__ = ["OurBackend", "near", "same_address"]

#: Names under which Label Studio may reach the same process of its machine.
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True, slots=True)
class OurBackend:
    """Our address as Label Studio reaches it, and what it must present there."""

    url: str
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    webhook_secret: str | None = field(default=None, repr=False)

    @classmethod
    def from_settings(cls, settings: Settings) -> OurBackend:
        password, secret = settings.basic_auth_pass, settings.webhook_secret
        return cls(
            url=settings.public_url or settings.local_url,
            user=settings.basic_auth_user,
            password=password.get_secret_value() if password is not None else None,
            webhook_secret=secret.get_secret_value() if secret is not None else None,
        )

    @property
    def auth(self) -> tuple[str, str] | None:
        """What basic auth wants; `None` when it is off."""
        if self.user is None or self.password is None:
            return None
        return self.user, self.password

    @property
    def webhook_url(self) -> str:
        return f"{self.url}/webhook"

    def among(self, backends: Sequence[Backend]) -> list[Backend]:
        """Those of a project's ML backends that are at our address."""
        return [backend for backend in backends if same_address(backend.url, self.url)]

    def answers_for(self, backend: Backend, version: str) -> bool:
        """Whether a backend is ours, be it under another address: titled as we title, with our version."""
        return is_model_version(backend.title) and (
            same_address(backend.url, self.url) or backend.model_version == version
        )

    def fields(self, version: str) -> Json:
        """How it should stand. Label Studio tries it with these fields alone, so none may be missing."""
        fields: Json = {"title": version, "url": self.url, "is_interactive": True}
        return {**fields, "auto_update": True, **self.credential_fields}

    @property
    def credential_fields(self) -> Json:
        """What Label Studio presents to us. For our own address alone: it goes where `url` says."""
        if self.auth is None:
            return {"auth_method": "NONE"}
        user, password = self.auth
        return {
            "auth_method": "BASIC_AUTH",
            "basic_auth_user": user,
            "basic_auth_pass": password,
        }

    def amiss(self, backend: Backend, version: str) -> list[str]:
        """What of a backend at our address is not as it should be, in words.

        Its state counts too, since a stored password cannot be read: Label Studio has just tried it.
        """
        found = []
        if backend.title != version:
            found.append(f"its name was {backend.title!r}")
        if not backend.is_interactive:
            found.append("it was not interactive")
        if not backend.auto_update:
            found.append("its version was not updated")
        if self.auth is not None and backend.basic_auth_user != self.user:
            found.append("it had other credentials")
        elif backend.state != "CO":
            found.append(f"Label Studio had it as {backend.readable_state}")
        return found

    def webhooks_among(self, webhooks: Sequence[Webhook]) -> list[Webhook]:
        """Those of a project's webhooks that call us."""
        return [hook for hook in webhooks if same_address(hook.url, self.webhook_url)]

    def webhook_fields(self, webhook: Webhook | None) -> Json:
        """How the webhook should stand; headers of others stay."""
        headers = dict(webhook.headers) if webhook is not None else {}
        if self.webhook_secret is not None:
            headers = {
                name: value
                for name, value in headers.items()
                if name.lower() != SECRET_HEADER.lower()
            }
            headers[SECRET_HEADER] = self.webhook_secret
        wanted: Json = {"url": self.webhook_url, "headers": headers, "is_active": True}
        return wanted | {"send_payload": True, "send_for_all_actions": True}

    def webhook_amiss(self, webhook: Webhook) -> list[str]:
        """What of a webhook that calls us is not as it should be, in words."""
        found = []
        wanted = self.webhook_fields(webhook)
        if webhook.headers != wanted["headers"]:
            found.append("it had not our secret")
        if not webhook.is_active:
            found.append("it was switched off")
        if not (webhook.send_payload and webhook.send_for_all_actions):
            found.append("it did not tell all that happens")
        return found


def same_address(one: str, other: str) -> bool:
    """Whether two URLs are one place; credentials in them do not count.

    >>> same_address("http://u:p@Web:80/", "http://web")
    True
    """
    return _place(one) == _place(other)


def near(one: str, other: str) -> bool:
    """The same, by whichever name of the own machine; too little for where a password is sent.

    >>> near("http://localhost:9090", "http://127.0.0.1:9090/"), near("http://web", "http://localhost")
    (True, False)
    """
    (scheme, host, *rest), (other_scheme, other_host, *other_rest) = _place(one), _place(other)
    same_host = host == other_host or {host, other_host} <= {*_LOOPBACK}
    return same_host and (scheme, rest) == (other_scheme, other_rest)


def _place(url: str) -> tuple[str, str, int | None, str]:
    try:
        parts = urlsplit(url)
        port = parts.port or {"http": 80, "https": 443}.get(parts.scheme)
        return parts.scheme, (parts.hostname or "").lower(), port, parts.path.rstrip("/")
    except ValueError:
        return "", url, None, ""
