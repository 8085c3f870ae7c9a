"""Where the gates' messages go until there are channels for them: one line each in the log."""

import logging

from portal.outbox.registry import Envelope, handles

log = logging.getLogger("gates")


def _log(envelope: Envelope) -> None:
    log.warning(envelope.topic, extra={"key": envelope.key, "attempt": envelope.attempt, **envelope.payload})


for _topic in ("evidence.expiring", "evidence.stale"):
    handles(_topic)(_log)
