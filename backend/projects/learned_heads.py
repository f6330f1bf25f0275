"""What was learned of a project put to use, and taken back: in its label config, where everything about it stands."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from backend.errors import BadRequest
from backend.label_config.label_config import parse_label_config
from backend.label_config.named_heads import without_heads
from backend.label_studio.api import LabelStudioApi
from backend.queue.heads import HeadShelf

__all__ = ["Forgotten", "ProjectHeads", "heads_in", "named_elsewhere"]


def heads_in(label_config: str) -> list[str]:
    """The fingerprints that a label config names, each once. Raises `LabelConfigError`."""
    return list(dict.fromkeys(head for _, head in parse_label_config(label_config).heads))


def named_elsewhere(api: LabelStudioApi, project: int, heads: Collection[str]) -> dict[str, int]:
    """Which of these heads another project's label config names, too, and a project that does.

    A label config is easily copied. Only projects that the token's user sees are looked at.
    """
    if not heads:
        return {}
    others = {one: text for one, text in api.label_configs().items() if one != project}
    return {head: one for one, text in others.items() for head in heads if head in text}


@dataclass(frozen=True, slots=True)
class Forgotten:
    """The fingerprints that a label config named, and of those that stay which other project names each."""

    named: list[str]
    kept: dict[str, int]


@dataclass(frozen=True, slots=True)
class ProjectHeads:
    """Changes one project's label config through Label Studio; who asks with it follows by itself."""

    api: LabelStudioApi
    shelf: HeadShelf
    project: int

    def apply(self, before: str, after: str, fingerprint: str, data: bytes) -> None:
        """Keep a head, and give the project the label config that names it.

        What it named before stays kept: another project may name it, and so may this one again. `before` is the
        label config that the head was learned for. Raises `BadRequest` where the project has another by now.
        """
        if self.api.project(self.project).label_config != before:
            raise BadRequest(
                "nothing was written: the project's label config was changed meanwhile; give the command again"
            )
        self.shelf.put(fingerprint, data)
        self.api.update_project(self.project, label_config=after)

    def forget(self) -> Forgotten:
        """Take the heads out of the label config, and drop those that no other project names."""
        before = self.api.project(self.project).label_config
        named = heads_in(before)
        kept = named_elsewhere(self.api, self.project, named)
        if named:
            self.api.update_project(self.project, label_config=without_heads(before))
        for fingerprint in named:
            if fingerprint not in kept:
                self.shelf.forget(fingerprint)
        return Forgotten(named, kept)
