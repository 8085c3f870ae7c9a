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
from portal.errors import Invalid, Refused
from portal.outbound import Answer

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
        {"sub": "a\0b"},
        {"sub": "\ud800"},
        {"sub": ["s"]},
        {"nonce": "\ud800"},
        {"nonce": ["n"]},
        {"azp": ["somebody-else"]},
        {"exp": float("inf")},
        {"exp": float("nan")},
        {"iat": float("inf")},
        {"nbf": float("-inf")},
        {"aud": {"a": 1}},
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


@pytest.mark.parametrize(
    "odd",
    [
        {"keys": 5},
        {"keys": None},
        {"keys": [5]},
        {"keys": [{"kid": "k1", "kty": ["RSA"]}]},
        {"keys": [{"kid": "k1", "kty": "RSA", "alg": ["RS256"], "n": 5, "e": "AQAB"}]},
        {"keys": [{"kid": "k1", "kty": "RSA", "n": 5, "e": 5}]},
        {"keys": [{"kid": "k1", "kty": "EC", "crv": {}, "x": "x", "y": None}]},
    ],
)
def test_keys_of_an_odd_kind_vouch_for_nobody(odd: dict[str, Any]) -> None:
    with pytest.raises(Refused, match="couldn't vouch"):
        oidc.verified(token(), odd, CLIENT, "n")


def said(monkeypatch: pytest.MonkeyPatch, **documents: Any) -> None:
    """What the provider answers, by the end of the address."""

    def answer(url: str, *args: Any, **options: Any) -> Answer:
        body = documents[url.rpartition("/")[2].replace("-", "_")]
        return Answer(200, body if isinstance(body, str) else json.dumps(body))

    monkeypatch.setattr(oidc.outbound, "get", answer)
    monkeypatch.setattr(oidc.outbound, "post", answer)
    monkeypatch.setattr(oidc.outbound, "check", lambda url: None)


def document(**changed: Any) -> dict[str, Any]:
    ends = {"authorization_endpoint": "authorize", "token_endpoint": "token", "jwks_uri": "jwks"}
    return {"issuer": CLIENT.issuer, **{name: f"{CLIENT.issuer}/{end}" for name, end in ends.items()}, **changed}


@pytest.mark.parametrize("odd", [5, True, "client_secret_basic", {"client_secret_basic": 1}])
def test_a_discovery_document_of_odd_types_is_refused(monkeypatch: pytest.MonkeyPatch, odd: Any) -> None:
    said(monkeypatch, openid_configuration=document(token_endpoint_auth_methods_supported=odd))
    with pytest.raises(Invalid, match="no list"):
        oidc.discover(CLIENT.issuer)


@pytest.mark.parametrize("deep", ["[" * 200_000, '{"a":' * 40_000, "9" * 5_000])
def test_a_document_that_is_deeper_than_one_can_read_is_refused(monkeypatch: pytest.MonkeyPatch, deep: str) -> None:
    said(monkeypatch, openid_configuration=deep)
    with pytest.raises(Refused, match="no JSON"):
        oidc.discover(CLIENT.issuer)


@pytest.mark.parametrize("odd", [{"name": "a\0b"}, {"email": "a\0@example.org"}, {"name": "\udfff"}])
def test_a_claim_that_no_column_takes_is_refused(monkeypatch: pytest.MonkeyPatch, odd: dict[str, Any]) -> None:
    said(monkeypatch, openid_configuration=document(), jwks=keys(), token={"id_token": token(**odd)})
    with pytest.raises(Refused, match="is no text"):
        oidc.come_back(CLIENT, oidc.Attempt("s", "n", "v"), "code")


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
