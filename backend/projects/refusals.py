"""Why Label Studio does not take our address, in words that say what to set where. Pure."""

from __future__ import annotations

from backend.errors import FirstpassError, LabelStudioRefuses, OperatorError

__all__ = ["CannotConnect", "forbids_address", "remedy"]

_FORBIDDEN = ("reserved network address", "URL was not allowed")


class CannotConnect(OperatorError):
    """Label Studio and Firstpass do not get together; the message says why, and what to do."""


def forbids_address(error: FirstpassError) -> bool:
    """Whether Label Studio's protection against requests to inside addresses refuses ours."""
    return any(words in str(error) for words in _FORBIDDEN)


def remedy(error: FirstpassError, url: str) -> str:
    """What to do when Label Studio refuses, or fails, to have us at `url` as an ML backend or webhook."""
    said = str(error)
    if forbids_address(error):
        return (
            f"Label Studio refuses private addresses such as {url}: start it with "
            "ML_BLOCK_LOCAL_IP=false and SSRF_PROTECTION_ENABLED=false, or, narrower, with "
            "USE_DEFAULT_BANNED_SUBNETS=false and USER_ADDITIONAL_BANNED_SUBNETS holding all "
            "networks but ours, as docker/compose.yaml does"
        )
    if "resolve hostname" in said:
        return (
            f"Label Studio's machine does not know the host in {url}: set FIRSTPASS_PUBLIC_URL to our address "
            "as seen from there"
        )
    if "Can't connect to ML backend" in said:
        return (
            f"Label Studio does not reach {url}: set FIRSTPASS_PUBLIC_URL to our address as seen from its "
            "machine (from a container, localhost is that container: use the service's name or "
            "host.docker.internal), and have Firstpass listen there (FIRSTPASS_HOST=0.0.0.0)"
        )
    if "authentication parameters" in said:
        return (
            "set FIRSTPASS_BASIC_AUTH_USER and FIRSTPASS_BASIC_AUTH_PASS here to those that the web "
            "process runs with"
        )
    if "look like a valid ML backend" in said:
        return (
            f"something else may listen at {url}, or its log says why it refuses the label config"
        )
    if isinstance(error, LabelStudioRefuses) and error.status == 403:
        return "use the token of a user who may change the project's settings"
    return "see Label Studio's log for more"
