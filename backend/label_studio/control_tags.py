"""What a label config comes down to: images, the control tags that are served, and those that are not."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

__all__ = ["ControlKind", "ControlTag", "Label", "LabelConfig", "ObjectTag", "UnservedTag"]


class ControlKind(StrEnum):
    """What a control tag lets the annotator do, and so what its regions look like."""

    RECTANGLE_LABELS = "RectangleLabels"
    RECTANGLE_AND_LABELS = "Rectangle + Labels"
    CHOICES = "Choices"


@dataclass(frozen=True, slots=True)
class ObjectTag:
    """An `<Image>`: its name, and the key of `task["data"]` that holds the reference."""

    name: str
    data_key: str


@dataclass(frozen=True, slots=True)
class Label:
    """One `<Label>` or `<Choice>`: what a region carries, what to ask for it, and from which score on."""

    #: Written into regions: the alias where there is one, else the value.
    value: str
    #: Asked of the model, each alone; never empty.
    phrases: tuple[str, ...]
    #: 0..1; `None`: the control tag's, or the kind's default.
    score_threshold: float | None = None


@dataclass(frozen=True, slots=True)
class ControlTag:
    """A control tag that is served.

    `rectangle_name` is the `<Rectangle>` that a `<Labels>` tag is paired with; regions then come in
    pairs. `multiple` holds for Choices alone: any number may be ticked. `tile_px` holds for boxes:
    the side of the tiles that a large image is asked in besides the whole.
    """

    kind: ControlKind
    name: str
    to_name: str
    labels: tuple[Label, ...]
    score_threshold: float | None = None
    multiple: bool = False
    rectangle_name: str | None = None
    tile_px: int | None = None


@dataclass(frozen=True, slots=True)
class UnservedTag:
    """A control tag that is left to the annotator, and why."""

    tag: str
    name: str
    reason: str

    def __str__(self) -> str:
        return f"<{self.tag} name={self.name!r}>: {self.reason}"


@dataclass(frozen=True, slots=True)
class LabelConfig:
    """A parsed label config. `images` is keyed by name through `image()`."""

    images: tuple[ObjectTag, ...]
    controls: tuple[ControlTag, ...]
    unserved: tuple[UnservedTag, ...]

    def image(self, name: str) -> ObjectTag:
        """The `<Image>` of that name; it exists for each control's `to_name`."""
        return next(image for image in self.images if image.name == name)
