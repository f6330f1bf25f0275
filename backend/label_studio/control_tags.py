"""What a label config comes down to: images, the control tags that are served, and those that are not."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal, TypeAlias

__all__ = [
    "ChoicesTag",
    "ControlTag",
    "CountTag",
    "Label",
    "LabelConfig",
    "ObjectTag",
    "PerRegion",
    "PromptTag",
    "RegionTag",
    "Shape",
    "TaxonomyTag",
    "TextTag",
    "TextTask",
    "UnservedTag",
    "leaves",
]

TextTask: TypeAlias = Literal[
    "caption", "detailed_caption", "more_detailed_caption", "ocr", "describe"
]


class Shape(StrEnum):
    """What is drawn for a region; the values are Label Studio's tags."""

    RECTANGLE = "Rectangle"
    ELLIPSE = "Ellipse"
    KEY_POINT = "KeyPoint"
    POLYGON = "Polygon"
    BRUSH = "Brush"

    @property
    def is_outline(self) -> bool:
        """It follows the thing's outline; the others are made of its box."""
        return self in (Shape.POLYGON, Shape.BRUSH)


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
    #: Values from the top of a tree down to this one; empty where labels are no tree.
    path: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PerRegion:
    """Which regions a control tag with `perRegion` is about: all of its image, or only some."""

    #: Name of the one tag for regions that it is shown for (`whenTagName`).
    tag_name: str | None = None
    #: Labels it is shown for (`whenLabelValue`); empty: any.
    labels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Tag:
    name: str
    to_name: str
    #: 0..1; `None`: the default.
    score_threshold: float | None = None
    #: The model that is to answer; `None`: whichever is loaded.
    model_name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionTag(_Tag):
    """A tag for labelled regions: `<RectangleLabels>`, or `<Labels>` with a `<Rectangle>`, and the like."""

    shape: Shape
    labels: tuple[Label, ...]
    #: Name of the `<Rectangle>` (or other shape) that a `<Labels>` is paired with; regions then come in
    #: pairs.
    shape_name: str | None = None
    #: Regions are those of printed text, whatever it says; the first label names them.
    is_ocr: bool = False
    #: Side of the tiles that a large image is asked in besides the whole.
    tile_px: int | None = None

    @property
    def kind(self) -> str:
        """As people know it: `RectangleLabels`, `Rectangle + Labels`."""
        return f"{self.shape}Labels" if self.shape_name is None else f"{self.shape} + Labels"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChoicesTag(_Tag):
    """`<Choices>`. With `allowNested` its labels are the nodes of a tree, each with its path."""

    labels: tuple[Label, ...]
    multiple: bool = False
    nested: bool = False
    #: Key of `task["data"]` that lists the choices; `labels` is empty then.
    options_key: str | None = None
    #: What each phrase of such a list is put into, in place of `{}`.
    prompt: str | None = None
    per_region: PerRegion | None = None

    @property
    def kind(self) -> str:
        """As people know it."""
        return "Choices"


@dataclass(frozen=True, slots=True, kw_only=True)
class TaxonomyTag(_Tag):
    """`<Taxonomy>`: its labels are the nodes of a tree, each with its path."""

    labels: tuple[Label, ...]
    #: Only a node without children may be chosen.
    leaves_only: bool = False
    per_region: PerRegion | None = None

    @property
    def kind(self) -> str:
        """As people know it."""
        return "Taxonomy"


@dataclass(frozen=True, slots=True, kw_only=True)
class TextTag(_Tag):
    """`<TextArea>`: says or reads something of the image, or of each region."""

    task: TextTask
    per_region: PerRegion | None = None

    @property
    def labels(self) -> tuple[Label, ...]:
        """It has none."""
        return ()

    @property
    def kind(self) -> str:
        """As people know it."""
        return "TextArea"


@dataclass(frozen=True, slots=True, kw_only=True)
class CountTag(_Tag):
    """`<Number>`: how many regions carry a label, or any (`label` is `None`)."""

    label: str | None = None
    #: Asked where no tag for regions of the image has that label.
    phrases: tuple[str, ...] = ()

    @property
    def labels(self) -> tuple[Label, ...]:
        """It has none of its own."""
        return ()

    @property
    def kind(self) -> str:
        """As people know it."""
        return "Number"


ControlTag: TypeAlias = RegionTag | ChoicesTag | TaxonomyTag | TextTag | CountTag


@dataclass(frozen=True, slots=True)
class PromptTag:
    """A `<TextArea>` that is asked in: what people type there is looked for, and nothing is filled in."""

    name: str
    to_name: str


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
    prompts: tuple[PromptTag, ...] = ()
    #: (alias, value) of labels that have both: a region carries the former, people know the latter.
    aliases: tuple[tuple[str, str], ...] = ()

    @property
    def names(self) -> frozenset[str]:
        """The names of all control tags, served or not."""
        shapes = {tag.shape_name for tag in self.controls if isinstance(tag, RegionTag)}
        tags = (*self.controls, *self.unserved, *self.prompts)
        return frozenset(tag.name for tag in tags) | {name for name in shapes if name}

    def image(self, name: str) -> ObjectTag:
        """The `<Image>` of that name; it exists for each control's `to_name`."""
        return next(image for image in self.images if image.name == name)


def leaves(labels: tuple[Label, ...]) -> tuple[Label, ...]:
    """The nodes of a tree that have none below them."""
    inner = {label.path[:-1] for label in labels}
    return tuple(label for label in labels if label.path not in inner)
