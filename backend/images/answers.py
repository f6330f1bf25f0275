"""What a server's refusal means: an HTTP status becomes one of our errors, with what to do. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from backend.errors import FirstpassError, ImageNotFound, ImageUnreachable

__all__ = ["Answer", "error_for"]

_TRY_AGAIN = frozenset({408, 423, 425, 429})
# Label Studio's view trips over the missing row of a deleted upload instead of answering 404.
_MISSING_UPLOAD = b"has_permission"


@dataclass(frozen=True, slots=True)
class Answer:
    """A final answer that is no image."""

    status: int
    where: str
    """The URL without its query, for the message."""
    on_label_studio: bool
    with_token: bool
    via_label_studio: bool
    """Label Studio redirected here."""
    body: bytes = b""
    """The beginning, for the one case where only the body tells."""


def error_for(answer: Answer) -> FirstpassError:
    """The error to raise for an answer other than 200."""
    status = answer.status
    if status == 500 and answer.on_label_studio and _MISSING_UPLOAD in answer.body:
        return ImageNotFound(f"Label Studio no longer has the upload {answer.where}")
    if status >= 500 or status in _TRY_AGAIN:
        return ImageUnreachable(f"{answer.where} answers {status}; trying again later may help")
    if status in (401, 403, 407):
        return ImageNotFound(f"{answer.where} answers {status}: {_refusal(answer)}")
    if status in (404, 410) and answer.on_label_studio:
        return ImageNotFound(f"{answer.where} answers {status}: {_missing(answer)}")
    if 300 <= status < 400:
        return ImageNotFound(f"{answer.where} answers {status} without saying where the image is")
    return ImageNotFound(f"{answer.where} answers {status}")


def _refusal(answer: Answer) -> str:
    if not answer.on_label_studio:
        if answer.via_label_studio:
            return (
                "Label Studio redirected there, and its token goes to FIRSTPASS_LABEL_STUDIO_URL alone; "
                "if that is Label Studio itself, set the variable to this address"
            )
        return "the image is not for us; use a public or signed URL, or a storage of Label Studio"
    if not answer.with_token:
        return "Label Studio wants a token; set FIRSTPASS_LABEL_STUDIO_API_KEY"
    if answer.status == 401:
        return (
            "Label Studio refuses the token in FIRSTPASS_LABEL_STUDIO_API_KEY; give a personal access "
            "token, or enable legacy tokens in the organization's settings"
        )
    if "/data/local-files" in answer.where:
        return (
            "Label Studio serves no local files; start it with LOCAL_FILES_SERVING_ENABLED=true, or "
            "mount the folder here and set FIRSTPASS_LOCAL_FILES_ROOT"
        )
    return "the token's user in FIRSTPASS_LABEL_STUDIO_API_KEY may not see this project's files"


def _missing(answer: Answer) -> str:
    if "/resolve" in answer.where or "/presign" in answer.where:
        return "no storage of the task's project resolves this URI; connect the bucket as a storage"
    if "/data/local-files" in answer.where:
        return (
            "no such file under LOCAL_FILES_DOCUMENT_ROOT, or no local-files storage of a project "
            "covers its folder"
        )
    return "Label Studio does not have this file, or not for the token's user"
