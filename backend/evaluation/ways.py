"""The ways of asking that a sweep compares: each changes one thing about what `/predict` does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from backend.prediction.plan import Plan
from models.outputs import match_phrase
from models.queries import Detect, Ground, PerBox, Query, Tiling
from models.registry import Entry
from models.types import Detections, ModelOutput

__all__ = ["AS_PREDICTED", "WAYS_EXPLAINED", "Way", "ways_for"]

#: Side of tiles for a checkpoint that does not say how large it sees an image.
USUAL_SIDE_PX = 768
#: Beams where the checkpoint's generation config decides: those of the hub's Florence-2 say so.
HUBS_BEAMS = 3


@dataclass(frozen=True, slots=True)
class Way:
    """`None` and `planned`: as `/predict` does it. `setting` says how one has it so; empty: it cannot be had yet."""

    name: str
    mode: Literal["planned", "joined", "detect"] = "planned"
    num_beams: int | None = None
    gated: bool | None = None
    tile_px: int | None = None
    setting: str = ""

    def asked(self, query: Query) -> Query:
        """What is asked in place of a query of the plan."""
        match query:
            case Ground() as ground:
                return self._grounded(ground)
            case PerBox(boxes=Ground() as ground) if self.mode != "detect":
                asked = self._grounded(ground)
                return replace(query, boxes=asked) if isinstance(asked, Ground) else query
            case _:
                return query

    def read(self, query: Query, output: ModelOutput) -> ModelOutput:
        """The raw answer as one to the plan's query: things go by the phrase that their name stands for."""
        if self.mode != "detect" or not isinstance(query, Ground):
            return output
        if not isinstance(output, Detections):
            return output
        # A second phrase, which nothing is called: one alone would take every name.
        phrases = (*query.phrases, "")
        named = ((found, match_phrase(found.phrase, phrases)) for found in output.items)
        return replace(
            output, items=tuple(replace(found, phrase=name) for found, name in named if name)
        )

    def _grounded(self, query: Ground) -> Query:
        tiling = query.tiling if self.tile_px is None else Tiling(self.tile_px)
        if self.mode == "detect":
            return Detect(tiling, model=query.model)
        mode = "joined" if self.mode == "joined" else query.mode
        return replace(query, mode=mode, tiling=tiling)


#: What the names of ways mean, for people.
WAYS_EXPLAINED = (
    "joined: all labels in one question.",
    "detect: the model names what it sees, and names are matched with labels by their words.",
    "gate off: CLIP is not asked about boxes.",
)
#: What `/predict` does.
AS_PREDICTED = Way("now", setting="nothing to change")


def ways_for(plan: Plan, entries: Sequence[Entry]) -> tuple[Way, ...]:
    """The ways that differ for a plan and the models that answer it; the first is what `/predict` does."""
    grounds = [query for step in plan.steps for query in step.queries if isinstance(query, Ground)]
    if not grounds:
        return (AS_PREDICTED,)
    ways = [AS_PREDICTED]
    several = any(len(ground.phrases) > 1 for ground in grounds)
    if several:
        ways.append(Way("joined", "joined"))
    ways.append(Way("detect", "detect"))
    florence = next(entry for entry in entries if entry.kind == "florence2")
    usual = florence.answering.num_beams or HUBS_BEAMS
    other = HUBS_BEAMS if usual == 1 else 1
    named = "1 beam" if other == 1 else f"{other} beams"
    ways.append(Way(named, num_beams=other, setting=f"FIRSTPASS_NUM_BEAMS={other}"))
    gated = florence.answering.gate.judged != "off"
    if gated and any(entry.kind != "florence2" for entry in entries):
        ways.append(Way("gate off", gated=False, setting="FIRSTPASS_GATE=off"))
    side = florence.shape.image_size if florence.shape is not None else USUAL_SIDE_PX
    if not any(ground.tiling is not None and ground.tiling.side_px for ground in grounds):
        ways.append(
            Way(
                f"tiles of {side} px",
                tile_px=side,
                setting=f'model_tile_px="{side}" on the tag for regions',
            )
        )
    return tuple(ways)
