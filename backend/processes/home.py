"""The folder of one installation's state, looked at before anything is kept there."""

from __future__ import annotations

import tempfile
from pathlib import Path

from backend.errors import SettingsError

__all__ = ["folder_in"]


def folder_in(home: Path, name: str) -> Path:
    """The folder of that name in `home`, made when missing, for our user alone.

    Raises `SettingsError` where it cannot be, or takes no file.
    """
    folder = home.absolute() / name
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.TemporaryFile(dir=folder):
            return folder
    except OSError as error:
        raise SettingsError(
            f"FIRSTPASS_HOME: expected a folder that can be written, got {home}: {error.strerror}"
        ) from error
