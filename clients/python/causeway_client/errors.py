"""What can go wrong, in six kinds: each says whether asking again can help and what to do instead."""

from collections.abc import Mapping
from typing import Any


class CausewayError(Exception):
    """The portal did not admit this call: nothing may be sent to a model.

    ``status`` is that of the answer (None if there was none), ``code`` the portal's word for it, ``body`` its
    ``problem+json``, ``headers`` the ones to hand on to the caller. ``perhaps_held``: a question whose answer was lost
    may have taken budget all the same; the client gives it back by itself.
    """

    def __init__(
        self,
        detail: str,
        *,
        status: int | None = None,
        code: str = "",
        body: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        perhaps_held: bool = False,
    ) -> None:
        super().__init__(detail)
        self.perhaps_held = perhaps_held
        self.detail, self.status, self.code = detail, status, code
        self.body, self.headers = dict(body or {}), dict(headers or {})

    @property
    def request_id(self) -> str:
        return str(self.body.get("request_id") or "")

    @property
    def next(self) -> str:
        """What the person can do now."""
        return str(self.body.get("next") or "")

    @property
    def fallback(self) -> Mapping[str, Any]:
        return self.body.get("fallback") or {}


class BudgetRefused(CausewayError):
    """402: a monthly cap. Asking again before it resets never helps (COST-6)."""

    @property
    def budget(self) -> Mapping[str, Any]:
        return self.body.get("budget") or {}


class Runaway(CausewayError):
    """429 that must not be retried: the brake of this request or session (COST-10)."""


class Limited(CausewayError):
    """429: too much in this minute. ``retry_after`` seconds, if the portal said."""

    def __init__(self, detail: str, *, retry_after: float | None = None, **rest: Any) -> None:
        super().__init__(detail, **rest)
        self.retry_after = retry_after


class AdmissionsClosed(CausewayError):
    """403: this token has used more than it held; a person has to look and open it again (COST-4)."""


class Rejected(CausewayError):
    """The question was wrong (400, 401, 403, 404, 409): ``code`` says how. A mistake to mend, not to repeat."""


class Unavailable(CausewayError):
    """No answer, after all retries. Use the process that worked before the automation (COST-5)."""
