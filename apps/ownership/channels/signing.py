"""Standard Webhooks signatures, for what goes out and for what comes in. Pure.

The signed text is ``id.timestamp.body``; the signature is ``v1,`` and the base64 of its HMAC-SHA-256. The receiver
checks the time too and keeps the ids that it has seen, so that nothing counts twice.
Source: the Standard Webhooks specification 1.0.0.
"""

import base64
import hashlib
import hmac
from collections.abc import Mapping

TOLERANCE = 300


def secret_text(secret: bytes) -> str:
    return f"whsec_{base64.b64encode(secret).decode()}"


def headers(secret: bytes, *, key: str, timestamp: int, body: bytes) -> dict[str, str]:
    return {
        "webhook-id": key,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": signature(secret, key, timestamp, body),
    }


def signature(secret: bytes, key: str, timestamp: int, body: bytes) -> str:
    signed = f"{key}.{timestamp}.".encode() + body
    return f"v1,{base64.b64encode(hmac.digest(secret, signed, hashlib.sha256)).decode()}"


def problem(secret: bytes, sent: Mapping[str, str], body: bytes, now: float) -> str:
    """What is wrong with a signed message, or nothing. ``now`` in seconds since 1970."""
    key, stamp, signatures = (sent.get(f"webhook-{name}", "") for name in ("id", "timestamp", "signature"))
    if not key or not stamp or not signatures:
        return "It isn't signed: send webhook-id, webhook-timestamp and webhook-signature (Standard Webhooks)."
    if not stamp.isascii() or not stamp.isdigit() or len(stamp) > 12 or len(key) > 255:
        return "webhook-timestamp is the time in whole seconds since 1970, webhook-id at most 255 characters."
    wanted = signature(secret, key, int(stamp), body)
    if not any(hmac.compare_digest(wanted.encode(), each.encode()) for each in signatures.split(" ")[:5]):
        return "The signature doesn't fit: check the secret, and sign the body exactly as it is sent."
    if abs(now - int(stamp)) > TOLERANCE:
        return f"It was signed {abs(now - int(stamp)):.0f} s away from now; {TOLERANCE} s are accepted."
    return ""
