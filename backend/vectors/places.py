"""Where an index lies: `FIRSTPASS_HOME/index/<project or folder>/<classifier>/`, one for each model's vectors."""

from __future__ import annotations

import hashlib
import re
import shlex
from dataclasses import dataclass
from pathlib import Path

from backend.errors import BadRequest, OperatorError
from backend.prediction.engine import Engine
from backend.prediction.learned import classifier_of
from backend.settings import Settings

__all__ = [
    "ROWS_FILE",
    "IndexPlace",
    "IndexUnusable",
    "folder_index",
    "folder_place",
    "index_place",
    "project_index",
    "project_place",
]

ROWS_FILE = "rows.sqlite"
#: A name that can be nothing but a folder below the indexes.
_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,80}[a-z0-9])?")
_FINGERPRINT = re.compile(r"[0-9a-f]{12}")


class IndexUnusable(OperatorError):
    """An index is damaged, cannot be written, or is in the hands of another process."""


@dataclass(frozen=True, slots=True)
class IndexPlace:
    """The folder of an index. `name` is what jobs call it, `remake` the command that makes it anew."""

    name: str
    folder: Path
    remake: str

    @property
    def exists(self) -> bool:
        return (self.folder / ROWS_FILE).is_file()

    @property
    def other_models(self) -> list[str]:
        """Fingerprints of the models whose vectors are kept beside these."""
        if not self.folder.parent.is_dir():
            return []
        found = (entry for entry in self.folder.parent.iterdir() if entry != self.folder)
        return sorted(one.name for one in found if (one / ROWS_FILE).is_file())

    def must_exist(self) -> None:
        """Raise `BadRequest` where there is no index."""
        if self.exists:
            return
        others = self.other_models
        if others:
            raise BadRequest(
                f"the index was made with another model ({', '.join(others)}) than the one that is asked "
                f"({self.folder.name}): `{self.remake}` makes one for this model; the other stays as it is"
            )
        raise BadRequest(f"there is no index yet: run `{self.remake}`")


def project_place(settings: Settings, engine: Engine, project: int) -> IndexPlace:
    """The index of a project, by the vectors of the loaded classifier. Raises `BadRequest` where none is."""
    if settings.label_studio_url is None:
        raise BadRequest("expected the address of Label Studio: set FIRSTPASS_LABEL_STUDIO_URL")
    name = project_index(settings.label_studio_url, project)
    remake = f"firstpass index --project {project}"
    return index_place(settings.home, name, _classifier(engine), remake)


def folder_place(settings: Settings, engine: Engine, folder: Path) -> IndexPlace:
    """The same of a folder."""
    remake = f"firstpass index --images {shlex.quote(str(folder))}"
    return index_place(settings.home, folder_index(folder), _classifier(engine), remake)


def project_index(label_studio: str, project: int) -> str:
    """The name of a project's index; two Label Studios both have a project 4.

    >>> project_index("http://localhost:8080/", 4)
    'project-4-a76d8c3e'
    """
    return f"project-{project}-{_digest(label_studio.rstrip('/'))}"


def folder_index(folder: Path) -> str:
    """The name of a folder's index: the same for one folder, however it is written."""
    return f"folder-{_digest(str(folder.resolve()))}"


def index_place(home: Path, name: str, classifier: str, remake: str = "") -> IndexPlace:
    """The place of an index. Raises `BadRequest` for a name that names no index: it may come from a job."""
    if not _NAME.fullmatch(name) or not _FINGERPRINT.fullmatch(classifier):
        raise BadRequest(f"expected the name of an index, got {name[:80]!r} of {classifier[:20]!r}")
    return IndexPlace(name, home.absolute() / "index" / name / classifier, remake or _remade(name))


def _classifier(engine: Engine) -> str:
    found = classifier_of(engine)
    if found is None:
        raise BadRequest(
            f"no model is loaded that gives vectors: expected a CLIP or SigLIP beside {engine.name}"
        )
    return found


def _remade(name: str) -> str:
    """The command that makes an index, as far as its name tells."""
    match name.split("-"):
        case ["project", number, _]:
            return f"firstpass index --project {number}"
    return "firstpass index --images DIR"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:8]
