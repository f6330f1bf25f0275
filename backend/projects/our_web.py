"""Our own web process, asked as Label Studio asks it."""

from __future__ import annotations

from collections.abc import Sequence

import httpx

from backend.errors import OperatorError
from backend.label_studio.bodies import Task
from backend.place import how_to_see_web
from backend.plain import Json
from backend.projects.our_backend import OurBackend
from backend.settings import Settings

__all__ = ["BackendRefuses", "OurWeb"]

#: Seconds for `/health` and `/setup`, which answer at once, and for `/predict`, which waits.
TIMEOUT_S = 5.0
PREDICT_TIMEOUT_S = 100.0


class BackendRefuses(OperatorError):
    """Our web process answers an error, or nothing."""


class OurWeb:
    """The web process at the first of `urls` that answers; a context manager.

    Label Studio's way to us need not be ours: `http://web:9090` may be known in its network alone.
    Methods raise `BackendRefuses`.
    """

    def __init__(
        self,
        urls: Sequence[str],
        auth: tuple[str, str] | None,
        *,
        runs_in: str = "host",
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        """`transport` stands in for the network in tests; `runs_in`: see `place`."""
        self._urls = tuple(dict.fromkeys(urls))
        self._http = httpx.Client(
            auth=auth, timeout=TIMEOUT_S, trust_env=False, transport=transport
        )
        self._url: str | None = None
        self._runs_in = runs_in

    @classmethod
    def from_settings(cls, settings: Settings) -> OurWeb:
        ours = OurBackend.from_settings(settings)
        return cls((ours.url, settings.local_url), ours.auth, runs_in=settings.runs_in)

    def __enter__(self) -> OurWeb:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._http.close()

    @property
    def url(self) -> str:
        """Where it answered."""
        if self._url is None:
            self.health()
        return self._url or self._urls[0]

    def health(self) -> Json:
        """What `/health` tells, from the first address that gives an answer."""
        trouble = []
        for url in self._urls:
            try:
                answer = self._http.get(f"{url}/health")
            except (httpx.HTTPError, httpx.InvalidURL) as error:
                trouble.append(f"{url}: {str(error) or type(error).__name__}")
                continue
            found = _checked(answer, f"{url}/health")
            self._url = url
            return found
        raise BackendRefuses(
            f"Firstpass does not answer ({'; '.join(trouble)}): {how_to_see_web(self._runs_in)}"
        )

    def unready(self) -> tuple[str, str] | None:
        """Why nobody predicts, and what to do; `None` when somebody does."""
        url = f"{self.url}/ready"
        try:
            answer = self._http.get(url)
            told = answer.json() if answer.status_code in (200, 503) else None
        except httpx.HTTPError as error:
            raise BackendRefuses(f"{url}: {str(error) or type(error).__name__}") from error
        except ValueError:
            told = None
        if not isinstance(told, dict) or not isinstance(told.get("ready"), bool):
            raise BackendRefuses(
                f"{url}: expected whether it is ready, got {answer.status_code}; is this Firstpass?"
            )
        if told["ready"]:
            return None
        return str(told.get("reason", "")), str(told.get("remedy", ""))

    def version(self, label_config: str) -> str:
        """The `model_version` for a label config."""
        # Without the project's name: it is Label Studio that announces projects.
        found = self._post("/setup", {"schema": label_config}, TIMEOUT_S)
        if not isinstance(found.get("model_version"), str):
            raise BackendRefuses(
                f"{self.url}/setup: expected a model_version, got {sorted(found)}; is this Firstpass?"
            )
        return str(found["model_version"])

    def reason(self, label_config: str, task: Task) -> str | None:
        """Why `/predict` gives nothing for a task; `None` when it gives a prediction, or is not done."""
        body = {"tasks": [{"id": task.id, "data": task.data}], "label_config": label_config}
        found = self._post("/predict", body, PREDICT_TIMEOUT_S)
        errors = found.get("errors") or []
        return f"{errors[0]['kind']}: {errors[0]['message']}" if errors else None

    def _post(self, path: str, body: Json, timeout_s: float) -> Json:
        url = f"{self.url}{path}"
        try:
            answer = self._http.post(url, json=body, timeout=timeout_s)
        except httpx.HTTPError as error:
            raise BackendRefuses(f"{url}: {str(error) or type(error).__name__}") from error
        return _checked(answer, url)


def _checked(answer: httpx.Response, url: str) -> Json:
    try:
        body = answer.json()
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise BackendRefuses(f"{url}: expected JSON, got {answer.status_code}; is this Firstpass?")
    if answer.status_code == httpx.codes.UNAUTHORIZED:
        raise BackendRefuses(
            f"{url} wants other credentials: FIRSTPASS_BASIC_AUTH_USER and FIRSTPASS_BASIC_AUTH_PASS must "
            "be those that the web process runs with"
        )
    if not answer.is_success:
        error = body.get("error")
        said = error.get("message") if isinstance(error, dict) else None
        raise BackendRefuses(f"{url}: {said or f'{answer.status_code}; is this Firstpass?'}")
    return body
