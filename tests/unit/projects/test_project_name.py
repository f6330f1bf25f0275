"""A project by its id, its address or its title."""

from __future__ import annotations

import pytest
from pydantic import SecretStr

from backend.errors import BadRequest
from backend.label_studio.api import LabelStudioApi
from backend.label_studio.credential import LabelStudioCredential
from backend.projects.project_name import NamedProject, find_project, parse_project

URL = "http://localhost:8080"


class Projects(LabelStudioApi):
    """A Label Studio that knows titles; `asked` says how often."""

    def __init__(self, url: str = URL) -> None:
        super().__init__(url, LabelStudioCredential(url, SecretStr("0" * 40)))
        self.asked = 0

    def titles(self) -> dict[int, str]:
        self.asked += 1
        return {
            3: "Street scenes",
            5: "Cats",
            8: "Cats",
            9: "cats and dogs",
            11: "7",
            12: "Äpfel ",
        }


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("3", NamedProject(3)),
        (" 3 ", NamedProject(3)),
        ("7", NamedProject(7)),  # digits are an id, whatever titles there are
        ("http://localhost:8080/projects/3", NamedProject(3)),
        ("http://localhost:8080/projects/3/", NamedProject(3)),
        ("http://localhost:8080/projects/3/data?tab=7", NamedProject(3, 7)),
        ("http://localhost:8080/projects/3/data?tab=7&task=12", NamedProject(3, 7)),
        ("http://localhost:8080/projects/3/data?task=12", NamedProject(3)),
        ("http://localhost:8080/projects/3/data?tab=x", NamedProject(3)),
        ("http://localhost:8080/projects/3/settings/ml", NamedProject(3)),
        ("http://127.0.0.1:8080/projects/3", NamedProject(3)),
        ("HTTP://LOCALHOST:8080/projects/3".replace("HTTP", "http"), NamedProject(3)),
    ],
)
def test_ids_and_addresses_ask_nobody(name: str, found: NamedProject) -> None:
    there = Projects()

    assert find_project(name, there) == found
    assert there.asked == 0


@pytest.mark.parametrize(
    ("name", "project"),
    [("Street scenes", 3), ("street SCENES", 3), ("cats and dogs", 9), ("äpfel", 12)],
)
def test_titles_are_looked_up(name: str, project: int) -> None:
    assert find_project(name, Projects()) == NamedProject(project)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("Cats", r"^2 projects are titled 'Cats'; give the id of one: 5, 8$"),
        (
            "Street scene",
            r"no project that is titled 'Street scene'; near to it: 3 \(Street scenes\)",
        ),
        ("-3", r"expected a project's id, address or title: .* titled '-3'"),
        ("3.5", "titled '3.5'"),
        ("", "got an empty text"),
        ("  ", "got an empty text"),
        (
            "http://localhost:8080/user/account",
            "as in http://localhost:8080/projects/3, got the path",
        ),
        ("http://localhost:8080/projects/x/data", "got the path '/projects/x/data'"),
        (
            "http://localhost:9090/projects/3",
            "give the project's id: 3, or set FIRSTPASS_LABEL_STUDIO_BROWSER_URL",
        ),
        ("http://elsewhere/projects/3/data?tab=7", "an address at http://elsewhere; if that is"),
        ("http://localhost:8080/ls/projects/3", "an address at http://localhost:8080/ls; if"),
        ("http://localhost:x/projects/3", "expected the address of a project: "),
    ],
)
def test_what_names_no_project_is_one_sentence(name: str, reason: str) -> None:
    with pytest.raises(BadRequest, match=reason):
        find_project(name, Projects())


def test_a_password_in_an_address_is_not_repeated() -> None:
    with pytest.raises(BadRequest) as caught:
        find_project("http://me:hunter2@elsewhere/projects/3", Projects())

    assert "hunter2" not in str(caught.value)


def test_a_label_studio_below_a_path_has_its_projects_there() -> None:
    assert parse_project("https://tools/ls/projects/3", "https://tools:443/ls") == NamedProject(3)
    with pytest.raises(BadRequest, match="same Label Studio"):
        parse_project("https://tools/projects/3", "https://tools/ls")


def test_where_no_label_studio_is_configured_any_address_tells_the_id() -> None:
    assert parse_project("https://tools/projects/3", None) == NamedProject(3)
    assert parse_project("Cats", None) is None


def test_the_address_that_browsers_have_is_as_good() -> None:
    """In compose we reach Label Studio by its service's name, and people by another."""
    inside, outside = "http://label-studio:8080", "https://labels.example/studio"
    there = Projects(inside)

    assert find_project(f"{outside}/projects/3/data?tab=1", there, outside) == NamedProject(3, 1)
    assert find_project(f"{inside}/projects/3", there, outside) == NamedProject(3)
    with pytest.raises(BadRequest, match=f"expected a project of {outside} or {inside}, got"):
        find_project("https://labels.example/projects/3", there, outside)
