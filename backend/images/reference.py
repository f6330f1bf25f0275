"""Where a task's image is: the text in the task's data, classified and made canonical. Pure.

Nothing is looked up here and nothing is allowed by passing: the guard checks addresses when connecting.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import Any, Literal, get_args
from urllib.parse import parse_qs, quote, unquote

from backend.errors import ImageRefused, TaskError
from backend.images.data_uri import canonical_data_uri
from backend.images.signatures import without_signature
from backend.images.web_url import parse_home, parse_web_url

__all__ = ["ImageKind", "ImageRef", "is_file_route", "parse_image_ref", "stored_prefix"]

ImageKind = Literal["upload", "local_file", "label_studio", "cloud", "http", "data"]
"""`label_studio` is any other of its routes that serves files: static samples, resolve, storage-data."""

_UPLOAD = "/data/upload/"
_LOCAL_FILES = "/data/local-files/"
_CLOUD = re.compile(r"(s3|gs|azure-blob)://([^/]+)/(.+)", re.IGNORECASE)
_SCHEME = re.compile(r"([a-z][a-z0-9+.-]*):", re.IGNORECASE)
# The token goes with these alone: a task must not be able to call the rest of Label Studio's API as us.
_TOKEN_ROUTES = re.compile(
    r"/(data/upload/.|data/local-files/?$|storage-data/uploaded/?$"
    r"|(tasks|projects)/[0-9]+/(resolve|presign)/?$)"
)
_STATIC = "/static/"
# Label Studio under a sub-path stores its addresses with it, also for who reaches it from inside, without.
_PREFIX = re.compile(
    r"((?:/[^/?#]+)+?)(?=/data/upload/|/data/local-files/?(?:\?|$)|/storage-data/uploaded/?(?:\?|$)"
    r"|/(?:tasks|projects)/[0-9]+/(?:resolve|presign)/?(?:\?|$)|/static/)"
)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
# What JSON may hold and no text in UTF-8 can: one half of a character that is written in two.
_HALF = re.compile("[\ud800-\udfff]")
_SHOWN_CHARS = 160


@dataclass(frozen=True, slots=True, repr=False)
class ImageRef:
    """One image, by kind and location; made by `parse_image_ref`, so always canonical.

    `location` is a path with query on Label Studio (`upload`, `local_file`, `label_studio`), a cloud
    URI, an http(s) URL or a data: URI. `task_id` is set for `cloud` alone.
    """

    kind: ImageKind
    location: str
    task_id: int | None = None

    @property
    def identity(self) -> str:
        """The image's name in request ids: equal for two signings of one file.

        A cloud URI keeps its task: Label Studio resolves it with the storages of the task's project, so
        the same URI may be another file, or none, in another project.
        """
        match self.kind:
            case "http":
                url = parse_web_url(self.location)
                query = without_signature(url.query)
                return f"http:{url.scheme}://{url.netloc}{url.path}{'?' if query else ''}{query}"
            case "data":
                return f"data:sha256:{hashlib.sha256(self.location.encode()).hexdigest()}"
            case "cloud":
                return f"cloud:{self.task_id}:{self.location}"
            case "upload" | "local_file" | "label_studio":
                return f"label_studio:{self.location}"

    @property
    def display(self) -> str:
        """Short form for logs and messages: no query, no credentials, no data, one printable line."""
        match self.kind:
            case "data":
                head, _, body = self.location.partition(",")
                return f"{head[:40]},... ({len(body) * 3 // 4} bytes)"
            case "local_file":
                return _shortened(f"{_LOCAL_FILES}?d={quote(self.local_path)}")
            case "cloud":
                return _shortened(quote(self.location, safe=":/ "))
            case "http" | "upload" | "label_studio":
                return _shortened(self.location.partition("?")[0])

    @property
    def local_path(self) -> str:
        """For `local_file`: the decoded `d`, relative to Label Studio's document root."""
        return parse_qs(self.location.partition("?")[2]).get("d", [""])[0]

    def __repr__(self) -> str:
        return f"<ImageRef {self.kind} {self.display}>"

    def to_json(self) -> dict[str, Any]:
        """A plain dict that `from_json` takes back."""
        plain: dict[str, Any] = {"kind": self.kind, "location": self.location}
        return plain if self.task_id is None else {**plain, "task_id": self.task_id}

    @classmethod
    def from_json(cls, value: object) -> ImageRef:
        """The reference that `to_json` wrote, checked anew: what comes out of a queue is not trusted.

        Raises `ImageRefused` for anything that `parse_image_ref` would not have made.
        """
        if not isinstance(value, dict) or value.get("kind") not in get_args(ImageKind):
            raise ImageRefused("expected an image reference with a known kind")
        task_id = value.get("task_id")
        try:
            ref = parse_image_ref(value.get("location"), task_id=task_id)
        except TaskError as error:
            raise ImageRefused(f"the stored image reference is damaged: {error}") from error
        if ref.to_json() != value:
            raise ImageRefused(
                f"the stored image reference {ref.display} is not in its normal form"
            )
        return ref


