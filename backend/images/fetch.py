"""From an `ImageRef` to the image's bytes, whatever kind it is."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass, field

from backend.errors import ImageRefused, ImageUnreachable
from backend.images.data_uri import decode_data_uri
from backend.images.download import Credential, Downloaded, Downloader, Validators
from backend.images.guard import Resolver, resolve_host
from backend.images.local_files import read_local_file
from backend.images.reference import ImageRef
from backend.images.web_url import parse_web_url
from backend.settings import Settings

__all__ = ["FetchedImage", "ImageFetcher", "Validators"]


@dataclass(frozen=True, slots=True)
class FetchedImage:
    """An image file as it came, undecoded, the sha256 of its bytes in hex, and its validators."""

    data: bytes = field(repr=False)
    sha256: str
    validators: Validators

    @classmethod
    def of(cls, downloaded: Downloaded) -> FetchedImage:
        digest = hashlib.sha256(downloaded.data).hexdigest()
        return cls(downloaded.data, digest, downloaded.validators)


class ImageFetcher:
    """Fetches images within the bounds of the settings. Safe to call from many threads."""

    def __init__(
        self,
        settings: Settings,
        credential: Credential | None,
        *,
        resolve: Resolver = resolve_host,
        follow_links: bool = False,
        listed: bool = False,
    ) -> None:
        """`resolve` stands in for the system's look-up in tests. Raises `SettingsError`.

        `listed`: local files are those of a folder that we walked; with `follow_links` one may be a link
        to one elsewhere.
        """
        self._settings = settings
        self._follow_links, self._listed = follow_links, listed
        self._downloader = Downloader(settings, credential, resolve=resolve)

    def __enter__(self) -> ImageFetcher:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes kept connections."""
        self._downloader.close()

    def fetch(self, ref: ImageRef) -> FetchedImage:
        """The bytes behind the reference; whether they are an image, `decode_image` tells.

        Raises `ImageRefused` (not allowed), `ImageNotFound` (not there, or not for us),
        `ImageUnreachable` (trying again may help), `LabelStudioUnavailable` and `LabelStudioRefuses` (no
        access token).
        """
        downloaded = self._download(ref, Validators())
        if downloaded is None:
            raise ImageUnreachable(f"{ref.display} was answered as unchanged, which was not asked")
        return FetchedImage.of(downloaded)

    def fetch_if_changed(self, ref: ImageRef, known: Validators) -> FetchedImage | None:
        """As `fetch`, but `None` when the bytes are still those that came with these validators.

        An upload is never rewritten under its name, and a data: URI is its bytes: once seen, both
        are unchanged without a look.
        """
        if ref.kind in ("upload", "data"):
            return None
        downloaded = self._download(ref, known)
        return FetchedImage.of(downloaded) if downloaded is not None else None

    def _download(self, ref: ImageRef, known: Validators) -> Downloaded | None:
        root = self._settings.local_files_root
        match ref.kind:
            case "data":
                return Downloaded(self._inline(ref))
            case "http":
                url = parse_web_url(ref.location)
                return self._downloader.download(url, trusted=False, known=known)
            case "local_file" if root is not None:
                data = read_local_file(
                    root,
                    ref.local_path,
                    max_bytes=self._settings.image_max_bytes,
                    follow_links=self._follow_links,
                    listed=self._listed,
                )
                return Downloaded(data)
            case "upload" | "local_file" | "label_studio":
                return self._from_label_studio(ref, ref.location, known)
            case "cloud":
                uri = base64.urlsafe_b64encode(ref.location.encode()).decode("ascii")
                target = f"/tasks/{ref.task_id}/resolve/?fileuri={uri}"
                return self._from_label_studio(ref, target, known)

    def _from_label_studio(
        self, ref: ImageRef, target: str, known: Validators
    ) -> Downloaded | None:
        home = self._settings.label_studio_url
        if home is None:
            raise ImageRefused(
                f"{ref.display} is on Label Studio, whose address is not known here: set "
                "FIRSTPASS_LABEL_STUDIO_URL"
            )
        return self._downloader.download(parse_web_url(home + target), trusted=True, known=known)

    def _inline(self, ref: ImageRef) -> bytes:
        _, data = decode_data_uri(ref.location)
        limit = self._settings.image_max_bytes
        if len(data) > limit:
            raise ImageRefused(
                f"the data: URI holds {len(data)} bytes, the limit is {limit} (FIRSTPASS_IMAGE_MAX_BYTES)"
            )
        return data
