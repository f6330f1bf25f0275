"""What was learned of a project put to use, and taken back: in its label config, where everything about it stands."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

from backend.errors import BadRequest, FirstpassError
from backend.label_config.label_config import parse_label_config
from backend.label_config.named_heads import without_heads
from backend.label_studio.api import LabelStudioApi
from backend.queue.heads import HeadShelf

__all__ = ["ProjectHeads", "heads_in"]


def heads_in(label_config: str) -> list[str]:
    """The fingerprints that a label config names, each once. Raises `LabelConfigError`."""
    return list(dict.fromkeys(head for _, head in parse_label_config(label_config).heads))


@dataclass(frozen=True, slots=True)
class ProjectHeads:
    """Changes one project's label config through Label Studio; who asks with it follows by itself."""

    api: LabelStudioApi
    shelf: HeadShelf
    project: int

    def apply(self, before: str, after: str, fingerprint: str, data: bytes) -> None:
        """Keep a head, and give the project the label config that names it. What it named before is dropped.

        `before` is the label config that the head was learned for. Raises `BadRequest` where the project has
        another by now.
        """
        if self.api.project(self.project).label_config != before:
            raise BadRequest(
                "nothing was written: the project's label config was changed meanwhile; give the command again"
            )
        self.shelf.put(fingerprint, data)
        try:
            self.api.update_project(self.project, label_config=after)
        except FirstpassError:
            if fingerprint not in heads_in(before):
                with suppress(FirstpassError, OSError):
                    self.shelf.forget(fingerprint)
            raise
        for old in heads_in(before):
            if old != fingerprint:
                self.shelf.forget(old)

    def forget(self) -> list[str]:
        """Take the heads out of the label config, and drop them; the fingerprints that it named."""
        before = self.api.project(self.project).label_config
        named = heads_in(before)
        if named:
            self.api.update_project(self.project, label_config=without_heads(before))
        for fingerprint in named:
            self.shelf.forget(fingerprint)
        return named
