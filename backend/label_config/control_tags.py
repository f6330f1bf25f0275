"""What a label config comes down to: images, the control tags that are served, and those that are not."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, ClassVar, Literal, TypeAlias

from backend.label_config.calibration import Calibration
from backend.label_config.value_expressions import placed

__all__ = [
    "ChoicesTag",
    "ControlTag",
    "CountTag",
    "Label",
    "LabelConfig",
    "NoteTag",
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
    """An `<Image>`: its name, and where `task["data"]` holds the reference; or one page of several."""

    name: str
    #: A key, or a path such as `photos[0].src`; of a text with such in it, the whole text.
    data_key: str
    #: `valueList`: the data holds a list of pages there.
    is_list: bool = False
    #: Which page a step is about, from 0; `None` before a task is known, and where there are no pages.
    item_index: int | None = None
    #: `data_key` is a text with keys in it: `https://host/$name`.
    is_text: bool = False

    @property
    def expression(self) -> str:
        """As the label config writes it."""
        return self.data_key if self.is_text else f"${self.data_key}"

    @property
    def place(self) -> str:
        """Where its data is, in words."""
        page = "" if self.item_index is None else f" (page {self.item_index + 1})"
        return f"{self.data_key!r}{page}"

    def data_of(self, address: str) -> dict[str, Any] | None:
        """A task's data with this image alone in it; `None` where a single image cannot be placed."""
        content: object = [address] if self.is_list else address
        return None if self.is_text else placed(self.data_key, content)


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
    #: What a region's score is computed with from the raw one, which thresholds are about; `None`: it is that.
    calibration: Calibration | None = None

    def calibrated(self, score: float | None) -> float | None:
        """The score that a region of it carries."""
        return score if self.calibration is None or score is None else self.calibration.of(score)


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
    #: `perItem`: of an image with pages, one answer for each.
    per_item: bool = False


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

    kind: ClassVar = "Choices"
    labels: tuple[Label, ...]
    multiple: bool = False
    nested: bool = False
    #: Key of `task["data"]` that lists the choices; `labels` is empty then.
    options_key: str | None = None
    #: What each phrase of such a list is put into, in place of `{}`.
    prompt: str | None = None
    per_region: PerRegion | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TaxonomyTag(_Tag):
    """`<Taxonomy>`: its labels are the nodes of a tree, each with its path."""

    kind: ClassVar = "Taxonomy"
    labels: tuple[Label, ...]
    #: Only a node without children may be chosen.
    leaves_only: bool = False
    per_region: PerRegion | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TextTag(_Tag):
    """`<TextArea>`: says or reads something of the image, or of each region."""

    kind: ClassVar = "TextArea"
    labels: ClassVar[tuple[Label, ...]] = ()
    task: TextTask
    per_region: PerRegion | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CountTag(_Tag):
    """`<Number>`: how many regions carry a label, or any (`label` is `None`)."""

    kind: ClassVar = "Number"
    labels: ClassVar[tuple[Label, ...]] = ()
    label: str | None = None
    #: Asked where no tag for regions of the image has that label.
    phrases: tuple[str, ...] = ()


#: The tags that say something of the image, or (`per_region`) of each of its regions: all that is particular
#: to one of them is in `prediction.tag_values`.
ValueTag: TypeAlias = ChoicesTag | TaxonomyTag | TextTag
ControlTag: TypeAlias = RegionTag | CountTag | ValueTag


@dataclass(frozen=True, slots=True)
class PromptTag:
    """A `<TextArea>` that is asked in: what people type there is looked for, and nothing is filled in."""

    name: str
    to_name: str


@dataclass(frozen=True, slots=True)
class NoteTag:
    """A `<TextArea>` in which people read what became of a prompt or a drawn shape; nobody fills it in."""

    name: str
    to_name: str
    #: Label Studio leaves out of annotations what is written there: `visibleWhen` and `whenTagName` say so.
    is_left_out: bool = False


@dataclass(frozen=True, slots=True)
class UnservedTag:
    """A control tag, or one label of it, that is left to the annotator, and why."""

    tag: str
    name: str
    reason: str
    #: The label that is left out of a tag which is served; empty: the whole tag is not.
    part: str = ""
    #: The label config says so itself, by `model_skip`.
    is_wanted: bool = False

    def __str__(self) -> str:
        part = f"{self.part} of " if self.part else ""
        return f"{part}<{self.tag} name={self.name!r}>: {self.reason}"

    @property
    def note(self) -> str:
        """A line for people: whether it is amiss, or as the label config wants it."""
        if self.part:
            return f"left out: {self}"
        return f"{'left to the annotator' if self.is_wanted else 'not served'}: {self}"


@dataclass(frozen=True, slots=True)
class LabelConfig:
    """A parsed label config. `images` is keyed by name through `image()`."""

    images: tuple[ObjectTag, ...]
    controls: tuple[ControlTag, ...]
    unserved: tuple[UnservedTag, ...]
    prompts: tuple[PromptTag, ...] = ()
    notes: tuple[NoteTag, ...] = ()
    #: (alias, value) of labels that have both: a region carries the former, people know the latter.
    aliases: tuple[tuple[str, str], ...] = ()
    #: (control tag, fingerprint) of tags that name what was learned for them.
    heads: tuple[tuple[str, str], ...] = ()
    #: (control tag, label) of labels that a person's box of one fills with what looks like it; predictions do not
    #: depend on that.
    by_example: tuple[tuple[str, str], ...] = ()

    @property
    def names(self) -> frozenset[str]:
        """The names of all control tags, served or not."""
        shapes = {tag.shape_name for tag in self.controls if isinstance(tag, RegionTag)}
        tags = (*self.controls, *self.unserved, *self.prompts, *self.notes)
        return frozenset(tag.name for tag in tags) | {name for name in shapes if name}

    def note_for(self, to_name: str | None) -> NoteTag | None:
        """Where people are answered about an image: its own note tag, else the first."""
        own = (note for note in self.notes if note.to_name == to_name)
        return next(own, next(iter(self.notes), None))

    def image(self, name: str) -> ObjectTag:
        """The `<Image>` of that name; it exists for each control's `to_name`."""
        return next(image for image in self.images if image.name == name)


def leaves(labels: tuple[Label, ...]) -> tuple[Label, ...]:
    """The nodes of a tree that have none below them."""
    inner = {label.path[:-1] for label in labels}
    return tuple(label for label in labels if label.path not in inner)
