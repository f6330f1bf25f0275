"""`firstpass retry`: failed images back into the queue."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.text import Text

from backend.cli.ends import AMISS
from backend.cli.options import STATE, with_settings
from backend.cli.status import open_redis
from backend.settings import Settings

if TYPE_CHECKING:
    from backend.queue.retry import Retried

__all__ = ["retry"]


@with_settings(*STATE)
def retry(
    settings: Settings,
    job_ids: Annotated[
        list[str] | None,
        typer.Argument(
            help="Job ids, or how they begin; none: all failed images.", metavar="JOB_ID"
        ),
    ] = None,
    kind: Annotated[
        str | None,
        typer.Option(help="Only failures of this kind, e.g. ImageUnreachable."),
    ] = None,
) -> None:
    """Put failed images back into the bulk queue, each with all its tries.

    `firstpass status --failed` lists them with their ids and kinds. Permanent
    failures (a bad image, a refused address) are never tried again but by this.

    Examples:
      firstpass retry --kind ImageUnreachable
      firstpass retry 3fa9c2d1
    """
    from backend.delivery.failed_tasks import FailedTasks
    from backend.queue.retry import Retrier
    from backend.queue.submit import SubmitLimits, Submitter

    limits = SubmitLimits(settings.queue_limit, settings.job_timeout_s)
    with open_redis(settings) as connection:
        retrier = Retrier(
            connection, Submitter(connection, limits), FailedTasks(connection).owe_again
        )
        retried = retrier.retry(kind=kind, wanted=job_ids or ())
    _report(retried)
    if retried.refused:
        raise typer.Exit(AMISS)


def _report(retried: Retried) -> None:
    """How many wait again; and by reason, which do not."""
    from backend.wording import images

    console = Console(soft_wrap=True)
    back = "is back" if len(retried.again) == 1 else "are back"
    console.print(Text(f"{images(len(retried.again))} {back} in the queue."))
    reasons: dict[str, list[str]] = {}
    for job_id, reason in retried.refused.items():
        reasons.setdefault(reason, []).append(job_id)
    for reason, ids in reasons.items():
        shown = ", ".join(job_id[:12] for job_id in ids[:5]) + (", ..." if len(ids) > 5 else "")
        console.print(Text(f"{images(len(ids))} not retried, {reason}: {shown}", style="yellow"))
