"""The phrases that a project's labels ask, kept where everything about it stands: in its label config."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from backend.errors import BadRequest
from backend.label_config.control_tags import RegionTag
from backend.label_config.label_config import parse_label_config
from backend.label_config.label_phrases import with_phrase, without_phrase
from backend.label_studio.api import LabelStudioApi
from backend.projects.our_web import OurWeb
from models.prompts import reason_refused

__all__ = ["AskedLabel", "Changed", "ProjectPhrases", "asked_labels"]


@dataclass(frozen=True, slots=True)
class AskedLabel:
    """A label of a tag, and what is asked for it."""

    control: str
    label: str
    phrases: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Changed:
    """The versions before and after."""

    before: str
    after: str


def asked_labels(label_config: str) -> list[AskedLabel]:
    """The labels of all tags for regions, in the order of the label config."""
    return [
        AskedLabel(control.name, label.value, label.phrases)
        for control in parse_label_config(label_config).controls
        if isinstance(control, RegionTag) and not control.is_ocr
        for label in control.labels
    ]


@dataclass(frozen=True, slots=True)
class ProjectPhrases:
    """Changes a project's label config through Label Studio; who asks with it follows by itself.

    `web` says which versions that makes. Methods raise `BadRequest` where a phrase cannot be added or
    removed; nothing was changed then.
    """

    api: LabelStudioApi
    web: OurWeb

    def add(self, project: int, label: str, phrase: str, control: str | None = None) -> Changed:
        """Have a label ask one phrase more, in every tag for regions or only in `control`."""
        reason = reason_refused(phrase)
        if reason is not None:
            raise BadRequest(reason)
        return self._change(project, lambda xml: with_phrase(xml, label, phrase, control))

    def remove(self, project: int, label: str, phrase: str, control: str | None = None) -> Changed:
        """Have a label ask one phrase less."""
        return self._change(project, lambda xml: without_phrase(xml, label, phrase, control))

    def _change(self, project: int, edited: Callable[[str], str]) -> Changed:
        before = self.api.project(project).label_config
        after = edited(before)
        lost = set(parse_label_config(after).unserved) - set(parse_label_config(before).unserved)
        if lost:
            raise BadRequest(f"nothing was changed: {'; '.join(sorted(map(str, lost)))}")
        changed = Changed(self.web.version(before), self.web.version(after))
        self.api.update_project(project, label_config=after)
        return changed
