"""Label Studio from here: whether it answers and takes our token."""

from __future__ import annotations

from collections.abc import Iterator

from backend.errors import LabelStudioRefuses, LabelStudioUnavailable
from backend.label_studio.api import LabelStudioApi
from backend.label_studio.credential import LabelStudioCredential
from backend.projects.finding import Finding, Level

__all__ = ["check_token", "list_projects"]


def check_token(api: LabelStudioApi, credential: LabelStudioCredential) -> Iterator[Finding]:
    """One call tells both; an error last means that nothing more can be asked."""
    try:
        email = api.email()
        version = api.version()
    except LabelStudioUnavailable as error:
        yield Finding(
            Level.ERROR,
            str(error),
            "see whether it runs, and set FIRSTPASS_LABEL_STUDIO_URL to its address as seen from here",
        )
        return
    except LabelStudioRefuses as error:
        yield Finding(Level.OK, f"Label Studio answers at {api.url}")
        yield Finding(
            Level.ERROR,
            f"it does not take our {credential.kind}: {error}",
            _token_remedy(str(error), error.status),
        )
        return
    yield Finding(Level.OK, f"Label Studio {version} answers at {api.url}")
    yield Finding(Level.OK, f"it takes our {credential.kind}, of {email}")


def _token_remedy(said: str, status: int) -> str:
    if 300 <= status < 400:
        return "set FIRSTPASS_LABEL_STUDIO_URL to the address it redirects to"
    make = "make a personal access token under Account & Settings and set FIRSTPASS_LABEL_STUDIO_API_KEY"
    if "legacy token authentication has been disabled" in said:
        return f"{make}, or have legacy tokens allowed under Organization > API Tokens Settings"
    return make


def list_projects(api: LabelStudioApi) -> Iterator[Finding]:
    """The projects that could be looked at."""
    titles = api.titles()
    if not titles:
        yield Finding(Level.WARNING, "there is no project yet", "make one in Label Studio")
        return
    yield Finding(
        Level.SKIPPED, "no project is looked at", "choose one: `firstpass doctor --project ID`"
    )
    for project, title in titles.items():
        yield Finding(Level.OK, f"project {project}: {title}")
