"""A scripted reviewer: what people do with a prediction in Label Studio's editor, and what that comes to.

Each edit makes the `result` that the editor of Label Studio 1.23 submits for it, as seen there with a real
mouse, and says what a report must count. The expected counts are written down here by hand, edit by edit:
nothing of `backend/review` is asked for them.
"""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from backend.plain import Json

__all__ = [
    "ANOTHER", "BULK", "CONFIG", "EDITS", "NOTHING", "OURS", "SKIP", "Edit", "Expected", "expected_of", "predicted",
]  # fmt: skip

OURS = "tiny-0123456789"
ANOTHER = "yolo-v8"
CONFIG = (
    '<View><Image name="image" value="$image"/>'
    '<RectangleLabels name="box" toName="image"><Label value="car"/><Label value="person"/></RectangleLabels>'
    '<Choices name="scene" toName="image"><Choice value="day"/><Choice value="night"/></Choices>'
    '<TextArea name="plate" toName="image"/></View>'
)
#: A box of each: its score is the prediction's, whatever becomes of it.
SCORES = {"a": 0.9, "b": 0.6, "c": 0.4}


@dataclass(frozen=True)
class Edit:
    """What a person does; `change` gives the result that is submitted, from the predicted one."""

    name: str
    change: Callable[[list[Json]], list[Json]]
    #: What a report counts of the boxes, by label and fate; what is left over was kept.
    boxes: dict[tuple[str, str], int] = field(default_factory=dict)
    choice: str = "kept"
    text: str = "kept"
    #: Saved once more after it was submitted as it was.
    later: bool = False

    @property
    def edits(self) -> int:
        touched = sum(count for (_, fate), count in self.boxes.items() if fate != "kept")
        return touched + (self.choice != "kept") + (self.text != "kept")


def predicted(number: int) -> list[Json]:
    """The result of a task's prediction: two cars, a person, a choice, a text."""
    return [
        box(f"a{number}", "car", 10, 10, 20, 20, SCORES["a"]),
        box(f"b{number}", "car", 50, 10, 20, 20, SCORES["b"]),
        box(f"c{number}", "person", 10, 60, 20, 30, SCORES["c"]),
        {
            "id": f"d{number}", "from_name": "scene", "to_name": "image", "type": "choices", "score": 0.8,
            "value": {"choices": ["day"]},
        },
        {
            "id": f"e{number}", "from_name": "plate", "to_name": "image", "type": "textarea", "score": 0.7,
            "value": {"text": ["AB 12"]},
        },
    ]  # fmt: skip


def box(name: str, label: str, x: float, y: float, w: float, h: float, score: float | None) -> Json:
    made: Json = {
        "id": name, "from_name": "box", "to_name": "image", "type": "rectanglelabels",
        "original_width": 100, "original_height": 100, "image_rotation": 0,
        "value": {"x": x, "y": y, "width": w, "height": h, "rotation": 0, "rectanglelabels": [label]},
    }  # fmt: skip
    return made if score is None else {**made, "score": score}


def submitted(number: int, edit: Edit) -> list[Json]:
    """What the editor sends: what was not touched keeps its id and is of the prediction."""
    result = [{**one, "origin": "prediction"} for one in copy.deepcopy(predicted(number))]
    return edit.change(result)


def _changed(result: list[Json], letter: str, **value: object) -> list[Json]:
    """The region with other values: its id and its score stay."""
    for one in result:
        if one["id"].startswith(letter):
            one["value"] |= value
            one["origin"] = "prediction-changed"
    return result


def _without(result: list[Json], letter: str) -> list[Json]:
    return [one for one in result if not one["id"].startswith(letter)]


def _drawn(result: list[Json], name: str, label: str, x: float, y: float) -> list[Json]:
    """A box drawn by hand: another id, no score."""
    return [*result, {**box(name, label, x, y, 20, 20, None), "origin": "manual"}]


def _noise(result: list[Json]) -> list[Json]:
    for one in result:
        for side in ("x", "y", "width", "height"):
            if side in one["value"]:
                one["value"][side] += 1e-9
                one["origin"] = "prediction-changed"
    return result


EDITS = (
    Edit("submits as it is", lambda result: result),
    Edit("float noise", _noise),
    Edit("moves a box", lambda r: _changed(r, "a", x=18), {("car", "moved"): 1}),
    Edit("moves a box a little", lambda r: _changed(r, "a", x=10.5)),
    Edit(
        "relabels a box",
        lambda r: _changed(r, "a", rectanglelabels=["person"]),
        {("car", "relabelled"): 1},
    ),
    Edit("deletes a box", lambda r: _without(r, "c"), {("person", "deleted"): 1}),
    Edit("draws a box", lambda r: _drawn(r, "Xx1", "car", 70, 70), {("car", "added"): 1}),
    Edit(
        "deletes a box and draws it anew",
        lambda r: _drawn(_without(r, "b"), "Xx2", "car", 53, 10),
        {("car", "replaced"): 1},
    ),
    Edit("changes a choice", lambda r: _changed(r, "d", choices=["night"]), choice="changed"),
    Edit("changes a text", lambda r: _changed(r, "e", text=["AB 13"]), text="changed"),
    Edit("edits later", lambda r: _without(r, "a"), {("car", "deleted"): 1}, later=True),
)
#: Kinds besides: of these nothing is compared.
SKIP, BULK, NOTHING = "skips", "accepts in bulk", "draws where nothing was predicted"


@dataclass
class Expected:
    """What a report must count, of annotations that were made so."""

    reviewed: int = 0
    skipped: int = 0
    unseen: int = 0
    nothing: int = 0
    edits: int = 0
    boxes: Counter[tuple[str, str]] = field(default_factory=Counter)
    choices: Counter[str] = field(default_factory=Counter)
    texts: Counter[str] = field(default_factory=Counter)


def expected_of(kinds: Sequence[Edit | str]) -> Expected:
    """The counts of these annotations together."""
    found = Expected()
    for kind in kinds:
        match kind:
            case "skips":
                found.skipped += 1
            case "accepts in bulk":
                found.unseen += 1
            case "draws where nothing was predicted":
                found.nothing += 1
            case Edit():
                found.reviewed += 1
                found.edits += kind.edits
                found.choices[kind.choice] += 1
                found.texts[kind.text] += 1
                found.boxes.update(kind.boxes)
                found.boxes.update(dict(_kept(kind)))
    return found


def _kept(edit: Edit) -> Iterator[tuple[tuple[str, str], int]]:
    """What of two cars and a person was not touched."""
    for label, count in (("car", 2), ("person", 1)):
        touched = sum(n for (of, fate), n in edit.boxes.items() if of == label and fate != "added")
        yield (label, "kept"), count - touched
