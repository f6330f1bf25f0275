"""A project as a person names it: by its id, its address in Label Studio, or its title."""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import get_close_matches
from urllib.parse import SplitResult, parse_qs, urlsplit

from backend.errors import BadRequest
from backend.label_studio.api import LabelStudioApi

__all__ = ["NamedProject", "find_project", "parse_project"]

_ID = re.compile(r"[0-9]{1,18}")
_PATH = re.compile(r"(?P<before>.*)/projects/(?P<id>[0-9]{1,18})(?:/.*)?")
#: Names under which a browser and we reach the same server on this machine.
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_MOST_SHOWN = 5


@dataclass(frozen=True, slots=True)
class NamedProject:
    """The project's id, and the Data Manager tab that its address showed, if any."""

    id: int
    tab: int | None = None


def find_project(name: str, api: LabelStudioApi, browser_url: str | None = None) -> NamedProject:
    """Give the project of that id, address or title; only a title asks Label Studio.

    `browser_url` is where people see what is at `api.url`, if that is another address. Raises `BadRequest` for an address elsewhere, and for a title that no project or several have; and
    what `api` raises.
    """
    return parse_project(name, api.url, browser_url) or NamedProject(_by_title(name.strip(), api))


def parse_project(
    name: str, label_studio_url: str | None, browser_url: str | None = None
) -> NamedProject | None:
    """Give the project of that id or address; `None` for what can only be a title.

    >>> parse_project("https://ls.example/projects/3/data?tab=7", "https://ls.example")
    NamedProject(id=3, tab=7)

    Raises `BadRequest` for an empty name, and for an address that is not of a project there.
    """
    name = name.strip()
    if not name:
        raise BadRequest("expected a project's id, address or title, got an empty text")
    if _ID.fullmatch(name):
        return NamedProject(int(name))
    if name.startswith(("http://", "https://")):
        return _by_address(
            name, [one for one in (browser_url, label_studio_url) if one is not None]
        )
    return None


def _by_address(address: str, ours: list[str]) -> NamedProject:
    try:
        given = urlsplit(address)
        place = _place(given)
    except ValueError as error:
        raise BadRequest(f"expected the address of a project: {error}") from error
    found = _PATH.fullmatch(given.path)
    if found is None:
        raise BadRequest(
            f"expected the address of a project, as in {[*ours, 'http://localhost:8080'][0]}"
            f"/projects/3, got the path {given.path or '/'!r}"
        )
    places = [(_place(urlsplit(one)), urlsplit(one).path) for one in ours]
    if places and (place, found["before"]) not in places:
        raise BadRequest(
            f"expected a project of {' or '.join(ours)}, got an address at {_shown(given)}"
            f"{found['before']}; if that is the same Label Studio, give the project's id: {found['id']}, or "
            "set FIRSTPASS_LABEL_STUDIO_BROWSER_URL to its address in browsers"
        )
    (tab,) = parse_qs(given.query).get("tab", [""])[:1]
    return NamedProject(int(found["id"]), int(tab) if _ID.fullmatch(tab) else None)


def _place(url: SplitResult) -> tuple[str | None, int]:
    host = "localhost" if url.hostname in _LOOPBACK else url.hostname
    return host, url.port or (443 if url.scheme == "https" else 80)


def _shown(url: SplitResult) -> str:
    """Where the address leads, without a password that may stand in it."""
    return f"{url.scheme}://{url.netloc.rpartition('@')[2]}"


def _by_title(title: str, api: LabelStudioApi) -> int:
    titles = api.titles()
    same = [project for project, known in titles.items() if known.strip() == title] or [
        project for project, known in titles.items() if known.strip().casefold() == title.casefold()
    ]
    match same:
        case [project]:
            return project
        case []:
            near = set(get_close_matches(title, titles.values()))
            known = {project: known for project, known in titles.items() if known in near}
            hint = f"; near to it: {_listed(known)}" if known else ""
            raise BadRequest(
                f"expected a project's id, address or title: {api.url} shows us no project that is titled "
                f"{title[:100]!r}{hint}; `firstpass doctor` lists those there are"
            )
    raise BadRequest(
        f"{len(same)} projects are titled {title[:100]!r}; give the id of one: "
        f"{', '.join(map(str, same[:_MOST_SHOWN]))}{', ...' if len(same) > _MOST_SHOWN else ''}"
    )


def _listed(projects: dict[int, str]) -> str:
    return ", ".join(f"{project} ({title})" for project, title in [*projects.items()][:_MOST_SHOWN])
