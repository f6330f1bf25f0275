"""What `tune` and `learn` found and applied, as parts of the page of a project's review. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from backend.pages.markup import Markup, element
from backend.pages.page import table_section
from backend.pages.summary import Table, Toned, in_utc
from backend.review.loop_runs import LoopCommand, LoopRun, LoopRuns

__all__ = ["loop_sections"]

_PLACES: Mapping[LoopCommand, str] = {"tune": "tuned", "learn": "learned"}
_TITLES: Mapping[LoopCommand, str] = {
    "tune": "Tuned: thresholds and scores",
    "learn": "Learned: labels, boxes, and what is left out",
}
_TAKES_BACK: Mapping[LoopCommand, str] = {"tune": "--undo", "learn": "--forget"}
_COLUMNS = ("tag", "label", "what", "before#", "after#", "gain")


def loop_sections(project: int, runs: Mapping[LoopCommand, LoopRuns]) -> list[Markup]:
    """Of each command that was run what is applied, and what was found since; to be found at `#tuned`, `#learned`."""
    return [
        element("div", *_parts(command, project, own), id=_PLACES[command])
        for command, own in runs.items()
        if own != LoopRuns()
    ]


def _parts(command: LoopCommand, project: int, runs: LoopRuns) -> Iterator[Markup]:
    given, title = f"firstpass {command} --project {project}", _TITLES[command]
    if (applied := runs.applied) is not None:
        told = f"Applied: {_about(applied)}. `{given} {_TAKES_BACK[command]}` takes it back."
        yield _section(title, applied, told)
    found = runs.found
    if found is None or found == applied:
        return
    if not found.changes:
        told = f"Nothing to change: {_about(found)}."
    else:
        told = f"Found and not applied: {_about(found)}. `{given} --apply` looks anew and writes what it finds."
    yield _section(f"{title}, looked at since" if applied is not None else title, found, told)


def _section(title: str, run: LoopRun, told: str) -> Markup:
    rows = [
        (one.tag, one.label, one.what, one.before, Toned(one.after, "good"), one.gain)
        for one in run.changes
    ]
    stays = "1 other stays" if run.stays == 1 else f"{run.stays:,} others stay"
    notes = [f"{stays} as set"] if run.stays and rows else []
    if run.project is not None:
        notes.append(
            f"of the project {run.project.id} that was made {in_utc(run.project.created_s)}"
        )
    return table_section(Table(title, _COLUMNS, rows, notes, told))


def _about(run: LoopRun) -> str:
    versions = f"; model_version {run.version_before} -> {run.version_after}" if run.changes else ""
    count = f"{run.annotations:,} annotation{'' if run.annotations == 1 else 's'}"
    return f"{run.made_at}, from {count}{versions}"
