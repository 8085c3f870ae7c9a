"""A ledger behind a socket, and an OpenAI-style model behind another: what a client meets, with what can go wrong."""

import json
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Protocol

from tests.clients.gate.ledger import Book

# What the portal says while its counters can't be reached (COST-5).
BLOCKED = {
    "request_id": "req-0",
    "decision": "blocked",
    "handler": "fallback",
    "reasons": ["counters_unreachable"],
    "reservation": None,
}


class Server(ThreadingHTTPServer):
    """On loopback, with room for many callers at once."""

    request_queue_size = 256
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Callers that hang up are part of the tests."""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, format: str, *arguments: Any) -> None:
        """Not on the screen of the tests."""

    def read(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        return found

    def say(self, status: int, headers: dict[str, str], body: Any) -> None:
        content = json.dumps(body).encode()
        self.send_response(status)
        for name, value in {**headers, "Content-Type": "application/json"}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


@contextmanager
def serving(handler: type[Handler]) -> Iterator[str]:
    with Server(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


class Books(Protocol):
    """What stands behind the door: the ledger in memory, or one that hands each question on to a real portal.

    ``faults``, one a request: ``lost`` before or ``lost_after`` it is done, ``slow``, ``blocked``, or a status.
    """

    faults: deque[str]
    asked: list[tuple[str, dict[str, Any], dict[str, str]]]

    def answer(self, path: str, body: dict[str, Any], headers: dict[str, str]) -> tuple[int, dict[str, str], Any]: ...

    def book(self) -> Book: ...


@dataclass
class Portal:
    address: str
    token: str
    ledger: Books

    def book(self) -> Book:
        return self.ledger.book()


@contextmanager
def portal(ledger: Books, token: str = "secret") -> Iterator[Portal]:
    """A door on loopback in front of the books, at which answers get lost as told."""

    class Door(Handler):
        def do_POST(self) -> None:
            body = self.read()
            fault = ledger.faults.popleft() if ledger.faults else ""
            if fault == "blocked":
                self.say(200, {}, BLOCKED)
            elif fault == "lost":
                self.close_connection = True
            elif fault.isdigit():
                self.say(int(fault), {"Retry-After": "0"}, {"code": "overloaded"})
            else:
                answer = ledger.answer(self.path, body, {name.lower(): value for name, value in self.headers.items()})
                self._after(fault, answer)

        def _after(self, fault: str, answer: tuple[int, dict[str, str], Any]) -> None:
            time.sleep(1.0 if fault == "slow" else 0)
            if fault == "lost_after":
                self.close_connection = True
            elif fault == "502_after":
                self.say(502, {}, {})
            else:
                self.say(*answer)

    with serving(Door) as address:
        yield Portal(address, token, ledger)


@dataclass
class Model:
    """A provider that wants to say ``words`` tokens, stops at the limit it is given, and bills what it says.

    ``obeys`` False: it ignores the limit. ``failures``: statuses to answer first; of a stream also ``broken`` in its
    middle or ``silent`` from its start.
    """

    address: str = ""
    words: int = 10
    delay: float = 0.0
    obeys: bool = True
    reports: bool = True
    failures: list[str] = field(default_factory=list)
    asked: list[dict[str, Any]] = field(default_factory=list)
    billed: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, body: dict[str, Any]) -> tuple[dict[str, int], str]:
        """The usage it bills, and what goes wrong, if anything."""
        with self.lock:
            self.asked.append(body)
            fault = self.failures.pop(0) if self.failures else ""
            limit = body.get("max_completion_tokens") or body.get("max_tokens") or 4096
            said = (min(self.words, limit) if self.obeys else self.words) * (body.get("n") or 1)
            sent = sum(len(str(message["content"]).split()) for message in body["messages"])
            usage = {"prompt_tokens": sent, "completion_tokens": said, "total_tokens": sent + said}
            self.billed += 0 if fault.isdigit() else sent + said
            return usage, fault


@contextmanager
def model(**options: Any) -> Iterator[Model]:
    provider = Model(**options)

    class Door(Handler):
        def do_POST(self) -> None:
            body = self.read()
            usage, fault = provider.take(body)
            time.sleep(provider.delay)
            if fault.isdigit():
                self.say(int(fault), {}, {"error": {"message": "no", "type": "server_error", "code": fault}})
            elif body.get("stream"):
                self._stream(body, usage, fault)
            else:
                words = "word " * usage["completion_tokens"]
                self.say(200, {}, {**_choice(body, "message", words), "usage": usage if provider.reports else None})

        def _stream(self, body: dict[str, Any], usage: dict[str, int], fault: str) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            for number in range(usage["completion_tokens"]):
                if (fault, number) in {("broken", 2), ("silent", 0)}:
                    self.close_connection = True
                    return
                self._event(_choice(body, "delta", "word "))
                time.sleep(provider.delay)
            self._event(_choice(body, "delta", "", "stop"))
            if provider.reports and (body.get("stream_options") or {}).get("include_usage"):
                self._event({**_choice(body, "delta", ""), "choices": [], "usage": usage})
            self._write(b"data: [DONE]\n\n")
            self.wfile.write(b"0\r\n\r\n")

        def _event(self, event: dict[str, Any]) -> None:
            self._write(b"data: " + json.dumps(event).encode() + b"\n\n")

        def _write(self, content: bytes) -> None:
            self.wfile.write(b"%x\r\n%s\r\n" % (len(content), content))

    with serving(Door) as address:
        provider.address = f"{address}/v1"
        yield provider


def _choice(body: dict[str, Any], part: str, content: str, finish: str | None = None) -> dict[str, Any]:
    choice = {"index": 0, part: {"role": "assistant", "content": content}, "finish_reason": finish}
    if part == "message":
        choice["finish_reason"] = "stop"
    kind = "chat.completion" if part == "message" else "chat.completion.chunk"
    return {"id": "chatcmpl-1", "object": kind, "created": 1, "model": body["model"], "choices": [choice]}
