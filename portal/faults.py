"""Labelled points at which a test may kill this very process, to prove that the next tick carries on (ROLL-7).

``CAUSEWAY_FAULT=label`` or ``label@n`` (the n-th passage) sends SIGKILL to the process when it passes the point.
Unset, as it always is in service, a point costs one comparison.
"""

import os
import signal

_label, _, _nth = os.environ.get("CAUSEWAY_FAULT", "").partition("@")
_left = int(_nth or 1)


def point(label: str) -> None:
    """Die here if this process was told to."""
    global _left
    if label != _label:
        return
    _left -= 1
    if _left <= 0:
        os.kill(os.getpid(), signal.SIGKILL)
