"""A status is sorted by who must act, and the sentence names what to mend."""

from __future__ import annotations

from dataclasses import replace

import pytest

from backend.errors import FirstpassError, ImageNotFound, ImageUnreachable
from backend.images.answers import Answer, error_for

ELSEWHERE = Answer(404, "https://a.de/x.jpg", False, False, False)
UPLOAD = Answer(404, "http://ls/data/upload/1/x.jpg", True, True, False)
LOCAL = replace(UPLOAD, where="http://ls/data/local-files/")
RESOLVE = replace(UPLOAD, where="http://ls/tasks/5/resolve/")


@pytest.mark.parametrize(
    ("answer", "kind", "words"),
    [
        (ELSEWHERE, ImageNotFound, "answers 404"),
        (replace(ELSEWHERE, status=410), ImageNotFound, "410"),
        (replace(ELSEWHERE, status=400), ImageNotFound, "400"),
        (replace(ELSEWHERE, status=204), ImageNotFound, "204"),
        (replace(ELSEWHERE, status=304), ImageNotFound, "without saying where"),
        (replace(ELSEWHERE, status=403), ImageNotFound, "signed URL"),
        (replace(ELSEWHERE, status=401, via_label_studio=True), ImageNotFound, "redirected there"),
        (replace(ELSEWHERE, status=408), ImageUnreachable, "408"),
        (replace(ELSEWHERE, status=429), ImageUnreachable, "429"),
        (replace(ELSEWHERE, status=500), ImageUnreachable, "500"),
        (replace(ELSEWHERE, status=500, body=b"has_permission"), ImageUnreachable, "500"),
        (replace(ELSEWHERE, status=503), ImageUnreachable, "503"),
        (UPLOAD, ImageNotFound, "does not have this file"),
        (LOCAL, ImageNotFound, "LOCAL_FILES_DOCUMENT_ROOT"),
        (RESOLVE, ImageNotFound, "no storage of the task's project"),
        (
            replace(UPLOAD, status=401, with_token=False),
            ImageNotFound,
            "set FIRSTPASS_LABEL_STUDIO_API_KEY",
        ),
        (replace(UPLOAD, status=401), ImageNotFound, "refuses the token"),
        (replace(UPLOAD, status=403), ImageNotFound, "may not see"),
        (replace(LOCAL, status=403), ImageNotFound, "LOCAL_FILES_SERVING_ENABLED"),
        (replace(UPLOAD, status=500), ImageUnreachable, "500"),
        (
            replace(
                UPLOAD,
                status=500,
                body=b"{\"detail\": \"'NoneType' object has no attribute 'has_permission'\"}",
            ),
            ImageNotFound,
            "no longer has the upload",
        ),
    ],
)
def test_sorting(answer: Answer, kind: type[FirstpassError], words: str) -> None:
    error = error_for(answer)
    assert type(error) is kind
    assert words in str(error)
    assert answer.where in str(error)
