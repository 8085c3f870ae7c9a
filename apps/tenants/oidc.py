"""OpenID Connect, as a client: the authorization code flow with state, nonce and PKCE, and nothing besides.

Everything that comes back is checked against the issuer that the tenant's admin typed in: the discovery document names
it to the letter, the id token is signed by its keys with an asymmetric algorithm, for this client, in time, with our
nonce (OpenID Connect Core 3.1.3.7). All requests go through :mod:`portal.outbound`.
"""

import base64
import hashlib
import hmac
import json
import secrets
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote_plus, urlencode

import jwt

from portal import outbound
from portal.errors import Invalid, PortalError, Refused

# Asymmetric alone: with a client's secret as the key, whoever knows it could write tokens.
ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]
LEEWAY_SECONDS = 60
_MOST = 256 * 1024
# What a library may stumble over in a token or a document that somebody hostile wrote.
_UNSOUND = (jwt.PyJWTError, ValueError, TypeError, LookupError, AttributeError, ArithmeticError, RecursionError)


@dataclass(frozen=True, slots=True)
class Metadata:
    """What a provider says about itself."""

    issuer: str
    authorization: str
    token: str
    userinfo: str
    jwks: str
    takes_basic: bool


@dataclass(frozen=True, slots=True)
class Attempt:
    """One sign-in on its way: kept in the session between leaving and coming back."""

    state: str
    nonce: str
    verifier: str

    @classmethod
    def new(cls) -> "Attempt":
        return cls(*(secrets.token_urlsafe(32) for _ in range(3)))

    @property
    def challenge(self) -> str:
        digest = hashlib.sha256(self.verifier.encode()).digest()
        return base64.urlsafe_b64encode(digest).decode().rstrip("=")


@dataclass(frozen=True, slots=True)
class Client:
    issuer: str
    id: str
    secret: str
    redirect_uri: str


def discover(issuer: str) -> Metadata:
    """Read and check the provider's discovery document.

    Raises:
        Invalid: the address isn't allowed, or the document isn't that of this issuer.
        Refused: no answer, or none that makes sense.
    """
    found = _json(_get(f"{issuer.rstrip('/')}/.well-known/openid-configuration"), "the discovery document")
    if found.get("issuer") != issuer:
        itself = str(found.get("issuer"))[:100]
        raise Invalid("issuer", f"The provider calls itself {itself!r}, to the letter; enter that.")
    names = {"authorization": "authorization_endpoint", "token": "token_endpoint", "jwks": "jwks_uri"}
    missing = [name for name in names.values() if not isinstance(found.get(name), str)]
    if missing:
        raise Invalid("discovery", f"The discovery document lacks {', '.join(missing)}.")
    ways = found.get("token_endpoint_auth_methods_supported") or ["client_secret_basic"]
    if not isinstance(ways, list):
        raise Invalid("discovery", "The discovery document's token_endpoint_auth_methods_supported is no list.")
    # The browser is sent there, so it has to be an address like any other.
    outbound.check(found["authorization_endpoint"])
    return Metadata(
        issuer=issuer,
        userinfo=str(found.get("userinfo_endpoint") or ""),
        takes_basic="client_secret_basic" in ways,
        **{name: found[key] for name, key in names.items()},
    )


def leave_for(metadata: Metadata, client: Client, attempt: Attempt) -> str:
    """The address to send the browser to."""
    asked = {
        "response_type": "code",
        "client_id": client.id,
        "redirect_uri": client.redirect_uri,
        "scope": "openid email profile",
        "state": attempt.state,
        "nonce": attempt.nonce,
        "code_challenge": attempt.challenge,
        "code_challenge_method": "S256",
    }
    return f"{metadata.authorization}{'&' if '?' in metadata.authorization else '?'}{urlencode(asked)}"


def come_back(client: Client, attempt: Attempt, code: str) -> dict[str, Any]:
    """Trade the code for the claims about the person, all of them checked.

    Raises:
        Refused: the provider didn't take the code, or what it sent doesn't hold.
    """
    metadata = discover(client.issuer)
    answer = _exchange(metadata, client, attempt, code)
    token = answer.get("id_token")
    if not isinstance(token, str):
        raise _no("it sent no id token")
    claims = verified(token, _json(_get(metadata.jwks), "the keys"), client, attempt.nonce)
    if "email" not in claims and metadata.userinfo:
        claims = {**_userinfo(metadata, str(answer.get("access_token", "")), claims["sub"]), **claims}
    for name in ("email", "name"):
        value = claims.get(name)
        if isinstance(value, str) and not _is_text(value):
            raise _no(f"its {name} is no text")
    return claims


