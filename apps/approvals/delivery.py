"""Where the approvals' messages go until there are channels for them: one line each in the log."""

import logging

from portal.outbox.registry import Envelope, handles

log = logging.getLogger("approvals")
TOPICS = ("granted", "rejected", "expired", "withdrawn", "fallen", "unsatisfiable", "break_glass")


def _log(envelope: Envelope) -> None:
    log.warning(envelope.topic, extra={"key": envelope.key, "attempt": envelope.attempt, **envelope.payload})


for _topic in TOPICS:
    handles(f"approval.{_topic}")(_log)
