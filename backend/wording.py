"""How figures are said to people, in the terminal, on pages and in logs. Pure."""

from __future__ import annotations

__all__ = [
    "annotation_count",
    "duration",
    "images",
    "megabytes",
    "predictions",
    "printable",
    "tasks",
]


def annotation_count(count: int) -> str:
    """How many, in words.

    >>> annotation_count(1), annotation_count(2000)
    ('1 annotation', '2,000 annotations')
    """
    return "1 annotation" if count == 1 else f"{count:,} annotations"


def images(count: int) -> str:
    """How many, in words.

    >>> images(1), images(2000)
    ('1 image', '2,000 images')
    """
    return "1 image" if count == 1 else f"{count:,} images"


def tasks(count: int) -> str:
    """How many tasks of Label Studio, in words.

    >>> tasks(1), tasks(2000)
    ('1 task', '2,000 tasks')
    """
    return "1 task" if count == 1 else f"{count:,} tasks"


def predictions(count: int) -> str:
    """How many, in words.

    >>> predictions(1), predictions(2000)
    ('1 prediction', '2,000 predictions')
    """
    return "1 prediction" if count == 1 else f"{count:,} predictions"


def megabytes(count: int) -> str:
    """A size, in words.

    >>> megabytes(5 * 1024 * 1024)
    '5 MB'
    """
    return f"{count / (1024 * 1024):,.0f} MB"


def duration(seconds: float | None) -> str:
    """A time that somebody waits, as a person says it; a dash when there is none.

    >>> duration(4.2), duration(90), duration(9000), duration(2e5), duration(None)
    ('4 s', '2 min', '2.5 h', '2 d', '-')
    """
    if seconds is None:
        return "-"
    if seconds < 60:
        return f"{max(0.0, seconds):.0f} s"
    if seconds < 3600:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h" if seconds < 36 * 3600 else f"{seconds / 86_400:.0f} d"


def printable(text: str) -> str:
    """The text with every character that a terminal or a browser would obey instead of show replaced.

    >>> printable("a\\x1b[2Jb")
    'a\ufffd[2Jb'
    """
    return "".join(char if char.isprintable() else "\ufffd" for char in text)
