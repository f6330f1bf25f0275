"""Prepares the demo's Label Studio before it is asked for: `make setup` does so while torch is being installed."""

from __future__ import annotations

from backend.demo.data_folder import prepared_data
from backend.demo.environment import CACHE, LABEL_STUDIO_BIN, repository
from backend.demo.label_studio import installed_version

__all__ = ["main"]


def main() -> None:
    """Make the database of the Label Studio that `make setup` installed, where it is missing."""
    binary = repository() / LABEL_STUDIO_BIN
    prepared_data(binary, cache=repository() / CACHE, version=installed_version(binary))


if __name__ == "__main__":
    main()
