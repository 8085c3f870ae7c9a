"""Where incidents, pages and holds go until on-call takes them: one line each in the log, which people watch."""

import logging

from portal.outbox.registry import Envelope, handles

log = logging.getLogger("oncall")


def _log(envelope: Envelope) -> None:
    log.critical(envelope.topic, extra={"key": envelope.key, "attempt": envelope.attempt, **envelope.payload})


for _topic in ("incident.open", "oncall.page", "rollout.held", "authority.exceeded"):
    handles(_topic)(_log)
