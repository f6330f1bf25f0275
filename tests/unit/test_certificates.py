"""Errors that a certificate led to, and others."""

from __future__ import annotations

import ssl

import pytest

from backend.certificates import certificate_complaint


def refusal(code: int, words: str) -> ssl.SSLCertVerificationError:
    error = ssl.SSLCertVerificationError(1, words)
    error.verify_code, error.verify_message = code, words
    return error


@pytest.mark.parametrize(
    ("code", "words", "told"),
    [
        (20, "unable to get local issuer certificate", "SSL_CERT_FILE"),
        (18, "self-signed certificate", "SSL_CERT_FILE"),
        (10, "certificate has expired", "mend it there"),
        (62, "Hostname mismatch, certificate is not valid for 'redis.inside'.", "issued for"),
    ],
)
def test_the_remedy_fits_what_is_wrong(code: int, words: str, told: str) -> None:
    """A file of authorities helps where the issuer is unknown, and nowhere else; no name is told."""
    said = certificate_complaint(refusal(code, words))

    assert said is not None
    assert told in said
    assert words.partition(",")[0] in said
    assert "redis.inside" not in said


def test_a_library_that_wraps_the_error_is_seen_through() -> None:
    """Raised from it, or while it was handled."""
    wrapped = ConnectionError("no connection")
    wrapped.__context__ = refusal(20, "unable to get local issuer certificate")
    outermost = OSError("refused")
    outermost.__cause__ = wrapped

    assert certificate_complaint(outermost) is not None
    assert certificate_complaint(OSError("refused")) is None


def test_a_chain_that_leads_back_to_itself_ends() -> None:
    """An error that is raised again while what it led to is handled."""
    first, second = OSError("refused"), ConnectionError("no connection")
    first.__cause__, second.__cause__ = second, first

    assert certificate_complaint(first) is None
