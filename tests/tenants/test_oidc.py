"""What an id token has to be before it counts (OpenID Connect Core 3.1.3.7): each fault alone refuses it."""

import base64
import json
import time
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from apps.tenants import oidc
from portal.errors import Refused

KEY, OTHER = (rsa.generate_private_key(public_exponent=65_537, key_size=2_048) for _ in range(2))
CURVE = ec.generate_private_key(ec.SECP256R1())
CLIENT = oidc.Client("https://login.example.com", "causeway", "secret", "https://portal.example/callback")


def keys(*more: dict[str, Any]) -> dict[str, Any]:
    own = {**json.loads(RSAAlgorithm.to_jwk(KEY.public_key())), "kid": "k1", "alg": "RS256", "use": "sig"}
    return {"keys": [own, *more]}


def claims(**changed: Any) -> dict[str, Any]:
    now = int(time.time())
    sound = {"iss": CLIENT.issuer, "aud": CLIENT.id, "sub": "s", "exp": now + 300, "iat": now, "nonce": "n"}
    return {name: value for name, value in {**sound, **changed}.items() if value is not None}


def token(key: Any = KEY, algorithm: str = "RS256", kid: str | None = "k1", **changed: Any) -> str:
    return jwt.encode(claims(**changed), key, algorithm, headers={"kid": kid} if kid else {})


def test_a_sound_token_counts_whatever_its_algorithm() -> None:
    assert oidc.verified(token(), keys(), CLIENT, "n")["sub"] == "s"
    assert oidc.verified(token(kid=None), keys(), CLIENT, "n")["sub"] == "s"
    assert oidc.verified(token(aud=[CLIENT.id], azp=CLIENT.id), keys(), CLIENT, "n")["sub"] == "s"
    curve = {**json.loads(ECAlgorithm.to_jwk(CURVE.public_key())), "kid": "k2"}
    assert oidc.verified(token(CURVE, "ES256", "k2"), keys(curve), CLIENT, "n")["sub"] == "s"


@pytest.mark.parametrize(
    "fault",
    [
        {"iss": "https://login.example.com/"},
        {"iss": "https://evil.example"},
        {"iss": None},
        {"aud": "somebody-else"},
        {"aud": [CLIENT.id, "somebody-else"]},
        {"azp": "somebody-else"},
        {"exp": int(time.time()) - 120},
        {"exp": None},
        {"iat": int(time.time()) + 600},
        {"nonce": "another"},
        {"nonce": None},
        {"sub": None},
        {"sub": ""},
        {"sub": "x" * 256},
    ],
)
def test_a_token_with_one_fault_is_refused(fault: dict[str, Any]) -> None:
    with pytest.raises(Refused, match="couldn't vouch"):
        oidc.verified(token(**fault), keys(), CLIENT, "n")


@pytest.mark.parametrize(
    "forged",
    [
        token(OTHER),
        token(kid="unknown"),
        token("secret" * 8, "HS256"),
        token(CURVE, "ES256"),
        ".".join(
            [base64.urlsafe_b64encode(b'{"alg":"none","kid":"k1"}').decode().rstrip("="), token().split(".")[1], ""]
        ),
        "no token",
    ],
    ids=["another key", "unknown key", "symmetric", "another algorithm", "unsigned", "nothing"],
)
def test_a_token_that_the_providers_key_did_not_sign_is_refused(forged: str) -> None:
    with pytest.raises(Refused, match="couldn't vouch"):
        oidc.verified(forged, keys(), CLIENT, "n")


def test_a_symmetric_key_among_the_providers_checks_nothing() -> None:
    shared = {"kty": "oct", "kid": "k9", "k": base64.urlsafe_b64encode(b"secret" * 8).decode()}
    with pytest.raises(Refused):
        oidc.verified(token("secret" * 8, "HS256", "k9"), keys(shared), CLIENT, "n")


def test_the_challenge_is_the_verifiers_sha256() -> None:
    """RFC 7636, appendix B."""
    attempt = oidc.Attempt("s", "n", "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk")
    assert attempt.challenge == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


def test_no_two_attempts_are_alike() -> None:
    made = [oidc.Attempt.new() for _ in range(50)]
    assert len({part for each in made for part in (each.state, each.nonce, each.verifier)}) == 150
