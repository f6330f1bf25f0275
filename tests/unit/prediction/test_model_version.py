"""The version is a project's: it changes with what was learned there, and only then."""

from __future__ import annotations

from backend.label_studio.project_key import ProjectKey
from backend.prediction.engine import Engine
from backend.prediction.model_version import Learned
from backend.prediction.predictor import PredictorSettings
from models.registry import resolve

CONFIG = (
    '<View><Image name="image" value="$image"/><RectangleLabels name="box" toName="image">'
    '<Label value="car"/></RectangleLabels></View>'
)
ENGINE = Engine("tiny", "0123456789ab", resolve("tiny"))
PROJECT, OTHER = ProjectKey(4, 5), ProjectKey(6, 7)


def version(project: ProjectKey | None, learned: Learned | None = None) -> str:
    """As when this was learned from the first project, and nothing from others."""
    settings = PredictorSettings(ENGINE, 0.3, None)
    if learned is not None:
        settings = PredictorSettings(
            ENGINE, 0.3, None, learned=lambda key: learned if key == PROJECT else Learned()
        )
    return settings.for_project(project, CONFIG).version


def test_where_nothing_was_learned_the_version_is_what_it_was() -> None:
    """For any project, and for none: written down before anything could be learned."""
    versions = {version(project, Learned()) for project in (PROJECT, OTHER, None)}

    assert versions == {version(None)} == {"tiny-908357fa46"}


def test_what_was_learned_from_a_project_changes_its_version_alone() -> None:
    learned = Learned(heads=(("box", "a"),))

    assert version(PROJECT, learned) != version(None)
    assert version(PROJECT, learned) != version(PROJECT, Learned(heads=(("box", "b"),)))
    assert version(OTHER, learned) == version(None, learned) == version(None)
