"""Why somebody did something: asked for wherever it stands in the audit trail."""

from portal.errors import Invalid


def given(reason: str) -> str:
    """The reason without the space around it.

    Raises:
        Invalid: there is none.
    """
    if not reason.strip():
        raise Invalid("reason_missing", "Say why, in a few words; it stands in the audit trail.")
    return reason.strip()
