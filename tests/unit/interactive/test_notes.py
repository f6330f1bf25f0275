"""What the note says of each kind of error."""

from __future__ import annotations

import pytest

from backend.errors import Failure
from backend.interactive.notes import of_failure

TOLD = 'Go on by hand, and tell whoever runs Firstpass: "it is so; do that".'


@pytest.mark.parametrize(
    ("kind", "sentence"),
    [
        ("BadRequest", "Not asked: it is so; do that."),
        ("QueryUnsupported", "Not asked: it is so; do that."),
        ("QueueFull", "Firstpass is busy: it is so; do that."),
        ("ImageNotFound", "The image cannot be looked at: it is so; do that."),
        ("ImageUnreachable", "The image cannot be looked at: it is so; do that."),
        ("TaskError", "The image cannot be looked at: it is so; do that."),
        ("QueueUnavailable", f"Firstpass is offline. {TOLD}"),
        ("QueueRefused", f"Firstpass is offline. {TOLD}"),
        ("ForeignValue", f"Firstpass is offline. {TOLD}"),
        ("ModelFolderMissing", f"Firstpass lacks its models. {TOLD}"),
        ("OutOfMemory", f"This image is too much for Firstpass. {TOLD}"),
        ("TookTooLong", f"This image is too much for Firstpass. {TOLD}"),
        ("InferenceFailed", f"Firstpass failed. {TOLD}"),
        ("InvalidPrediction", f"Firstpass failed. {TOLD}"),
    ],
)
def test_who_is_to_act_is_said_by_the_kind_of_error(kind: str, sentence: str) -> None:
    """What an annotator cannot mend comes with the words to pass on."""
    assert of_failure(Failure(kind, "it is so; do that.", transient=False)) == sentence