def parse_image_ref(
    value: object, *, task_id: int | None, label_studio_url: str | None = None
) -> ImageRef:
    """The image that a task's data points to. A URL on Label Studio's own address counts as its path.

    >>> parse_image_ref("/data/upload/4/a.jpg", task_id=7)
    <ImageRef upload /data/upload/4/a.jpg>
    >>> parse_image_ref("s3://bucket/a.jpg", task_id=7).identity
    'cloud:7:s3://bucket/a.jpg'

    Raises `TaskError` when there is no text or a cloud URI comes without a task id, and `ImageRefused`
    for every reference that Firstpass does not open.
    """
    if not isinstance(value, str):
        raise TaskError(f"expected an image address as text, got {type(value).__name__}")
    text = value.strip(" ")
    if not text:
        raise TaskError("the image address is empty")
    if _HALF.search(text):
        raise ImageRefused("the image address has half a character in it, such as half an emoji")
    if text[:5].lower() == "data:":
        return ImageRef("data", canonical_data_uri(text))
    if _CONTROL.search(text):
        raise ImageRefused("the image address has control characters")
    if cloud := _CLOUD.fullmatch(text):
        return _cloud_ref(cloud, task_id)
    if text.startswith("/") and not text.startswith("//"):
        return _label_studio_ref(text, label_studio_url)
    scheme = _SCHEME.match(text)
    if scheme is not None and scheme[1].lower() in ("http", "https"):
        return _web_ref(text, label_studio_url)
    raise ImageRefused(_unsupported(scheme[1].lower() if scheme else None))


def is_file_route(path: str) -> bool:
    """Whether Label Studio serves files under this path, so that its token may go along.

    >>> is_file_route("/data/upload/4/a.jpg"), is_file_route("/api/users/"), is_file_route("/data/upload/../x")
    (True, False, False)
    """
    return _TOKEN_ROUTES.match(path) is not None and not _climbs(path)


def stored_prefix(value: object, label_studio_url: str) -> str | None:
    """The sub-path that a reference to Label Studio has, and its address here has not.

    >>> stored_prefix("/tools/data/upload/4/a.jpg", "http://label-studio:8080")
    '/tools'
    >>> stored_prefix("/tools/data/upload/4/a.jpg", "http://label-studio:8080/tools") is None
    True
    """
    if not isinstance(value, str) or not value.startswith("/") or value.startswith("//"):
        return None
    if _serves_files(_below(value, parse_home(label_studio_url).path) or value):
        return None
    match = _PREFIX.match(value)
    return None if match is None or _climbs(match[1]) else match[1]


def _cloud_ref(match: re.Match[str], task_id: int | None) -> ImageRef:
    if not isinstance(task_id, int) or isinstance(task_id, bool) or task_id < 0:
        raise TaskError(
            f"{match[1].lower()}:// images are resolved by Label Studio for a stored task; this one has no id"
        )
    return ImageRef("cloud", f"{match[1].lower()}://{match[2]}/{match[3]}", task_id)


def _web_ref(text: str, label_studio_url: str | None) -> ImageRef:
    url = parse_web_url(text)
    if label_studio_url is not None:
        home = parse_home(label_studio_url)
        inside = _below(url.target, home.path)
        if url.origin == home.origin and inside is not None and _serves_files(inside):
            return _label_studio_ref(inside, None)
    return ImageRef("http", str(url))


def _label_studio_ref(text: str, label_studio_url: str | None) -> ImageRef:
    target = parse_web_url(f"http://label-studio{text}").target
    if label_studio_url is not None:
        # Label Studio under a path prefix stores its uploads with the prefix.
        target = _below(target, parse_home(label_studio_url).path) or target
    if not _serves_files(target) and (prefix := _PREFIX.match(target)):
        target = target[prefix.end() :]
    path, _, query = target.partition("?")
    if _climbs(unquote(text.partition("?")[0])) or _climbs(path):
        raise ImageRefused("the image address climbs out of its folder (`..`)")
    if not _serves_files(target):
        raise ImageRefused(
            "expected a path that Label Studio serves files under (/data/upload/..., "
            "/data/local-files/?d=...), got another path; files of this machine are not opened"
        )
    if path.startswith(_UPLOAD):
        return ImageRef("upload", target)
    if path.rstrip("/") == _LOCAL_FILES.rstrip("/"):
        return _local_file_ref(query)
    return ImageRef("label_studio", target)


def _local_file_ref(query: str) -> ImageRef:
    names = parse_qs(query).get("d", [])
    if len(names) != 1 or not names[0].strip("/"):
        raise ImageRefused("expected /data/local-files/?d=<path>, with one path")
    if _CONTROL.search(names[0]):
        raise ImageRefused("the local file's path has control characters; rename it")
    if _climbs(names[0]):
        raise ImageRefused("the local file's path has `..` in it; name it without")
    location = f"{_LOCAL_FILES}?d={quote(names[0])}"
    parse_web_url(f"http://label-studio{location}")  # is longer here, and has the same bound
    return ImageRef("local_file", location)


def _serves_files(target: str) -> bool:
    path = target.partition("?")[0]
    return _TOKEN_ROUTES.match(path) is not None or path.startswith(_STATIC)


def _below(target: str, prefix: str) -> str | None:
    """What is left of `target` under `prefix`, beginning with a slash; `None` when it is elsewhere."""
    return target.removeprefix(prefix) if target.startswith(f"{prefix}/") else None


def _climbs(path: str) -> bool:
    return any(part in (".", "..") for part in re.split(r"[/\\]", unquote(path)))


def _shortened(text: str) -> str:
    return text if len(text) <= _SHOWN_CHARS else f"{text[: _SHOWN_CHARS - 3]}..."


def _unsupported(scheme: str | None) -> str:
    known = "expected an http(s) URL, a Label Studio path (/data/...), s3://, gs://, azure-blob:// or data:"
    if scheme is None:
        return f"{known}; got a relative path or a bare name"
    return f"{known}; `{scheme[:20]}:` is not opened"
