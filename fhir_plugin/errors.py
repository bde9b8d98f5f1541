"""One tree of errors; every one says what is wrong, where, and what to do about it.

::

    SteunfigurenError
    ├── UsageError            the caller asked for something that does not exist (exit 2)
    ├── InputError            a file or text that cannot be read at all (exit 2)
    ├── MappingError          a model that cannot be expressed in FHIR
    ├── PackageError          a FHIR package or definition that cannot be used (exit 2)
    ├── PermitRequired        data would leave without a decision that permits it (exit 3)
    ├── EhrError              the EHR's side of a conversation failed (exit 3)
    │   ├── EhrUnreachable        no answer: refused, timed out, TLS
    │   ├── EhrUnauthorized       401: the token no longer works
    │   ├── EhrForbidden          403: the token works, but not for this
    │   ├── EhrNotFound           404 or 410
    │   ├── EhrConflict           409 or 412: somebody else changed it first
    │   ├── EhrRejected           any other 4xx: the EHR does not accept what we sent
    │   ├── EhrBusy               429 or 503; may carry ``retry_after`` in seconds
    │   ├── EhrFailed             any other 5xx
    │   └── EhrProtocolError      an answer that is not FHIR (HTML, cut off, the wrong resource)
    ├── LaunchError           a SMART launch that must not go on
    │   ├── UnknownIssuer
    │   ├── LaunchStateError      state missing, unknown, used, expired or of another browser
    │   ├── AuthorizationDenied   the EHR's authorization server said no
    │   ├── TokenInvalid          a token or id_token that fails verification
    │   └── SessionExpired        the launch is over: open the app again from the record
    └── StoreError            our own store cannot be read or written

Messages are for people and hold nothing personal: no name, no identifier, no token. What was being handled is named
by position (row, path, resource type), never by content.
"""

from __future__ import annotations

__all__ = [
    "AuthorizationDenied",
    "EhrBusy",
    "EhrConflict",
    "EhrError",
    "EhrFailed",
    "EhrForbidden",
    "EhrNotFound",
    "EhrProtocolError",
    "EhrRejected",
    "EhrUnauthorized",
    "EhrUnreachable",
    "InputError",
    "LaunchError",
    "LaunchStateError",
    "MappingError",
    "PackageError",
    "PermitRequired",
    "SessionExpired",
    "SteunfigurenError",
    "StoreError",
    "TokenInvalid",
    "UnknownIssuer",
    "UsageError",
]


class SteunfigurenError(Exception):
    """Root of the tree.

    Args:
        message: what is wrong, in one sentence without personal data.
        code: stable kebab-case name of the situation, for programs and for the translated texts of the app.
        where: position of the problem (file:line, FHIRPath, request line); empty where there is none.
        remedy: what the reader can do; every raise gives one.
    """

    default_code = "error"
    exit_code = 3

    def __init__(self, message: str, *, code: str | None = None, where: str = "", remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.code = code or self.default_code
        self.where = where
        self.remedy = remedy

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where else ""
        advice = f" {self.remedy}" if self.remedy else ""
        return f"{place}{self.message}{advice}"


class UsageError(SteunfigurenError):
    """The caller asked for something that does not exist."""

    default_code = "usage"
    exit_code = 2


class InputError(SteunfigurenError):
    """A file or text that cannot be read at all."""

    default_code = "input"
    exit_code = 2


class MappingError(SteunfigurenError):
    """A model that cannot be expressed in FHIR."""

    default_code = "mapping"


class PackageError(SteunfigurenError):
    """A FHIR package or definition that cannot be used."""

    default_code = "package"
    exit_code = 2


class PermitRequired(SteunfigurenError):
    """Data about a child would leave without a decision that permits it."""

    default_code = "permit-required"


class EhrError(SteunfigurenError):
    """The EHR's side of a conversation failed.

    Attributes:
        status: HTTP status of the answer, or 0 where there was none.
        issue_codes: codes of the EHR's OperationOutcome (never its texts: those may hold personal data).
    """

    default_code = "ehr"

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        where: str = "",
        remedy: str = "",
        status: int = 0,
        issue_codes: tuple[str, ...] = (),
    ) -> None:
        super().__init__(message, code=code, where=where, remedy=remedy)
        self.status = status
        self.issue_codes = issue_codes


class EhrUnreachable(EhrError):
    """No answer: refused, timed out or TLS. A write may or may not have happened."""

    default_code = "ehr-unreachable"


class EhrUnauthorized(EhrError):
    """401: the token no longer works."""

    default_code = "ehr-unauthorized"


class EhrForbidden(EhrError):
    """403: the token works, but not for this."""

    default_code = "ehr-forbidden"


class EhrNotFound(EhrError):
    """404 or 410."""

    default_code = "ehr-not-found"


class EhrConflict(EhrError):
    """409 or 412: somebody else changed it first, or a condition met more than one resource."""

    default_code = "ehr-conflict"


class EhrRejected(EhrError):
    """Any other 4xx: the EHR does not accept what was sent."""

    default_code = "ehr-rejected"


class EhrBusy(EhrError):
    """429 or 503.

    Attributes:
        retry_after: seconds the EHR asks to wait, or None where it does not say.
    """

    default_code = "ehr-busy"
    retry_after: float | None = None


class EhrFailed(EhrError):
    """Any other 5xx."""

    default_code = "ehr-failed"


class EhrProtocolError(EhrError):
    """An answer that is not FHIR: HTML, cut off, or not the resource that was asked for."""

    default_code = "ehr-protocol"


class LaunchError(SteunfigurenError):
    """A SMART launch that must not go on."""

    default_code = "launch"


class UnknownIssuer(LaunchError):
    """The ``iss`` of a launch is not on the allow-list."""

    default_code = "unknown-issuer"


class LaunchStateError(LaunchError):
    """The ``state`` of a callback is missing, unknown, used, expired or of another browser."""

    default_code = "launch-state"


class AuthorizationDenied(LaunchError):
    """The EHR's authorization server refused, or the user did."""

    default_code = "authorization-denied"


class TokenInvalid(LaunchError):
    """A token response or id_token that fails verification."""

    default_code = "token-invalid"


class SessionExpired(LaunchError):
    """The launch is over, or never belonged to this browser."""

    default_code = "session-expired"


class StoreError(SteunfigurenError):
    """Our own store cannot be read or written."""

    default_code = "store"
