"""Every error that Firstpass raises on purpose, sorted by who must act.

FirstpassError
├── CallerError                 the annotation project must be mended: task, label config, request
│   ├── BadRequest              the body is not what the route takes
│   ├── LabelConfigError        the label config does not parse, or holds nothing to serve
│   ├── QueryUnsupported        no loaded model answers this kind of query
│   ├── TaskError               a task lacks what the label config points to
│   └── ImageError              the image will not become readable by trying again
│       ├── ImageRefused        scheme, address, size or type is not allowed
│       ├── ImageNotFound       the server says it is not there, or not for us
│       └── ImageUnreadable     the bytes are not an image that Pillow decodes
├── OperatorError               the installation must be mended
│   ├── SettingsError           a setting is missing or wrong
│   ├── ModelUnavailable        a checkpoint is not on disk, or is not what the registry says
│   │   ├── ModelFolderMissing  a folder that is to hold a checkpoint is not there, or not whole
│   │   └── ModelsMissing       what a pull or a copy brings (`checkpoints`)
│   ├── QueueUnavailable        Redis does not answer
│   │   ├── QueueRefused        Redis answers, and takes no command from us
│   │   └── ForeignValue        something else stands in Redis where Firstpass keeps its own
│   ├── QueueFull               more is queued than the limit allows; try later
│   ├── ImageUnreachable        network or server trouble; trying again may help
│   ├── HeadUnavailable         what was learned of a project went away while an image was asked about
│   ├── OutOfMemory             this process had too little memory; trying again may help
│   ├── TookTooLong             one image alone outlasts the time that a batch may take
│   ├── LabelStudioUnavailable  Label Studio does not answer; what became of a write is not known
│   ├── TaskUnlisted            Label Studio does not list this task, while it lists others
│   ├── LabelStudioRefuses      Label Studio refuses our token, or what we ask of it
│   ├── ProcessFailed           a program that we started did not come up (`processes`)
│   ├── RedisDataUnreadable     our redis-server does not read the data of its folder (`redis_server`)
│   ├── RedisServerMissing      there is no redis-server to start (`redis_server`)
│   ├── IndexUnusable           an index of vectors is damaged, in use or cannot be written (`vectors.places`)
│   ├── LedgerUnusable          a bulk run's ledger is in use or cannot be written (`bulk.ledger_file`)
│   ├── OutputUnwritable        what was to be written cannot be (`bulk.output_file`)
│   ├── CannotConnect           Label Studio and Firstpass do not get together (`projects.refusals`)
│   └── BackendRefuses          our web process answers an error, or nothing (`projects.our_web`)
└── InternalError               we must mend Firstpass
    ├── InvalidPrediction       we made a row that Label Studio's editor could not open
    ├── RowRefused              Label Studio does not take this row, alone
    └── InferenceFailed         the model raised on this image, alone
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = [
    "BadRequest",
    "CallerError",
    "Failure",
    "FirstpassError",
    "ForeignValue",
    "HeadUnavailable",
    "ImageError",
    "ImageNotFound",
    "ImageRefused",
    "ImageUnreachable",
    "ImageUnreadable",
    "InferenceFailed",
    "InternalError",
    "InvalidPrediction",
    "LabelConfigError",
    "LabelStudioRefuses",
    "LabelStudioUnavailable",
    "ModelFolderMissing",
    "ModelUnavailable",
    "OperatorError",
    "OutOfMemory",
    "QueryUnsupported",
    "QueueFull",
    "QueueRefused",
    "QueueUnavailable",
    "RowRefused",
    "SettingsError",
    "TaskError",
    "TaskUnlisted",
    "TookTooLong",
]


class FirstpassError(Exception):
    """Root of the tree. `kind` names the class on the wire; `transient` says whether to try again."""

    transient = False

    @property
    def kind(self) -> str:
        return type(self).__name__


class CallerError(FirstpassError):
    """The annotation project must be mended: task, label config or request."""


class BadRequest(CallerError):
    """The body is not what the route takes."""


class LabelConfigError(CallerError):
    """The label config does not parse, or holds nothing to serve."""


class QueryUnsupported(CallerError):
    """No loaded model answers this kind of query."""


class TaskError(CallerError):
    """A task lacks what the label config points to."""


class ImageError(CallerError):
    """The image will not become readable by trying again."""


class ImageRefused(ImageError):
    """Scheme, address, size or type is not allowed."""


class ImageNotFound(ImageError):
    """The server says it is not there, or not for us."""


class ImageUnreadable(ImageError):
    """The bytes are not an image that Pillow decodes."""


class OperatorError(FirstpassError):
    """The installation must be mended."""


class SettingsError(OperatorError):
    """A setting is missing or wrong."""


class ModelUnavailable(OperatorError):
    """A checkpoint is not on disk, or is not what the registry says."""


class ModelFolderMissing(ModelUnavailable):
    """A folder that is to hold a checkpoint is not there, or not whole."""


class QueueUnavailable(OperatorError):
    """Redis does not answer. `reason` and `remedy` are the parts of its sentence; the remedy may be empty."""

    transient = True

    def __init__(self, reason: str, remedy: str = "") -> None:
        super().__init__(f"{reason}; {remedy}." if remedy else reason)
        self.reason, self.remedy = reason, remedy


class QueueRefused(QueueUnavailable):
    """Redis answers, and takes no command from us: the password, or what its user may do."""


class ForeignValue(QueueUnavailable):
    """Something else stands in Redis where Firstpass keeps its own."""


class QueueFull(OperatorError):
    """More is queued than the limit allows; try later."""

    transient = True


class ImageUnreachable(OperatorError):
    """Network or server trouble; trying again may help."""

    transient = True


class HeadUnavailable(OperatorError):
    """What was learned of a project went away while an image was asked about; it is planned without it next."""

    transient = True


class OutOfMemory(OperatorError):
    """This process had too little memory; trying again may help."""

    transient = True


class TookTooLong(OperatorError):
    """One image alone outlasts the time that a batch may take."""

    def __init__(self, seconds: float) -> None:
        super().__init__(
            f"took longer than FIRSTPASS_JOB_TIMEOUT_S = {seconds:g}; raise that for all processes, then "
            "`firstpass retry --kind TookTooLong`, which needs it too; or ask fewer labels of one image, or lower "
            "FIRSTPASS_MAX_NEW_TOKENS or FIRSTPASS_NUM_BEAMS, and have the image predicted anew"
        )


class LabelStudioUnavailable(OperatorError):
    """Label Studio does not answer; what became of a write is not known."""

    transient = True


class TaskUnlisted(OperatorError):
    """Label Studio does not list this task, while it lists others."""

    transient = True

    def __init__(self, said: str) -> None:
        super().__init__(
            "Label Studio lists other tasks and not this one: open it there, mend its data or delete it "
            f"(Label Studio's log says more); {said}"
        )


class LabelStudioRefuses(OperatorError):
    """Label Studio refuses our token, or what we ask of it; nothing was changed. `status` is HTTP's."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


class InternalError(FirstpassError):
    """We must mend Firstpass."""


class InvalidPrediction(InternalError):
    """We made a row that Label Studio's editor could not open."""


class RowRefused(InternalError):
    """Label Studio does not take this row, alone."""


class InferenceFailed(InternalError):
    """The model raised on this image, alone."""


@dataclass(frozen=True, slots=True)
class Failure:
    """An error as a value: what the queue stores and a task's slot reports."""

    kind: str
    message: str
    transient: bool

    @classmethod
    def of(cls, error: FirstpassError) -> Failure:
        # A reason may quote what a task holds, and goes to places that take UTF-8 alone.
        message = str(error).encode("utf-8", "backslashreplace").decode()
        return cls(kind=error.kind, message=message, transient=error.transient)
