"""The few errors the product raises, each with a machine code, a sentence for a person, and data.

The domain raises these and knows nothing of HTTP; :mod:`portal.problems` turns them into ``problem+json`` and
:mod:`portal.middleware` into a page.
"""

from typing import Any, ClassVar


class PortalError(Exception):
    """Something a caller did can't be done, and nothing was changed."""

    status: ClassVar[int] = 400
    title: ClassVar[str] = "That can't be done"
    # How it looks to a person.
    page: ClassVar[str] = "error.html"

    def __init__(self, code: str, message: str, **data: Any) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.data = data


class Invalid(PortalError):
    """The input is wrong; ``data`` says where."""

    status = 400
    title = "The input is not valid"


class Unauthorised(PortalError):
    """No credential, or one that doesn't count (any more)."""

    status = 401
    title = "Sign in, or send a valid token"


class Forbidden(PortalError):
    """A member of the tenant without the right."""

    status = 403
    title = "You don't have the right to do this"


class SecondFactorNeeded(Forbidden):
    """The right is there, and the session isn't strong enough for it."""

    title = "This needs a second factor"
    page = "account/second_factor_needed.html"

    def __init__(self, message: str) -> None:
        super().__init__("second_factor_needed", message)


class ProviderNeeded(Forbidden):
    """A member, in a tenant that is entered through its own sign-in alone. ``slug`` names the tenant."""

    title = "This tenant has a sign-in of its own"
    page = "account/provider_needed.html"


class NotFound(PortalError):
    """No such thing here. The same answer whether it exists elsewhere or not (TEN-1)."""

    status = 404
    title = "There is nothing here"

    def __init__(self, message: str = "There is nothing at this address for you.") -> None:
        super().__init__("not_found", message)


class Refused(PortalError):
    """A rule says no; the state is unchanged."""

    status = 409
    title = "A rule says no"


class Conflict(Refused):
    """Somebody else changed it first."""

    title = "Somebody changed this first"


class TooLarge(PortalError):
    status = 413
    title = "The body is too large"


class Unavailable(PortalError):
    """Try again in ``retry_after`` seconds."""

    status = 503
    title = "Not available just now"
