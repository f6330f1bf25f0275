"""`firstpass search`: from the question to a vector, to what is near it, and to where that is shown."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import cast

import numpy as np
import typer
from rich.console import Console

from backend.bulk.thumbnail_sheet import save_thumbnail_sheet
from backend.cli.answering import answering
from backend.cli.findings import finding_line
from backend.cli.search import SearchOptions
from backend.cli.search_shown import FoundImage, show_found, tile_of
from backend.cli.which_project import project_id_in
from backend.delivery.pipeline import TICK_S, WindowLike
from backend.errors import BadRequest, Failure, LabelStudioRefuses
from backend.images.local_files import read_local_file
from backend.images.reference import parse_image_ref
from backend.label_studio.api import LabelStudioApi
from backend.learning.phrase_vectors import phrase_vectors
from backend.prediction.engine import Engine, engine_of
from backend.prediction.plan import ModelRequest
from backend.prediction.request import Answer, request_id
from backend.projects.our_tabs import MOST_IDS, found_by_search
from backend.projects.tabs import ProjectTabs
from backend.runs.output_file import check_output
from backend.settings import Settings
from backend.vectors.asking import check_text
from backend.vectors.file_store import FileIndex
from backend.vectors.places import folder_place, project_place
from backend.vectors.ranking import Sought, like_row, ranked
from models.queries import Embed, SearchIndex, SearchOver
from models.types import Hits, Vector

__all__ = ["search_images"]


def search_images(text: str | None, options: SearchOptions, settings: Settings) -> None:
    """Search, and show what was found. Raises errors of ours."""
    if options.out is not None:
        check_output(options.out, "--out")
    if options.tab is not None and options.top > MOST_IDS:
        raise BadRequest(f"expected --top of at most {MOST_IDS} with --tab, got {options.top}")
    words = None if text is None else check_text(text)
    number = None if options.project is None else project_id_in(options.project, settings)
    engine = engine_of(settings)
    if number is not None:
        place = project_place(settings, engine, number)
    else:
        place = folder_place(settings, engine, cast("Path", options.images))
    index = FileIndex(place)
    sought = _sought(words, options, index, engine, settings)
    hits = ranked(index, sought)
    if not hits.compared:
        raise BadRequest(_why_nothing(options, index))
    found = list(_rows(index, hits))
    question = repr(words) if words is not None else f"likeness to {options.like}"
    home = settings.label_studio_browser_url or settings.label_studio_url or ""
    show_found(found, hits, question, home, number, as_json=options.as_json)
    if options.out is not None:
        shown = [tile_of(one, index.thumbnail(one.hit.row) or b"") for one in found]
        save_thumbnail_sheet(shown, options.out)
        typer.echo(f"Drawn into {options.out}.", err=options.as_json)
    if options.tab is not None and number is not None:
        _make_tab(found, question, options, settings, number)


def _sought(
    words: str | None,
    options: SearchOptions,
    index: FileIndex,
    engine: Engine,
    settings: Settings,
) -> Sought:
    over, label = cast("SearchOver", options.over), options.label or ""
    if words is not None:
        with answering(options.images, engine, settings) as window:
            vector = phrase_vectors([words], engine, window)[words]
        return Sought(vector, over, label, options.top)
    row = _row_like(str(options.like), index, options)
    if row is not None:
        return like_row(index, row, SearchIndex("", "", row, over, label, options.top))
    with answering(options.images, engine, settings) as window:
        vector = _file_vector(Path(str(options.like)), engine, window, settings)
    return Sought(vector, "images" if over == "any" else over, label, options.top)


def _row_like(like: str, index: FileIndex, options: SearchOptions) -> int | None:
    """The row of the index that is named so; `None` for a file."""
    task, colon, region = like.partition(":")
    if options.project is not None and task.isdecimal():
        images = index.of_task(int(task))
        if not images:
            raise BadRequest(
                f"task {task} is not in the index, or not any more: `{index.place.remake}` brings it up to date"
            )
        if not colon:
            return images[0].row
        for image in images:
            for one in index.regions_of(image.row):
                if one.region == region:
                    return one.row
        raise BadRequest(
            f"task {task} has no region {region!r:.40} in the index; the regions of a task have their ids in "
            f"its JSON, and `{index.place.remake}` brings the index up to date"
        )
    if options.images is not None:
        return index.row_of(like)
    return None


def _file_vector(path: Path, engine: Engine, window: WindowLike, settings: Settings) -> np.ndarray:
    data = read_local_file(
        path.parent, path.name, max_bytes=settings.image_max_bytes, follow_links=True, listed=True
    )
    address = f"data:image/unknown;base64,{base64.b64encode(data).decode()}"
    request = ModelRequest(
        parse_image_ref(address, task_id=None, label_studio_url=None), (Embed(),)
    )
    job = request_id(request, engine.fingerprint)
    window.add({job: request})
    while not (settled := window.collect(TICK_S)):
        pass
    outcome = settled[job]
    if isinstance(outcome, Failure):
        raise BadRequest(f"{path} cannot be compared with images: {outcome.message}")
    return _values(outcome)


def _values(answer: Answer) -> np.ndarray:
    (output,) = answer.outputs
    if not isinstance(output, Vector):
        raise BadRequest(f"expected a vector, got a {type(output).__name__}")
    return np.array(output.values, np.float32)


def _rows(index: FileIndex, hits: Hits) -> Iterator[FoundImage]:
    of_regions = [hit.row for hit in hits.items if hit.over == "regions"]
    regions = {one.row: one for one in index.regions(of_regions)}
    wanted = {regions[hit.row].image if hit.row in regions else hit.row for hit in hits.items}
    images = {one.row: one for one in index.images(wanted)}
    for hit in hits.items:
        region = regions.get(hit.row)
        image = images.get(region.image if region is not None else hit.row)
        if image is not None:
            yield FoundImage(image, region, hit)


def _why_nothing(options: SearchOptions, index: FileIndex) -> str:
    if options.label:
        labels = ", ".join(map(repr, index.labels())) or "none"
        return f"no region in the index has the label {options.label!r:.80}; there are {labels}"
    what = "region" if options.over == "regions" else "image"
    return f"the index has no {what} yet: `{index.place.remake}` brings it up to date"


def _make_tab(
    found: Sequence[FoundImage],
    question: str,
    options: SearchOptions,
    settings: Settings,
    number: int,
) -> None:
    tasks = list(dict.fromkeys(one.image.task for one in found if one.image.task is not None))
    if not tasks:
        return
    console = Console(soft_wrap=True, stderr=options.as_json)
    tab = found_by_search(" ".join(str(options.tab).split())[:60], question, tasks)
    with LabelStudioApi.from_settings(settings) as api:
        home = settings.label_studio_browser_url or api.url
        try:
            for finding in ProjectTabs(api, number, "", home).make([tab]):
                console.print(finding_line(finding))
        except LabelStudioRefuses as error:
            raise BadRequest(f'the tab "{tab.title}" could not be made: {error}') from error
