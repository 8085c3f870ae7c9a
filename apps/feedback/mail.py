"""A report by e-mail, for who has nothing but a mail program (FEED-1). Optional: your mail server pipes messages in.

Anybody can write any sender into a message. So one counts only if our own mail server says that it passed DMARC for
the sender's domain: the topmost ``Authentication-Results`` header (RFC 8601) that carries the server's own name, which
servers remove from what comes in and put in themselves.
"""

import re
from dataclasses import dataclass
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from email.utils import getaddresses

from portal.errors import Forbidden, Invalid

LARGEST = 10 * 1024 * 1024
_HELPED = re.compile(r"^\s*what would have helped\s*[:?]?\s*", re.IGNORECASE | re.MULTILINE)
_QUOTED = re.compile(r"^(>|On .{5,200} wrote:$|-- $|-----Original Message-----)", re.MULTILINE)
_WORKLOAD = re.compile(r"\+([A-Za-z0-9][A-Za-z0-9._-]{0,59})@")
_REQUEST = re.compile(r"\[request ([A-Za-z0-9._:-]{1,200})\]", re.IGNORECASE)
UNSAID = "(not said in the message)"


@dataclass(frozen=True, slots=True)
class Letter:
    """What a message says: who sent it, about which workload, and their words; ``id`` stays if it comes again."""

    id: str
    sender: str
    workload: str
    request_id: str
    what_happened: str
    would_help: str
    picture: bytes | None


def read(raw: bytes, *, server: str) -> Letter:
    """A message as our mail server handed it on. ``server`` is its name in Authentication-Results.

    Raises:
        Forbidden: the sender isn't proved.
        Invalid: too large, no workload in the address (``feedback+W-01@...``), or no words.
    """
    if len(raw) > LARGEST:
        raise Invalid("too_large", f"A message has at most {LARGEST} bytes.")
    try:
        return _read(BytesParser(policy=policy.default).parsebytes(raw), server)
    except (IndexError, AttributeError, TypeError, ValueError, LookupError) as error:
        # What the standard library's parser raises on headers that are nonsense, when they are first looked at.
        raise Invalid("broken", "This message can't be read.") from error


def _read(message: EmailMessage, server: str) -> Letter:
    sender = _proved_sender(message, server)
    addresses = " ".join(str(message.get(name, "")) for name in ("Delivered-To", "X-Original-To", "To"))
    found = _WORKLOAD.search(addresses)
    if found is None:
        raise Invalid("workload", "Write to the address of the agent, such as feedback+W-01@your-domain.")
    subject, said = str(message.get("Subject", "")).strip(), _words(message)
    happened, _, helped = _split(said)
    request = _REQUEST.search(subject)
    words = f"{_REQUEST.sub('', subject).strip()}\n\n{happened}".strip()
    about = request[1] if request else ""
    if not happened:
        raise Invalid("empty", "Say what happened, in the text of the message.")
    return Letter(_id(message), sender, found[1], about, words, helped or UNSAID, _picture(message))


def _id(message: EmailMessage) -> str:
    return str(message.get("Message-ID", "")).strip()


def _proved_sender(message: EmailMessage, server: str) -> str:
    pairs = getaddresses([str(each) for each in message.get_all("From") or []])
    if len(pairs) != 1:
        raise _unproved()
    sender = pairs[0][1].lower()
    results = message.get_all("Authentication-Results") or []
    ours = next((str(each) for each in results if _named(str(each)) == server.lower()), "")
    if not sender.rpartition("@")[2] or _proved_domain(ours) != sender.rpartition("@")[2]:
        raise _unproved()
    return sender


def _proved_domain(results: str) -> str:
    """The domain that DMARC passed for, from the one element that is about DMARC.

    Quoted texts and comments may hold anything that the sender likes, also what looks like a result; so may the values
    of other methods. They are taken away, and what is left is read element by element.
    """
    bare = re.sub(r'"(?:[^"\\]|\\.)*"', "", results)
    while bare != (without := re.sub(r"\([^()]*\)", " ", bare)):
        bare = without
    about = [each.split() for each in bare.split(";")[1:] if re.match(r"\s*dmarc\s*=", each, re.IGNORECASE)]
    if len(about) != 1 or not about[0] or about[0][0].lower() != "dmarc=pass":
        return ""
    domains = [word.partition("=")[2] for word in about[0] if word.lower().startswith("header.from=")]
    return domains[0].lower() if len(domains) == 1 else ""


def _unproved() -> Forbidden:
    return Forbidden("sender", "The sender isn't proved; report in the portal.")


def _named(result: str) -> str:
    return next(iter(result.partition(";")[0].split()), "").lower()


def _words(message: EmailMessage) -> str:
    part = message.get_body(preferencelist=("plain",))
    try:
        text = str(part.get_content()) if part is not None else ""
    except (LookupError, UnicodeError, ValueError):
        return ""
    quoted = _QUOTED.search(text)
    return text[: quoted.start()].replace("\x00", "").strip() if quoted else text.replace("\x00", "").strip()


def _split(text: str) -> tuple[str, str, str]:
    found = _HELPED.search(text)
    if found is None:
        return text, "", ""
    return text[: found.start()].strip(), found[0], text[found.end() :].strip()


def _picture(message: EmailMessage) -> bytes | None:
    for part in message.iter_attachments():
        if part.get_content_maintype() == "image":
            content = part.get_content()
            return content if isinstance(content, bytes) else None
    return None
