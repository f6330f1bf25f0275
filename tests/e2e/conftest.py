"""All tests of this folder drive a real Label Studio; see `tests/real_label_studio.py` for their fixtures."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium import webdriver

from backend.demo.environment import Running
from tests.e2e.chromium import SharedChromium


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All tests of this folder drive Label Studio; the first of them waits for its first start."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.e2e)
            item.add_marker(pytest.mark.timeout(1800))


@pytest.fixture(scope="session")
def shared_chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SharedChromium]:
    """The browser of this session."""
    browser = SharedChromium(tmp_path_factory.mktemp("chromium") / "profile")
    yield browser
    browser.close()


@pytest.fixture
def window(both: Running, shared_chromium: SharedChromium) -> Iterator[webdriver.Chrome]:
    """A window of it that is this test's, in which nobody is signed in to Label Studio."""
    with shared_chromium.window(both.label_studio.url) as opened:
        yield opened
