"""The pages of what there is in a project's images: `/explore/PROJECT` and `/crops/PROJECT`.

They are made of the files that `firstpass index` and `firstpass explore` left; nothing is computed here. Files are
read in the threads that `/status` has, so that no page can delay `/health` or `/predict`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, TypeVar
from urllib.parse import urlsplit

import anyio
from anyio import to_thread
from fastapi import FastAPI, Query, Request, Response
from fastapi.responses import HTMLResponse
from pydantic import BaseModel, Field, ValidationError

from backend.errors import BadRequest, FirstpassError
from backend.web.body import Bodies
from backend.web.explore_page import EXPLORE_POLICY
from backend.web.explore_pages import ExplorePages
from backend.web.map_script import MOST_IN_TAB, MOST_SHOWN
from backend.web.operator_routes import PAGE_HEADERS
from backend.web.picture_pages import GALLERY_POLICY
from backend.web.replies import AsciiReply, status_of

__all__ = ["add_explore_routes"]

T = TypeVar("T")

#: Rows and tasks have smaller numbers; SQLite takes none over 64 bits.
MOST_ROW = 2**53
_GALLERY = {**PAGE_HEADERS, "Content-Security-Policy": GALLERY_POLICY}
_EXPLORE = {**PAGE_HEADERS, "Content-Security-Policy": EXPLORE_POLICY}
_BYTES = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
#: A row's picture never changes, and a row that is gone is never given again.
_PICTURE = {"Cache-Control": "private, max-age=86400", "X-Content-Type-Options": "nosniff"}


class _Chosen(BaseModel):
    tasks: list[Annotated[int, Field(gt=0, le=MOST_ROW)]] = Field(
        min_length=1, max_length=MOST_IN_TAB
    )


def add_explore_routes(app: FastAPI, pages: ExplorePages, bodies: Bodies) -> None:
    """Add them to the application."""

    async def in_thread(make: Callable[[], T]) -> T:
        limiter: anyio.CapacityLimiter = app.state.status_limiter
        return await to_thread.run_sync(make, limiter=limiter)

    async def page(make: Callable[[], str], headers: dict[str, str]) -> Response:
        """A page, or one that says in a sentence why there is none."""

        def made() -> tuple[str, int]:
            try:
                return make(), 200
            except FirstpassError as error:
                status = 404 if isinstance(error, BadRequest) else status_of(error)
                return pages.why_none(str(error)), status

        text, status = await in_thread(made)
        return HTMLResponse(
            text, status_code=status, headers=headers if status == 200 else _GALLERY
        )

    @app.get("/favicon.ico")
    async def no_icon() -> Response:
        """Browsers ask for one wherever a page may show pictures of this process."""
        return Response(status_code=204, headers=_PICTURE)

    @app.get("/explore/{project:int}")
    async def explore(
        project: int, q: str = "", like: Annotated[int | None, Query(gt=0, le=MOST_ROW)] = None
    ) -> Response:
        """Map, clusters, copies and hints; with `q` what that finds, with `like` what looks like that row."""
        sought = like if like is not None else " ".join(q.split())
        return await page(lambda: pages.overview(project, sought), _EXPLORE)

    @app.get("/explore/{project:int}/map")
    async def points(project: int) -> Response:
        """The points of the map, as its script reads them."""
        content = await in_thread(lambda: pages.map(project))
        return Response(content, media_type="application/octet-stream", headers=_BYTES)

    @app.get("/explore/{project:int}/thumbnail/{row:int}")
    async def thumbnail(project: int, row: int) -> Response:
        """A small picture of an image or a box; 404 for one that is gone."""
        content = None
        if row <= MOST_ROW:
            content = await in_thread(lambda: pages.thumbnail(project, row))
        if content is None:
            return Response(status_code=404, headers=_BYTES)
        return Response(content, media_type="image/jpeg", headers=_PICTURE)

    @app.get("/explore/{project:int}/thumbnails")
    async def thumbnails(
        project: int, rows: Annotated[str, Query(max_length=1000)] = ""
    ) -> Response:
        """Those images as figures, for the map's script."""
        told = [int(one) for one in rows.split(",") if one.isdecimal()]
        wanted = [row for row in told if row <= MOST_ROW][:MOST_SHOWN]
        text = await in_thread(lambda: pages.figures(project, wanted))
        return HTMLResponse(text, headers=_GALLERY)

    @app.get("/explore/{project:int}/{question:str}")
    async def answers(project: int, question: str, page_: PageNumber = 1) -> Response:
        """All copies, all odd images, all hints on quality."""
        return await page(lambda: pages.question(project, question, page_), _GALLERY)

    @app.get("/crops/{project:int}")
    async def labels(project: int, label: str | None = None, page_: PageNumber = 1) -> Response:
        """How many boxes each label has; those of one, by `label`."""
        if label is None:
            return await page(lambda: pages.labels(project), _GALLERY)
        return await page(lambda: pages.crops(project, label, page_), _GALLERY)

    @app.get("/crops/{project:int}/{label:path}")
    async def crops(project: int, label: str, page_: PageNumber = 1) -> Response:
        """Every box of a label as a picture, the oddest first."""
        return await page(lambda: pages.crops(project, label, page_, below=True), _GALLERY)

    @app.post("/explore/{project:int}/tab")
    async def tab(project: int, request: Request) -> Response:
        """Makes a tab of tasks in Label Studio. Only for a page of this very process."""
        _must_be_ours(request)
        async with bodies.of(request) as raw:
            chosen = _chosen(raw)
        title, url = await in_thread(lambda: pages.make_tab(project, chosen))
        return AsciiReply({"title": title, "url": url})


PageNumber = Annotated[int, Query(alias="page", ge=1, le=1_000_000)]


def _must_be_ours(request: Request) -> None:
    """Refuse what another site has a browser send: it comes with the person's credentials."""
    site = request.headers.get("Sec-Fetch-Site")
    origin = request.headers.get("Origin")
    host = request.headers.get("Host", "")
    ours = site in (None, "same-origin") and (origin is None or urlsplit(origin).netloc == host)
    if not ours or request.headers.get("Content-Type", "").partition(";")[0] != "application/json":
        raise BadRequest("a tab is made from a page of this Firstpass only, by its button")


def _chosen(raw: bytes) -> list[int]:
    try:
        return _Chosen.model_validate_json(raw).tasks
    except ValidationError:
        raise BadRequest(
            f"expected JSON with tasks, a list of 1 to {MOST_IN_TAB} ids of tasks"
        ) from None
