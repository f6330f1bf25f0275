"""Ends with 0 when the web process in this container answers `/health`, by the container's own settings."""

from __future__ import annotations

import sys

import httpx

from backend.settings import load_settings


def main() -> None:
    """Exits 1 with one line when there is no good answer within 3 seconds."""
    settings = load_settings()
    auth = None
    if settings.basic_auth_user is not None and settings.basic_auth_pass is not None:
        auth = (settings.basic_auth_user, settings.basic_auth_pass.get_secret_value())
    url = f"http://127.0.0.1:{settings.port}/health"
    try:
        httpx.get(url, auth=auth, timeout=3, trust_env=False).raise_for_status()
    except httpx.HTTPError as error:
        sys.exit(f"{url}: {error}")


if __name__ == "__main__":
    main()
