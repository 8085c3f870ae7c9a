"""What a message says: worked out when it is sent, from the alert as it is then. Pure."""

from dataclasses import dataclass, field
from typing import Any

SIGNS = {"critical": "CRITICAL", "error": "ERROR", "warning": "WARNING", "info": "INFO"}


@dataclass(frozen=True, slots=True)
class Message:
    """One message for every kind of channel. ``links`` are (words, address); ``data`` is for machines."""

    title: str
    lines: tuple[str, ...] = ()
    links: tuple[tuple[str, str], ...] = ()
    type: str = "causeway.notice"
    subject: str = ""
    data: dict[str, Any] = field(default_factory=dict)

    @property
    def text(self) -> str:
        links = [f"{words}: {address}" for words, address in self.links]
        return "\n".join([self.title, "", *self.lines, *([""] if links else []), *links])


def slack(message: Message, key: str) -> dict[str, Any]:
    """A Slack incoming webhook's body. Its buttons are links: they ask for confirmation where they lead."""
    blocks: list[dict[str, Any]] = [
        {"type": "section", "text": {"type": "mrkdwn", "text": f"*{escaped(message.title)}*"}},
        {"type": "section", "text": {"type": "plain_text", "text": "\n".join(message.lines)[:2_900] or "-"}},
    ]
    if message.links:
        buttons = [
            {"type": "button", "text": {"type": "plain_text", "text": words}, "url": address}
            for words, address in message.links[:5]
        ]
        blocks.append({"type": "actions", "elements": buttons})
    blocks.append({"type": "context", "elements": [{"type": "plain_text", "text": f"ref {key}"}]})
    return {"text": escaped(message.title), "blocks": blocks}


def escaped(text: str) -> str:
    """Slack's three characters, so that nobody's words mention a channel or draw a link."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def cloud_event(message: Message, *, key: str, source: str, time: str) -> dict[str, Any]:
    """CloudEvents 1.0, structured JSON."""
    return {
        "specversion": "1.0",
        "id": key,
        "type": message.type,
        "source": source,
        "subject": message.subject,
        "time": time,
        "datacontenttype": "application/json",
        "data": {"title": message.title, "lines": list(message.lines), "links": dict(message.links), **message.data},
    }
