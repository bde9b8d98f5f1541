"""What an EHR may answer: resources, errors with an OperationOutcome, HTML, or half a JSON.

Every failure becomes one error of the tree in ``fhir_plugin.errors``. Of an OperationOutcome only the codes are kept:
its texts may quote the record.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from fhir_plugin.ehr.retry import parse_retry_after
from fhir_plugin.errors import (
    EhrBusy,
    EhrConflict,
    EhrError,
    EhrFailed,
    EhrForbidden,
    EhrNotFound,
    EhrProtocolError,
    EhrRejected,
    EhrUnauthorized,
)
from fhir_plugin.wire import loads

__all__ = ["Answer", "Written", "error_of", "etag_version", "parse_body"]

_CODE = re.compile(r"[a-z][a-z-]{1,40}")
_ETAG = re.compile(r'(?:W/)?"([^"]*)"')
_LOCATION = re.compile(r"(?:^|/)([A-Z][A-Za-z]+)/([A-Za-z0-9.-]{1,64})(?:/_history/([A-Za-z0-9.-]{1,64}))?/?$")

_BY_STATUS: dict[int, tuple[type[EhrError], str, str]] = {
    401: (EhrUnauthorized, "The EHR does not accept the access token, or wants one.", "Sign in (again)."),
    403: (EhrForbidden, "The EHR does not allow this.", "Ask the EHR's manager for the scopes this needs."),
    404: (EhrNotFound, "The EHR does not know this.", "Check the base URL and the reference."),
    409: (EhrConflict, "The record was changed in the meantime.", "Read it again and redo the change."),
    410: (EhrNotFound, "The EHR no longer holds this.", "It was removed there; read the record again."),
    412: (EhrConflict, "The record was changed in the meantime.", "Read it again and redo the change."),
    429: (EhrBusy, "The EHR asks to slow down.", "Try again later."),
    503: (EhrBusy, "The EHR is not available for a moment.", "Try again later."),
}
_REJECTED = (EhrRejected, "The EHR does not accept what was sent.", "See the issue codes; `steunfiguren conformance`.")
_FAILED = (EhrFailed, "The EHR failed.", "Try again later; report it to the EHR's manager if it stays.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A write the EHR acknowledged.

    Attributes:
        type: resource type.
        id: logical id the EHR gave or kept.
        version: versionId, empty where the EHR does not tell.
        status: HTTP status; 200 on a conditional create means that it existed already.
        body: the resource as stored, where the EHR returned it.
    """

    type: str
    id: str
    version: str
    status: int
    body: dict[str, Any] | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The answer to one entry of a batch: a value, also when it failed.

    Attributes:
        location: as given; relative or absolute.
        etag: as given.
    """

    status: int
    body: dict[str, Any] | None = field(default=None, repr=False)
    location: str = field(default="", repr=False)
    etag: str = ""

    @property
    def ok(self) -> bool:
        """Whether the entry succeeded."""
        return 200 <= self.status < 300

    def raise_for_status(self, where: str) -> None:
        """Raise the error of the tree that belongs to a failed answer.

        Raises:
            EhrError: the entry failed.
        """
        if not self.ok:
            raise error_of(self.status, self.body, {}, where)

    def written(self, where: str, path: str = "") -> Written:
        """The answer to a write.

        Args:
            where: what an error calls the request.
            path: ``Type`` or ``Type/id`` that was written to: what the answer must be about, and need not repeat.

        Raises:
            EhrError: it failed, does not say what was written, or says that it was something else.
        """
        self.raise_for_status(where)
        body = self.body if self.body and self.body.get("resourceType") != "OperationOutcome" else None
        found = _LOCATION.search((self.location or path).split("?")[0])
        type_, id_, version = found.groups() if found else ("", "", "")
        if body:
            meta = body.get("meta")
            version = version or (str(meta.get("versionId", "")) if isinstance(meta, dict) else "")
            type_, id_ = str(body.get("resourceType", type_)), str(body.get("id", id_))
        if not (type_ and id_):
            raise EhrProtocolError(
                "The EHR accepted a write without saying what it wrote.",
                where=where,
                status=self.status,
                remedy="It must answer with a Location or with the resource.",
            )
        if path and path not in (type_, f"{type_}/{id_}"):
            raise EhrProtocolError(
                "The EHR says it wrote something else than was sent.", where=where, remedy="Read the record again."
            )
        version = etag_version(self.etag) or version or ""
        return Written(type=type_, id=id_, version=version, status=self.status, body=body)


def etag_version(etag: str | None) -> str:
    """The versionId in an ETag (``W/"3"`` → ``3``; https://hl7.org/fhir/R4/http.html#versioning), or empty."""
    found = _ETAG.fullmatch((etag or "").strip())
    return found.group(1) if found else ""


def parse_body(raw: bytes, content_type: str, where: str, status: int) -> dict[str, Any] | None:
    """The JSON object of an answer; None for an empty one.

    Raises:
        EhrProtocolError: HTML, XML, half a JSON, or JSON that is not an object.
    """
    if not raw.strip():
        return None
    try:
        body = loads(raw)
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise EhrProtocolError(
            f"The EHR answered with {_kind_of(raw, content_type)} (HTTP {status}).",
            where=where,
            status=status,
            remedy="Check that the base URL is that of the FHIR endpoint, without a proxy or login page in between.",
        )
    return body


def _kind_of(raw: bytes, content_type: str) -> str:
    start = raw.lstrip()[:1]
    if "html" in content_type.lower() or start == b"<":
        return "HTML or XML"
    return "a JSON that is cut off or broken" if start == b"{" else "something that is not a FHIR resource"


def error_of(status: int, body: dict[str, Any] | None, headers: Mapping[str, str], where: str) -> EhrError:
    """The error of the tree that belongs to a failed answer."""
    kind, message, remedy = _BY_STATUS.get(status) or (_REJECTED if 400 <= status < 500 else _FAILED)
    codes = _issue_codes(body)
    named = f" ({', '.join(codes)})" if codes else ""
    error = kind(f"{message} HTTP {status}{named}.", where=where, remedy=remedy, status=status, issue_codes=codes)
    if isinstance(error, EhrBusy):
        error.retry_after = parse_retry_after(headers.get("Retry-After"))
    return error


def _issue_codes(body: dict[str, Any] | None) -> tuple[str, ...]:
    issues = body.get("issue") if body and body.get("resourceType") == "OperationOutcome" else None
    codes = [item.get("code") for item in issues if isinstance(item, dict)] if isinstance(issues, list) else []
    return tuple(dict.fromkeys(code for code in codes if isinstance(code, str) and _CODE.fullmatch(code)))
