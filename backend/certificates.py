"""What is wrong with a server's certificate, in words that help, whichever library met it.

Images, Label Studio and Redis alike trust the authorities of the file that OpenSSL's own variable
SSL_CERT_FILE names; where it is not set, the system's.
"""

from __future__ import annotations

import ssl

__all__ = ["certificate_complaint"]

#: OpenSSL's codes for a chain that ends at nobody we know: X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY and kin.
_UNKNOWN_ISSUER = frozenset({2, 18, 19, 20, 21})


def certificate_complaint(error: BaseException) -> str | None:
    """What to tell the operator of an error that a server's certificate led to; `None` for others.

    Holds no address: not everybody who reads errors may know where things are.
    """
    refused = _refusal(error)
    if refused is None:
        return None
    reason = refused.verify_message.partition(",")[0]
    remedy = (
        "if an authority of your own issued it, name that authority's file in SSL_CERT_FILE"
        if refused.verify_code in _UNKNOWN_ISSUER
        else "mend it there, or use the name that it was issued for"
    )
    return f"the certificate is not trusted ({reason}): {remedy}"


def _refusal(error: BaseException | None) -> ssl.SSLCertVerificationError | None:
    """The error of `ssl` that others were raised from; a chain that leads back to itself has none."""
    met: set[int] = set()
    while error is not None and id(error) not in met:
        if isinstance(error, ssl.SSLCertVerificationError):
            return error
        met.add(id(error))
        error = error.__cause__ or error.__context__
    return None
