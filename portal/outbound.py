"""HTTP to addresses that people typed in: webhooks, sign-in providers. It goes to public hosts or to those that the
operator allowed.

The name is resolved once, every address it has must be allowed, and the connection goes to the very address that was
checked: a name that answers differently the second time gains nothing. Redirects are not followed.
"""

import contextlib
import ipaddress
import socket
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPException
from urllib.parse import urlsplit

import urllib3
from django.conf import settings
from urllib3.connection import HTTPConnection, HTTPSConnection

from portal.errors import Invalid

# Seconds from byte to byte, and in all.
TIMEOUT, LONGEST_SECONDS = 5.0, 10.0
LONGEST = 500
_KEPT = 2_000
# Networks that carry IPv4 addresses inside IPv6 ones: what is inside isn't seen, so they are no way out.
_CARRIERS = [ipaddress.ip_network(net) for net in ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32")]


class Unreachable(Exception):
    """No answer: no such name, no connection, no reply in time. Trying again may help."""


@dataclass(frozen=True, slots=True)
class Place:
    scheme: str
    host: str
    port: int
    path: str

    @property
    def netloc(self) -> str:
        name = f"[{self.host}]" if ":" in self.host else self.host
        return name if self.port == {"http": 80, "https": 443}[self.scheme] else f"{name}:{self.port}"


@dataclass(frozen=True, slots=True)
class Answer:
    """``text`` is the beginning of the body; ``retry_after`` in seconds where the receiver said so."""

    status: int
    text: str
    retry_after: float = 0.0


def parse(url: str) -> Place:
    """The parts of a webhook's address.

    Raises:
        Invalid: not http(s), a user name or password in it, a fragment, too long, or a host that isn't allowed.
    """
    try:
        parts = urlsplit(url.strip())
        port = parts.port
    except ValueError as error:
        raise Invalid("address", "This is no web address; it looks like https://hooks.example.com/abc.") from error
    if parts.scheme not in {"http", "https"} or not parts.hostname or len(url) > LONGEST:
        raise Invalid("address", "This is no web address; it looks like https://hooks.example.com/abc.")
    if parts.username or parts.password or parts.fragment or any(c.isspace() or not c.isascii() for c in url.strip()):
        raise Invalid("address", "Leave out user names, passwords, fragments, spaces and letters beyond ASCII.")
    path = parts.path or "/"
    place = Place(
        parts.scheme,
        parts.hostname.rstrip("."),
        port or (443 if parts.scheme == "https" else 80),
        f"{path}?{parts.query}" if parts.query else path,
    )
    _refuse_host(place)
    return place


def check(url: str) -> Place:
    """As :func:`parse`; where the host can be resolved here and now, its addresses have to be allowed too."""
    place = parse(url)
    try:
        _addresses(place)
    except Unreachable:
        # Looked at again, and strictly, each time something is sent.
        return place
    return place


def post(url: str, body: bytes, headers: Mapping[str, str], *, most: int = _KEPT) -> Answer:
    """Send a POST and read the beginning of the answer, ``most`` bytes of it.

    Raises:
        Invalid: the address isn't allowed.
        Unreachable: no answer.
    """
    return _ask("POST", url, body, headers, most)


def get(url: str, headers: Mapping[str, str], *, most: int = _KEPT) -> Answer:
    """As :func:`post`, without a body."""
    return _ask("GET", url, None, headers, most)


def _ask(method: str, url: str, body: bytes | None, headers: Mapping[str, str], most: int) -> Answer:
    place = parse(url)
    connection = _connection(place, _addresses(place)[0])
    sent = {**headers, "Host": place.netloc, "User-Agent": "Causeway"}
    # Time-outs count from byte to byte: a receiver that trickles would hold its sender for hours.
    cut = threading.Timer(LONGEST_SECONDS, _cut, [connection])
    cut.start()
    try:
        connection.request(method, place.path, body=body, headers=sent, preload_content=False)
        answer = connection.getresponse()
        # No column takes a NUL: a receiver that answers one must not break off the note of its answer.
        text = answer.read(most, decode_content=False).decode("utf-8", "replace").replace("\0", "\ufffd")
        after = answer.headers.get("Retry-After", "")
        return Answer(answer.status, text, float(after) if after.isdecimal() else 0.0)
    except (urllib3.exceptions.HTTPError, HTTPException, OSError, ValueError) as error:
        # A certificate of another name is a ValueError of urllib3's own.
        raise Unreachable(f"{place.netloc}: {type(error).__name__}") from error
    finally:
        cut.cancel()
        connection.close()


def _connection(place: Place, address: str) -> HTTPConnection:
    """To the address that was checked, by the name that was asked for."""
    if place.scheme == "http":
        return HTTPConnection(address, place.port, timeout=TIMEOUT)
    return HTTPSConnection(address, place.port, timeout=TIMEOUT, server_hostname=place.host, assert_hostname=place.host)


def _cut(connection: HTTPConnection) -> None:
    sock = connection.sock
    if sock is not None:
        with contextlib.suppress(OSError):
            sock.shutdown(socket.SHUT_RDWR)


def _refuse_host(place: Place) -> None:
    allowed = settings.OUTBOUND_HOSTS
    if allowed and not any(place.host == host or (host[0] == "." and place.host.endswith(host)) for host in allowed):
        raise Invalid("host", f"Messages may not go to {place.host}: the operator allows {', '.join(allowed[:5])}.")


def _addresses(place: Place) -> list[str]:
    """Where it would go; all of them allowed."""
    try:
        found = socket.getaddrinfo(place.host, place.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise Unreachable(f"{place.host} has no address.") from error
    addresses = list(dict.fromkeys(str(row[4][0]).partition("%")[0] for row in found))
    for address in addresses:
        _refuse_address(place, address)
    return addresses


def _refuse_address(place: Place, text: str) -> None:
    address = ipaddress.ip_address(text)
    mapped = getattr(address, "ipv4_mapped", None)
    address = mapped or address
    networks = [ipaddress.ip_network(net) for net in settings.OUTBOUND_NETWORKS]
    if any(address in net for net in networks if net.version == address.version):
        return
    is_carrier = any(address in net for net in _CARRIERS if net.version == address.version)
    if not address.is_global or address.is_multicast or is_carrier:
        raise Invalid("private_address", f"{place.host} is a private address; messages go to public ones alone.")
    if place.scheme != "https":
        raise Invalid("not_https", "Outside a network that the operator allowed, an address begins with https.")
