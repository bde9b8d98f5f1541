"""Why the store does not give a state or a launch: the messages behind the codes of the error pages."""

from __future__ import annotations

from fhir_plugin.errors import LaunchStateError, SessionExpired

__all__ = ["expired", "state_error"]


def state_error(kind: str) -> LaunchStateError:
    """A state that may not be used: ``unknown``, ``browser``, ``used`` or ``expired``."""
    messages = {
        "unknown": "This answer of the EHR belongs to no launch that we started.",
        "browser": "This launch was started in another browser.",
        "used": "This launch has been completed already.",
        "expired": "This launch took too long.",
    }
    return LaunchStateError(messages[kind], code=f"launch-state-{kind}", remedy="Open the app again from the record.")


def expired(kind: str) -> SessionExpired:
    """A launch that is over for this browser: ``missing``, ``timeout`` or ``unreadable``."""
    messages = {
        "missing": "This page belongs to no launch of this browser.",
        "unreadable": "This launch was made by another version of the app.",
        "timeout": "This launch has ended because its time was over.",
    }
    return SessionExpired(messages[kind], code=f"session-{kind}", remedy="Open the app again from the record.")