def verified(token: str, keys: dict[str, Any], client: Client, nonce: str) -> dict[str, Any]:
    """The claims of an id token, if signature, issuer, audience, time and nonce hold."""
    try:
        key = _key(token, keys)
        claims: dict[str, Any] = jwt.decode(
            token,
            key,
            algorithms=ALGORITHMS,
            audience=client.id,
            issuer=client.issuer,
            leeway=LEEWAY_SECONDS,
            options={"require": ["iss", "sub", "aud", "exp", "iat"]},
        )
    except _UNSOUND as error:
        raise _no(f"its token doesn't hold ({type(error).__name__})") from error
    if not hmac.compare_digest(str(claims.get("nonce", "")).encode(errors="replace"), nonce.encode()):
        raise _no("its token was made for another sign-in")
    # Core 3.1.3.7: with several audiences, or a party named, it has to be us.
    if claims.get("azp", client.id) != client.id or (isinstance(claims["aud"], list) and len(claims["aud"]) > 1):
        raise _no("its token is for somebody else too")
    if not isinstance(claims["sub"], str) or not 0 < len(claims["sub"]) <= 255 or not _is_text(claims["sub"]):
        raise _no("it names nobody")
    return claims


def _key(token: str, keys: dict[str, Any]) -> jwt.PyJWK:
    header = jwt.get_unverified_header(token)
    usable = [row for row in keys.get("keys", []) if isinstance(row, dict) and row.get("use", "sig") == "sig"]
    named = [row for row in usable if "kid" not in header or row.get("kid") == header["kid"]]
    if len(named) != 1 or named[0].get("kty") == "oct":
        raise jwt.InvalidKeyError("no such key")
    # The key's own algorithm where it names one: a token doesn't choose how it is checked.
    return jwt.PyJWK(named[0], algorithm=named[0].get("alg") or header.get("alg"))


def _exchange(metadata: Metadata, client: Client, attempt: Attempt, code: str) -> dict[str, Any]:
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": client.redirect_uri,
        "code_verifier": attempt.verifier,
    }
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
    if metadata.takes_basic:
        pair = f"{quote_plus(client.id)}:{quote_plus(client.secret)}"
        headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
    else:
        form |= {"client_id": client.id, "client_secret": client.secret}
    try:
        answer = outbound.post(metadata.token, urlencode(form).encode(), headers, most=_MOST)
    except outbound.Unreachable as error:
        raise _no("it doesn't answer") from error
    return _json(answer, "the answer to the code")


def _userinfo(metadata: Metadata, token: str, subject: str) -> dict[str, Any]:
    found = _json(_get(metadata.userinfo, {"Authorization": f"Bearer {token}"}), "the user info")
    if found.get("sub") != subject:
        raise _no("its user info is about somebody else")
    return found


def _get(url: str, headers: dict[str, str] | None = None) -> outbound.Answer:
    try:
        return outbound.get(url, {"Accept": "application/json", **(headers or {})}, most=_MOST)
    except outbound.Unreachable as error:
        raise _no(f"it doesn't answer at {outbound.parse(url).netloc}") from error


def _json(answer: outbound.Answer, what: str) -> dict[str, Any]:
    try:
        found = json.loads(answer.text)
    except (ValueError, RecursionError) as error:
        raise _no(f"{what} is no JSON") from error
    if answer.status != 200 or not isinstance(found, dict):
        raise _no(f"{what} came with status {answer.status}")
    return found


def _is_text(value: str) -> bool:
    """Whether a column takes it: JSON can spell NUL, and halves of characters."""
    return "\0" not in value and not any("\ud800" <= letter <= "\udfff" for letter in value)


def _no(why: str) -> PortalError:
    return Refused("provider_failed", f"The sign-in provider couldn't vouch for you: {why}. Nothing was changed.")
