"""The one reader of the environment: every setting, typed, checked at start, with its reason.

Each field is read from `FIRSTPASS_<NAME>`; `REDIS_URL` and the two Label Studio variables are also
taken under the names that the wider world gives them. An empty variable counts as not set. The table in
docs/settings.md is held to this class by a test.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AliasChoices,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from backend.errors import SettingsError

__all__ = ["SECRET_HEADER", "Settings", "load_settings"]

MIB = 1024 * 1024
#: The header in which `webhook_secret` comes to `/webhook`, in place of basic auth.
SECRET_HEADER = "X-Firstpass-Secret"  # noqa: S105 - the header's name


class Settings(BaseSettings):
    """Frozen; secrets do not print."""

    model_config = SettingsConfigDict(
        env_prefix="FIRSTPASS_",
        # compose passes on a name that stands in .env without a value.
        env_ignore_empty=True,
        frozen=True,
        extra="forbid",
        populate_by_name=True,
    )

    home: Path = Field(
        default=Path("~/.local/share/firstpass"),
        description="Folder for the embedded Redis and other state of one installation.",
    )
    runs_in: Literal["host", "systemd", "container", "compose", "kubernetes"] = Field(
        default="host",
        description="Where you type the commands that messages advise: `host`, `systemd`, `container`, `compose` or "
        "`kubernetes`; the image, the units and the files for it set this.",
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info",
        description="`debug`, `info`, `warning` or `error`: the least severe level that is logged.",
    )
    log_format: Literal["auto", "plain", "json"] = Field(
        default="auto",
        description="`plain` lines or `json` ones; `auto`: plain on a terminal, else JSON.",
    )

    host: str = Field(default="127.0.0.1", description="Address the web process listens on.")
    port: int = Field(default=9090, ge=0, le=65535, description="Port the web process listens on.")
    public_url: str | None = Field(
        default=None,
        description="Our address as Label Studio reaches it, e.g. `http://web.internal:9090`; unset: host and port.",
    )
    allowed_hosts: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(),
        description="Further host names, with commas between, that callers may use while no user is set.",
    )
    basic_auth_user: str | None = Field(
        default=None, description="User that callers must give; set together with the password."
    )
    basic_auth_pass: SecretStr | None = Field(
        default=None, description="Password that callers must give."
    )
    webhook_secret: SecretStr | None = Field(
        default=None,
        description="Value of the `X-Firstpass-Secret` header that may stand in for basic auth on `/webhook`.",
    )
    max_body_bytes: int = Field(
        default=64 * MIB, ge=1024, description="Largest request body that is read, in bytes."
    )
    body_timeout_s: float = Field(
        default=30, gt=0, description="Seconds in which a request's whole body must have come."
    )

    redis_url: SecretStr | None = Field(
        default=None,
        validation_alias=AliasChoices("FIRSTPASS_REDIS_URL", "REDIS_URL"),
        description="Redis to use, e.g. `redis://localhost:6379/0`; unset: `firstpass up` starts one, which commands "
        "find; `web`, `worker` and `courier` need it set.",
    )
    queue_limit: int = Field(
        default=100_000,
        ge=1,
        description="Jobs that may wait in one queue before more are refused.",
    )
    wait_s: float = Field(
        default=20, ge=0, le=90, description="Seconds `/predict` waits when asked for few tasks."
    )
    wait_many_s: float = Field(
        default=5,
        ge=0,
        le=90,
        description="Seconds `/predict` waits when asked for many tasks and no courier delivers them.",
    )
    few_tasks: int = Field(
        default=8,
        ge=1,
        description="Up to this many tasks in one request count as few (interactive).",
    )

    model: str = Field(
        default="florence-2-base,clip-vit-b-32",
        description="Registry names or folders, comma-separated; the first Florence-2 and CLIP answer, "
        "others where `model_name` names them; `tiny` is one of each.",
    )
    device: str = Field(
        default="auto",
        description="`auto`, `cpu`, `cuda`, `cuda:1` or `mps`; `cuda:auto`: each worker takes a CUDA device of its own.",
    )
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = Field(
        default="auto",
        description="`auto`, `float32`, `bfloat16` or `float16`; `auto`: bfloat16, or else float16, where the device "
        "computes in it natively.",
    )
    cpu_threads: int | None = Field(
        default=None, ge=1, description="Threads of one operation on a CPU; unset: torch decides."
    )
    num_beams: int | None = Field(
        default=None,
        ge=1,
        le=16,
        description="Beams of Florence-2's search, 1 is greedy; unset: as the checkpoint says (the hub's: 3).",
    )
    max_new_tokens: int | None = Field(
        default=None,
        ge=16,
        le=1024,
        description="Most tokens of one Florence-2 answer, four for a box; unset: 1024.",
    )
    gate: Literal["every", "doubtful", "off"] | None = Field(
        default=None,
        description="Which boxes CLIP checks: `every` one asked for, `doubtful` ones, or none (`off`); "
        "unset: as the model needs it (`tiny`: doubtful, others: every).",
    )
    batch_max: int = Field(default=16, ge=1, description="Most images in one batch of the worker.")
    batch_pixels: int = Field(
        default=256_000_000,
        ge=1,
        description="Most pixels of all images of one batch; an image that alone has more is one by itself.",
    )
    batch_latency_s: float = Field(
        default=0.4,
        gt=0,
        description="Seconds one batch may take, so long as one image takes less; fewer images then.",
    )
    lease_s: int = Field(
        default=10, ge=2, description="Seconds after which a silent worker's jobs go to another."
    )
    job_timeout_s: int = Field(
        default=120, ge=5, description="Seconds a batch may take before its worker ends itself."
    )
    result_ttl_s: int = Field(
        default=86_400, ge=60, description="Seconds a finished result is kept in Redis."
    )
    failure_ttl_s: int = Field(
        default=600, ge=1, description="Seconds a final failure is answered without a new try."
    )
    cache_url: SecretStr | None = Field(
        default=None,
        description="Another Redis for cached model outputs; unset: the same one, bounded by entries.",
    )
    cache_ttl_s: int = Field(
        default=604_800, ge=1, description="Seconds that model outputs and image vectors are kept."
    )
    cache_entries: int = Field(
        default=200_000, ge=1, description="Most cached outputs and vectors; the oldest go first."
    )
    recycle_batches: int | None = Field(
        default=None, ge=1, description="Batches after which a worker ends, to be started anew."
    )
    recycle_memory_mb: int | None = Field(
        default=None, ge=1, description="Resident MiB past which a worker ends, to be started anew."
    )
    score_threshold: float | None = Field(
        default=None,
        ge=0,
        le=1,
        description="Least score of a region where the label config names none; unset: the model's own (0.3).",
    )

    label_studio_url: str | None = Field(
        default=None,
        validation_alias=AliasChoices("FIRSTPASS_LABEL_STUDIO_URL", "LABEL_STUDIO_URL"),
        description="Label Studio's address as seen from here; its host may be private.",
    )
    label_studio_browser_url: str | None = Field(
        default=None,
        description="Label Studio's address in people's browsers, for reports; unset: the one above.",
    )
    label_studio_api_key: SecretStr | None = Field(
        default=None,
        validation_alias=AliasChoices("FIRSTPASS_LABEL_STUDIO_API_KEY", "LABEL_STUDIO_API_KEY"),
        description="Personal access token (refreshed by itself) or legacy token.",
    )
    label_studio_api_key_file: Path | None = Field(
        default=None,
        description="File that holds the token, in place of `FIRSTPASS_LABEL_STUDIO_API_KEY`.",
    )
    image_allow: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(),
        description="Hosts (`host` or `host:port`) that images may come from although their address is private.",
    )
    local_files_root: Path | None = Field(
        default=None,
        description="Label Studio's local-files document root, if mounted here; else fetched through it.",
    )
    image_max_bytes: int = Field(
        default=64 * MIB, ge=1024, description="Largest image file, in bytes."
    )
    image_max_pixels: int = Field(
        default=100_000_000, ge=1, description="Largest image, in pixels."
    )
    image_timeout_s: float = Field(
        default=30, gt=0, description="Seconds for fetching one image, everything included."
    )
    image_max_redirects: int = Field(
        default=3, ge=0, description="Redirects followed for one image."
    )

    @property
    def delivers(self) -> bool:
        """Whether predictions can be written into Label Studio: its address and a token are given."""
        keys = (self.label_studio_api_key, self.label_studio_api_key_file)
        return self.label_studio_url is not None and any(key is not None for key in keys)

    @field_validator("runs_in")
    @classmethod
    def _kubernetes_says_so(cls, value: str) -> str:
        """The image knows that it is one, and Kubernetes tells every container that it runs there."""
        in_pod = value == "container" and "KUBERNETES_SERVICE_HOST" in os.environ
        return "kubernetes" if in_pod else value

    @field_validator("allowed_hosts", "image_allow", mode="before")
    @classmethod
    def _split_commas(cls, value: Any) -> Any:
        if isinstance(value, str):
            return tuple(part.strip().lower() for part in value.split(",") if part.strip())
        return value

    @field_validator("home", "local_files_root", "label_studio_api_key_file")
    @classmethod
    def _expand_user(cls, value: Path | None) -> Path | None:
        return value.expanduser() if value is not None else None

    @field_validator("label_studio_url", "label_studio_browser_url", "public_url")
    @classmethod
    def _http_without_slash(cls, value: str | None) -> str | None:
        if value is None:
            return None
        if not value.startswith(("http://", "https://")):
            raise ValueError("expected an address that begins with http:// or https://")
        if "@" in value.removeprefix("https://").removeprefix("http://").split("/")[0]:
            # Addresses are shown in messages and logs.
            raise ValueError("expected an address without a user name or password in it")
        return value.rstrip("/")

    @model_validator(mode="after")
    def _auth_is_whole(self) -> Settings:
        if (self.basic_auth_user is None) != (self.basic_auth_pass is None):
            raise ValueError("basic_auth_user and basic_auth_pass are set together or not at all")
        return self

    @model_validator(mode="after")
    def _one_key(self) -> Settings:
        if self.label_studio_api_key is not None and self.label_studio_api_key_file is not None:
            raise ValueError(
                "label_studio_api_key and label_studio_api_key_file are two places for one token; set one"
            )
        return self

    @property
    def local_url(self) -> str:
        """Where the web process listens, as seen from its own machine."""
        everywhere = self.host in ("", "0.0.0.0", "::")  # noqa: S104 (compared, not bound)
        host = "127.0.0.1" if everywhere else self.host
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}"


def load_settings(**overrides: Any) -> Settings:
    """Settings from the environment, with the given fields on top; `None` means not given.

    Raises `SettingsError` that names each bad variable, what was expected and what came.
    """
    given = {name: value for name, value in overrides.items() if value is not None}
    try:
        return Settings(**given)
    except ValidationError as error:
        lines = [
            f"{variable_name('.'.join(str(part) for part in problem['loc']) or '(together)')}: "
            f"{problem['msg']}"
            for problem in error.errors(include_input=False)
        ]
        raise SettingsError("bad settings: " + "; ".join(lines)) from error


def variable_name(field: str) -> str:
    """The environment variable that sets a field: `port` -> `FIRSTPASS_PORT`."""
    return f"FIRSTPASS_{field.upper()}" if field.islower() else field
