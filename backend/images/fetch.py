"""From an `ImageRef` to the image's bytes, whatever kind it is."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass, field

from backend.errors import ImageRefused
from backend.images.data_uri import decode_data_uri
from backend.images.download import Downloader
from backend.images.guard import Resolver, resolve_host
from backend.images.local_files import read_local_file
from backend.images.reference import ImageRef
from backend.images.web_url import parse_web_url
from backend.label_studio.credential import LabelStudioCredential
from backend.settings import Settings

__all__ = ["FetchedImage", "ImageFetcher"]


@dataclass(frozen=True, slots=True)
class FetchedImage:
    """An image file as it came, undecoded, and the sha256 of its bytes in hex."""

    data: bytes = field(repr=False)
    sha256: str

    @classmethod
    def of(cls, data: bytes) -> FetchedImage:
        return cls(data, hashlib.sha256(data).hexdigest())


class ImageFetcher:
    """Fetches images within the bounds of the settings. Safe to call from many threads."""

    def __init__(
        self,
        settings: Settings,
        credential: LabelStudioCredential | None,
        *,
        resolve: Resolver = resolve_host,
    ) -> None:
        """`resolve` stands in for the system's look-up in tests. Raises `SettingsError`."""
        self._settings = settings
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
        `ImageUnreachable` (trying again may help) and `LabelStudioUnavailable` (no access token).
        """
        return FetchedImage.of(self._bytes(ref))

    def _bytes(self, ref: ImageRef) -> bytes:
        root = self._settings.local_files_root
        match ref.kind:
            case "data":
                return self._inline(ref)
            case "http":
                return self._downloader.download(parse_web_url(ref.location), trusted=False)
            case "local_file" if root is not None:
                return read_local_file(
                    root, ref.local_path, max_bytes=self._settings.image_max_bytes
                )
            case "upload" | "local_file" | "label_studio":
                return self._from_label_studio(ref, ref.location)
            case "cloud":
                uri = base64.urlsafe_b64encode(ref.location.encode()).decode("ascii")
                return self._from_label_studio(ref, f"/tasks/{ref.task_id}/resolve/?fileuri={uri}")

    def _from_label_studio(self, ref: ImageRef, target: str) -> bytes:
        home = self._settings.label_studio_url
        if home is None:
            raise ImageRefused(
                f"{ref.display} is on Label Studio, whose address is not known here: set "
                "FIRSTPASS_LABEL_STUDIO_URL"
            )
        return self._downloader.download(parse_web_url(home + target), trusted=True)

    def _inline(self, ref: ImageRef) -> bytes:
        _, data = decode_data_uri(ref.location)
        limit = self._settings.image_max_bytes
        if len(data) > limit:
            raise ImageRefused(
                f"the data: URI holds {len(data)} bytes, the limit is {limit} (FIRSTPASS_IMAGE_MAX_BYTES)"
            )
        return data
