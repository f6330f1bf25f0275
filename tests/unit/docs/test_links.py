"""Links between the pages, and from pages to files, lead somewhere; and every page is found from the door."""

from __future__ import annotations

import re

import pytest

from tests.pages import PAGES, REPOSITORY, anchors


def links_of(page: str) -> list[tuple[str, str]]:
    """File and heading of each link of a page that leads to no other site."""
    text = re.sub(r"^```.*?^```$", "", (REPOSITORY / page).read_text(), flags=re.M | re.S)
    found = re.findall(r"\]\(([^)\s]*?)(?:#([^)\s]+))?\)", text)
    return [(file, heading) for file, heading in found if "://" not in file]


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_to_files_and_headings(page: str) -> None:
    """As GitHub names headings."""
    for file, heading in links_of(page):
        target = (REPOSITORY / page).parent / file if file else REPOSITORY / page
        assert target.exists(), f"{page} links to {file}"
        assert not heading or heading in anchors(target), f"{page} links to {file}#{heading}"


def test_links_are_found() -> None:
    """The check above sees those between pages, to headings and to pictures."""
    assert ("docs/start.md", "install") in links_of("README.md")
    assert ("screenshot.png", "") in links_of("README.md")
    assert sum(len(links_of(page)) for page in PAGES) > 60


def test_every_page_is_found_from_the_door() -> None:
    """By links, from the README on."""
    seen, new = set[str](), {"README.md"}
    while new:
        seen |= new
        linked = {
            ((REPOSITORY / page).parent / file).resolve()
            for page in new
            for file, _ in links_of(page)
            if file.endswith(".md")
        }
        new = {str(path.relative_to(REPOSITORY)) for path in linked} - seen

    assert set(PAGES) <= seen


def test_the_readme_is_one_page() -> None:
    """What does not fit is on a page of its own, in the index."""
    text = (REPOSITORY / "README.md").read_text()

    assert len(text.splitlines()) <= 120
    index = {file for file, _ in links_of("README.md")}
    beside = {page for page in PAGES if page.startswith("docs/")} - index
    # Those for operators are found from their own index.
    assert beside <= {f"docs/{file}" for file, _ in links_of("docs/operate.md")}
