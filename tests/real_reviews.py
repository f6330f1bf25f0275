"""A project of a real Label Studio that the scripted reviewer has worked through, through the API."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from backend.demo.client import LabelStudioClient
from backend.plain import Json
from tests.reviewer import BULK, CONFIG, EDITS, NOTHING, OURS, SKIP, Edit, predicted, submitted

__all__ = ["ReviewedProject", "reviewed_project"]

SECONDS, SECONDS_WITHOUT = 8.0, 25.0


@dataclass
class ReviewedProject:
    """`kinds` is what was done, one entry for each annotation."""

    number: int
    tasks: list[int]
    kinds: list[Edit | str] = field(default_factory=list)


def reviewed_project(
    client: LabelStudioClient, title: str, annotations: int, images: Sequence[Json] | None = None
) -> ReviewedProject:
    """Two in three annotations are of a task of their own, the third is somebody else's of the same task."""
    of_their_own = annotations - annotations // 3
    data = images or [{"image": f"http://images.example/{n}.png"} for n in range(of_their_own)]
    number = client.create_project(title, CONFIG)
    done = ReviewedProject(number, client.import_tasks(number, data[:of_their_own]))
    kinds: list[Edit | str] = [*EDITS, SKIP, BULK, NOTHING]
    chosen = {task: kinds[n % len(kinds)] for n, task in enumerate(done.tasks)}
    rows = [
        {"task": task, "model_version": OURS, "score": 0.6, "result": predicted(n)}
        for n, task in enumerate(done.tasks)
        if chosen[task] != NOTHING
    ]
    client.post(f"/api/projects/{number}/import/predictions", rows)
    client.patch(f"/api/projects/{number}/", {"model_version": OURS})
    parents = {row["task"]: row["id"] for row in client.predictions(number)}
    bulk = [task for task, kind in chosen.items() if kind == BULK]
    if bulk:
        accepted = {"selectedItems": {"all": False, "included": bulk}, "model_version": OURS}
        client.post(f"/api/dm/actions?id=predictions_to_annotations&project={number}", accepted)
    other = _second_user(client, number)
    opinions = [task for task, kind in chosen.items() if isinstance(kind, Edit)]
    seconds = [opinions[n % len(opinions)] for n in range(annotations // 3)]
    for n, task in enumerate(done.tasks):
        if task not in bulk:
            _annotate(client, task, n, chosen[task], parents.get(task))
        done.kinds.append(chosen[task])
    for n, task in enumerate(seconds):
        edit = EDITS[(n // 2) % len(EDITS)]
        _annotate(client, task, done.tasks.index(task), edit, parents[task], other)
        done.kinds.append(edit)
    return done


def _annotate(
    client: LabelStudioClient,
    task: int,
    number: int,
    kind: Edit | str,
    parent: int | None,
    by: int | None = None,
) -> None:
    path = f"/api/tasks/{task}/annotations/"
    who = {} if by is None else {"completed_by": by}
    body: Json = {"lead_time": SECONDS, "parent_prediction": parent, **who}
    match kind:
        case Edit(later=True):
            made = client.post(path, {**body, "result": submitted(number, EDITS[0])})
            client.patch(f"/api/annotations/{made['id']}/", {"result": submitted(number, kind)})
        case Edit():
            client.post(path, {**body, "result": submitted(number, kind)})
        case "skips":
            client.post(path, {"result": [], "was_cancelled": True, "lead_time": SECONDS})
        case _:
            drawn = [{**one, "origin": "manual"} for one in predicted(number)]
            client.post(path, {"result": drawn, "lead_time": SECONDS_WITHOUT})


def _second_user(client: LabelStudioClient, project: int) -> int:
    email = f"second-{project}@example.com"
    return int(client.post("/api/users/", {"email": email, "username": email})["id"])
