"""Which query answers which control tag, and which tags no loaded model can serve. Pure.

Tags for regions come first, since what is per region, and what counts regions, is asked of theirs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from backend.label_config.attributes import Unserved
from backend.label_config.control_tags import (
    ControlTag,
    CountTag,
    Label,
    LabelConfig,
    PerRegion,
    RegionTag,
    Shape,
    UnservedTag,
    ValueTag,
)
from backend.prediction.engine import Engine
from backend.prediction.step import Step
from backend.prediction.tag_values import (
    asked,
    default_threshold,
    question_about_image,
    question_about_region,
)
from models.queries import Classify, Ground, PerBox, Query, ReadText, RegionTask, Tiling
from models.registry import ANY_BOX

__all__ = ["plan_steps"]

#: Texts that one plan asks in all: so many travel with every image and are kept with every project.
MOST_TEXTS = 20_000


def plan_steps(
    config: LabelConfig, score_threshold: float | None, engine: Engine
) -> tuple[tuple[Step, ...], tuple[UnservedTag, ...]]:
    """The steps for a label config, in its order, and the tags that are left to the annotator.

    `score_threshold` (0..1) is the default for boxes; `None`: that of the model asked.
    """
    rules = _Rules(config, score_threshold, engine)
    unserved = list(config.unserved)
    steps: dict[ControlTag, tuple[Step, ...]] = {}
    regions: dict[RegionTag, Step] = {}
    room = MOST_TEXTS
    for control in sorted(config.controls, key=lambda each: not isinstance(each, RegionTag)):
        try:
            match control:
                case RegionTag():
                    made: tuple[Step, ...] = (rules.regions(control),)
                case CountTag():
                    made = (rules.count(control, regions),)
                case _:
                    made = rules.values(control, regions)
            texts = sum(map(_texts, made))
            if texts > room:
                raise Unserved(
                    f"the label config asks too much of one image: at most {MOST_TEXTS} texts in all, each "
                    "label counted again for each tag that is about its regions; split it over projects, "
                    "or name a tag's regions in perRegion's whenTagName"
                )
            room -= texts
            steps[control] = made
            if isinstance(control, RegionTag):
                regions[control] = made[0]
        except Unserved as reason:
            unserved.append(UnservedTag(control.kind, control.name, str(reason)))
    return (
        tuple(step for control in config.controls for step in steps.get(control, ())),
        tuple(dict.fromkeys(unserved)),
    )


def _texts(step: Step) -> int:
    """What a step adds to a plan, to a job in the queue and to the work on it."""
    return sum(1 + _phrases(query) for query in step.queries) + len(step.bases)


def _phrases(query: Query) -> int:
    if isinstance(query, PerBox):
        return _phrases(query.boxes) + _phrases(query.question(ANY_BOX))
    return max(1, len(query.words))


@dataclass(frozen=True, slots=True)
class _Rules:
    config: LabelConfig
    score_threshold: float | None
    engine: Engine

    def regions(self, control: RegionTag) -> Step:
        """The step of a tag for regions. Raises `Unserved`."""
        model = self.engine.model_to_ask(control.model_name)
        query: Query = ReadText(model=model)
        if not control.is_ocr:
            # Without a side, tiles are asked only where an answer was cut short.
            query = Ground(asked(control.labels), tiling=Tiling(control.tile_px), model=model)
            if control.shape.is_outline:
                query = PerBox(query, "outline", model=model)
        return self._served(control, query, self._least_score(model))

    def values(self, control: ValueTag, regions: Mapping[RegionTag, Step]) -> tuple[Step, ...]:
        """The steps of a tag that says something: one, or with `perRegion` one for each tag it is about.

        Raises `Unserved`.
        """
        default = default_threshold(control)
        if control.per_region is None:
            model = self.engine.model_to_ask(control.model_name)
            query = replace(question_about_image(control), model=model)
            least = self._least_score(model) if default is None else default
            return (self._served(control, query, least),)
        question = question_about_region(control)
        return tuple(
            self._served(control, self._of_region(control, base, question), default or 0.0, base)
            for base in _bases(control, control.per_region, regions)
        )

    def count(self, control: CountTag, regions: Mapping[RegionTag, Step]) -> Step:
        """The step of a tag that counts the regions of others. Raises `Unserved`."""
        bases = tuple(s for tag, s in regions.items() if tag.to_name == control.to_name)
        if not bases:
            if control.label is None:
                raise Unserved(
                    "there are no regions to count on its image; name what to count in model_count"
                )
            bases = (self.regions(_counted(control, control.label)),)
        known = [label.value for base in bases for label in base.control.labels]
        if control.label is not None and control.label not in known:
            raise Unserved(
                f"expected model_count to be a label of its image ({', '.join(known)}), "
                f"got {control.label!r}"
            )
        boxes = bases[0].boxes
        step = self._served(control, boxes, self._least_score(boxes.model), *bases)
        model = self.engine.model_to_ask(control.model_name)
        if control.model_name and any(base.boxes.model != model for base in bases):
            names = ", ".join(repr(base.control.name) for base in bases)
            raise Unserved(
                f"it counts what {names} finds, expected its model_name to be theirs or none, "
                f"got {control.model_name!r}"
            )
        return step

    def _least_score(self, model: str | None) -> float:
        """The default for boxes that this model finds."""
        given = self.score_threshold
        return self.engine.score_threshold(model) if given is None else given

    def _of_region(self, control: ControlTag, base: Step, ask: Classify | RegionTask) -> Query:
        """What to ask of each region of another step. Text that its model read with its place is known."""
        model = self.engine.model_to_ask(control.model_name)
        same_model = control.model_name is None or model == base.boxes.model
        if isinstance(base.boxes, ReadText) and ask == "text" and same_model:
            return base.boxes
        return PerBox(base.boxes, ask, model=model)

    def _served(self, control: ControlTag, query: Query, default: float, *bases: Step) -> Step:
        reason = self.engine.refuses(query, control.model_name)
        if reason is not None:
            raise Unserved(reason)
        image = self.config.image(control.to_name)
        return Step(control, image, query, default, bases)


def _bases(control: ControlTag, about: PerRegion, regions: Mapping[RegionTag, Step]) -> list[Step]:
    named = about.tag_name
    bases = [
        step
        for tag, step in regions.items()
        if tag.to_name == control.to_name and named in (None, tag.name, tag.shape_name)
    ]
    if not bases:
        which = f"regions of {named!r}" if named else "regions"
        raise Unserved(f"it is about {which} of its image, and no tag for such regions is served")
    return bases


def _counted(control: CountTag, label: str) -> RegionTag:
    """The tag for regions that a count stands for where the image has none: nothing is drawn for it."""
    return RegionTag(
        name=control.name,
        to_name=control.to_name,
        shape=Shape.RECTANGLE,
        labels=(Label(label, control.phrases),),
        score_threshold=control.score_threshold,
        model_name=control.model_name,
    )
