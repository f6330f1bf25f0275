"""Labelled tasks and a label config -> one item per image: what to ask of it, and what is there. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from backend.errors import BadRequest, Failure
from backend.evaluation.labelled import ANY_IMAGE, LabelledSet, LabelledTask, Truth
from backend.evaluation.names import LabelNames, left_out, measured_plan, used_plan
from backend.label_config.label_config import parse_label_config
from backend.label_studio.bodies import Task
from backend.prediction.plan import ModelRequest, Plan
from backend.prediction.predictor import Predictor

__all__ = ["Item", "Items", "items_of"]


@dataclass(frozen=True, slots=True)
class Item:
    """One image: its name for people and for the ledger, and what tells a change of it or of its request.

    `request` is `None` where it cannot be asked, for the reason of `failure`.
    """

    key: str
    stamp: str
    truth: Truth
    request: ModelRequest | None = None
    failure: Failure | None = None


@dataclass(frozen=True, slots=True)
class Items:
    """All items, the predictor that asks, and what people should know of what was left out."""

    labelled: LabelledSet
    predictor: Predictor
    items: tuple[Item, ...]
    notes: tuple[str, ...]


def items_of(labelled: LabelledSet, predictor: Predictor, label_config: str) -> Items:
    """The images of a labelled set, asked as `predictor` asks them, but only for what people said.

    Raises `BadRequest` where nothing can be compared: no tag that is measured, no label in common.
    """
    pages = [image for image in predictor.plan.images if image.is_list]
    if pages:
        raise BadRequest(
            f"expected images without pages, but the label config reads {pages[0].name!r} from "
            f"valueList={pages[0].expression!r}; what is on which page is not compared"
        )
    with_tags = any(truth.tags for task in labelled.tasks for truth in task.truths.values())
    plan = measured_plan(predictor.plan, with_tags=with_tags)
    lacking: Counter[str] = Counter()
    names = LabelNames(parse_label_config(label_config), plan)
    truths = [_truths(task, plan, names, lacking) for task in labelled.tasks]
    plan = used_plan(plan, {name for by_image in truths for name in _used(by_image)})
    asking = replace(predictor, plan=plan)
    listed = [
        item
        for task, by_image in zip(labelled.tasks, truths, strict=True)
        for item in _items_of_task(task, by_image, asking)
    ]
    items = {item.key: item for item in listed}
    notes = [
        *labelled.notes,
        *left_out(predictor.plan, plan),
        *names.check(labelled, lacking, with_tags=with_tags),
    ]
    if len(items) < len(listed):
        notes.append(
            f"listed twice, where the last entry counts: {len(listed) - len(items):,} images"
        )
    return Items(labelled, asking, tuple(items.values()), tuple(notes))


def _truths(
    task: LabelledTask, plan: Plan, names: LabelNames, lacking: Counter[str]
) -> dict[str, Truth]:
    """What is said of each image of the label config, in its labels."""
    truths = {}
    for image in plan.images:
        truth = task.truths.get(ANY_IMAGE) or task.truths.get(image.name) or Truth()
        truths[image.name] = names.resolved(truth, image.name, lacking)
    return truths


def _used(truths: Mapping[str, Truth]) -> Iterator[str]:
    """The tags that people have used."""
    for truth in truths.values():
        yield from truth.tags
        yield from (box.control for box in truth.boxes if box.control is not None)


def _items_of_task(
    task: LabelledTask, truths: Mapping[str, Truth], predictor: Predictor
) -> Iterator[Item]:
    images = predictor.plan.images
    data = dict(task.data)
    if ANY_IMAGE in task.truths and data:
        (address,) = data.values()
        data = images[0].data_of(str(address)) or {}
    requests: object = task.failure
    if task.failure is None:
        requests = predictor.requests(Task(id=task.task_id, data=data))
    for image in images:
        key = task.key if len(images) == 1 else f"{task.key}, {image.name}"
        match requests:
            case Failure():
                yield Item(key, task.stamp, truths[image.name], failure=requests)
            case dict() if image in requests:
                job_id, request = requests[image]
                yield Item(key, f"{task.stamp} {job_id}", truths[image.name], request)
            case _:
                continue  # a task that brings no choices: there is nothing to ask of it
