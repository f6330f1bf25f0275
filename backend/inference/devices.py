"""Whether the device of the settings is there, asked before anything is started on it."""

from __future__ import annotations

import subprocess
import sys

from backend.errors import SettingsError

__all__ = ["check_device"]

#: For what every machine has, and for what is looked for when it is needed.
_ALWAYS = ("auto", "cpu")
#: In a process of its own: who only starts others need not hold torch.
_ASK = """
import sys
from models.devices import pick_device
try:
    pick_device(sys.argv[1])
except ValueError as error:
    print(error)
    sys.exit(3)
"""


def check_device(device: str) -> None:
    """Raises `SettingsError` for a device that this machine lacks, or a name of none."""
    if device in _ALWAYS:
        return
    asked = subprocess.run(  # noqa: S603 (our own interpreter and words)
        [sys.executable, "-c", _ASK, device], capture_output=True, text=True, check=False
    )
    if asked.returncode == 3:
        raise SettingsError(f"FIRSTPASS_DEVICE: {asked.stdout.strip()}")
