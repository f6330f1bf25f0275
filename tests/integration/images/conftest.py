"""An inside server that nobody may reach, an outside one that may be hostile, and a Label Studio."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from backend.images.fetch import ImageFetcher
from backend.label_studio.credential import LabelStudioCredential
from backend.settings import Settings
from tests.integration.images.servers import LocalServer, answer, png, resolve

MakeFetcher = Callable[..., ImageFetcher]


@pytest.fixture
def inside() -> Iterator[LocalServer]:
    """Forbidden: it gives an image to whoever comes, and counts."""
    with LocalServer() as server:
        server.routes["/a.png"] = answer(png())
        yield server


@pytest.fixture
def outside() -> Iterator[LocalServer]:
    """Allowed, and not to be trusted."""
    with LocalServer("outside.test") as server:
        server.routes["/a.png"] = answer(png())
        yield server


@pytest.fixture
def label_studio() -> Iterator[LocalServer]:
    with LocalServer("label-studio.test") as server:
        server.routes["/data/upload/1/a.png"] = answer(png())
        yield server


@pytest.fixture
def make_fetcher(outside: LocalServer, label_studio: LocalServer) -> Iterator[MakeFetcher]:
    """Builds fetchers that know both allowed servers; settings may be overridden."""
    with ExitStack() as stack:

        def make(credential: LabelStudioCredential | None = None, **fields: Any) -> ImageFetcher:
            given = {
                "label_studio_url": label_studio.url,
                "image_allow": (outside.address,),
                "image_max_bytes": 65_536,
                "image_timeout_s": 120.0,
            }
            settings = Settings(**{**given, **fields})
            return stack.enter_context(ImageFetcher(settings, credential, resolve=resolve))

        yield make
