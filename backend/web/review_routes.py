"""The page of what people made of a project's predictions, as `firstpass review` left it."""

from __future__ import annotations

import anyio
from anyio import to_thread
from fastapi import FastAPI, Response
from fastapi.responses import HTMLResponse

from backend.review.kept_report import KeptReports
from backend.review.loop_runs import KeptLoopRuns, LoopRuns
from backend.review.report_page import POLICY, no_review_page, review_page
from backend.web.operator_routes import PAGE_HEADERS

__all__ = ["add_review_routes"]

_HEADERS = {**PAGE_HEADERS, "Content-Security-Policy": POLICY}


def add_review_routes(app: FastAPI, reports: KeptReports, loop: KeptLoopRuns) -> None:
    """Add it to the application; Redis is read in the threads that `/status` has."""

    @app.get("/review/{project:int}")
    async def review(project: int) -> Response:
        """The last report of a project with this number, and what was made of it; 404 where there is neither."""

        def page() -> Response:
            kept, runs = reports.of(project), loop.of(project)
            if kept is not None:
                text, status = review_page(kept.told, kept.pictures, runs), 200
            else:
                known = any(own != LoopRuns() for own in runs.values())
                text, status = no_review_page(project, runs), 200 if known else 404
            return HTMLResponse(text, status_code=status, headers=_HEADERS)

        limiter: anyio.CapacityLimiter = app.state.status_limiter
        return await to_thread.run_sync(page, limiter=limiter)
