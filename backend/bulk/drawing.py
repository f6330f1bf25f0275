"""A prediction as things to draw and lines to read: what the contact sheet and the pages have in common. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from backend.bulk.siblings import siblings_of
from backend.label_config.label_colours import label_backgrounds, usual_colour
from backend.pages.colours import Rgb, ink_on, rgb_of
from backend.prediction.read_regions import ReadRegion
from backend.prediction.region_shapes import Shape

__all__ = ["Drawing", "LabelColours", "Thing", "drawing_of"]


@dataclass(frozen=True, slots=True)
class LabelColours:
    """The colour of each label by control tag and label, as Label Studio shows it; others follow from the name."""

    given: Mapping[tuple[str, str], Rgb] = field(default_factory=dict)

    @classmethod
    def of(cls, label_config: str) -> LabelColours:
        """Of a label config. A background that is no colour counts as none."""
        named = {
            key: rgb_of(background) for key, background in label_backgrounds(label_config).items()
        }
        return cls({key: colour for key, colour in named.items() if colour is not None})

    def colour(self, control: str, label: str) -> Rgb:
        """That of one label.

        >>> LabelColours({("box", "car"): (255, 0, 0)}).colour("box", "car")
        (255, 0, 0)
        """
        return self.given.get((control, label)) or usual_colour(label)


@dataclass(frozen=True, slots=True)
class Thing:
    """One region: where it is, what it is called, and in which colour; `ink` can be read on the colour."""

    control: str
    #: The first of its labels; empty for a shape that nothing names.
    label: str
    caption: str
    #: What thresholds are about: the label as it was predicted, and its raw score.
    predicted_label: str
    raw_score: float | None
    colour: Rgb
    ink: Rgb
    place: Shape


@dataclass(frozen=True, slots=True)
class Drawing:
    """All that is drawn on one image, and a line for each choice and text that is said of it."""

    things: tuple[Thing, ...]
    lines: tuple[str, ...]


def drawing_of(regions: Sequence[ReadRegion], colours: LabelColours) -> Drawing:
    """What these regions of one image look like."""
    things, lines = [], []
    for group in siblings_of(regions):
        if group.place is None:
            lines.append(f"{group.control}: {group.caption}")
            continue
        label = next(iter(group.words), "")
        colour = colours.colour(group.control, label)
        things.append(
            Thing(
                group.control,
                label,
                group.caption,
                group.predicted_label,
                group.raw_score,
                colour,
                ink_on(colour),
                group.place,
            )
        )
    return Drawing(tuple(things), tuple(lines))
