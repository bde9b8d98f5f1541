"""The wire to another FHIR server: JSON in and out, its base URL hidden behind ours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlencode

import orjson
import requests

from smart_app.sandbox.fhir.interaction import Answer, Interaction
from smart_app.sandbox.fhir.outcome import FhirError, Json

__all__ = ["Wire", "instant_millis", "url_of"]

TIMEOUT = 30.0


@dataclass(slots=True)
class Wire:
    """One server and the session to it.

    Attributes:
        theirs: its base URL, without a slash at the end.
        ours: the base URL our clients know.
    """

    theirs: str
    ours: str
    session: requests.Session

    def send(self, method: str, path: str, headers: Mapping[str, str] | None = None, body: Any = None) -> Answer:
        """One request.

        Raises:
            FhirError: the server refuses, cannot be reached or does not answer FHIR.
        """
        kind = "application/json-patch+json" if method == "PATCH" else "application/fhir+json"
        sent = {"Accept": "application/fhir+json", "Content-Type": kind, **(headers or {})}
        data = None if body is None else self._translated(orjson.dumps(body), self.ours, self.theirs)
        try:
            reply = self.session.request(
                method,
                f"{self.theirs}/{path}" if path else self.theirs,
                data=data,
                headers=sent,
                timeout=TIMEOUT,
                allow_redirects=False,
            )
        except requests.RequestException:
            raise FhirError(502, "transient", "The FHIR server behind this one cannot be reached.") from None
        content = self._json(reply)
        if reply.status_code >= 300 and reply.status_code != 304:
            raise _refusal(reply, content)
        return Answer(
            status=reply.status_code,
            body=content,
            etag=reply.headers.get("ETag", "").removeprefix("W/").strip('"'),
            location=self._place(reply.headers.get("Location", "")),
            last_modified=_http_millis(reply.headers.get("Last-Modified", "")),
        )

    def form(self, kind: str, params: Sequence[tuple[str, str]]) -> Json:
        """A search by POST, so that criteria stay out of the other server's access log."""
        try:
            reply = self.session.post(
                f"{self.theirs}/{kind}/_search",
                data=urlencode([(name, value.removeprefix(f"{self.ours}/")) for name, value in params]),
                headers={"Accept": "application/fhir+json", "Content-Type": "application/x-www-form-urlencoded"},
                timeout=TIMEOUT,
                allow_redirects=False,
            )
        except requests.RequestException:
            raise FhirError(502, "transient", "The FHIR server behind this one cannot be reached.") from None
        if reply.status_code in (404, 405, 415, 501):  # a server without _search by POST
            return self.send("GET", f"{kind}?{urlencode(params)}").body or {}
        content = self._json(reply)
        if reply.status_code >= 300 or content is None:
            raise _refusal(reply, content)
        return content

    def _json(self, reply: requests.Response) -> Json | None:
        if not reply.content:
            return None
        try:
            found: Json = orjson.loads(self._translated(reply.content, self.theirs, self.ours))
        except orjson.JSONDecodeError:
            raise FhirError(502, "exception", "The FHIR server behind this one does not answer JSON.") from None
        return found

    def _place(self, location: str) -> str:
        return location.removeprefix(f"{self.theirs}/").removeprefix(f"{self.ours}/") if location else ""

    @staticmethod
    def _translated(content: bytes, old: str, new: str) -> bytes:
        for end in ("/", "?", '"'):
            content = content.replace(f"{old}{end}".encode(), f"{new}{end}".encode())
        return content


def url_of(interaction: Interaction) -> str:
    """The relative URL of an interaction."""
    parts = [interaction.type, interaction.id]
    if interaction.operation == "_history":
        parts.append("_history")
    if interaction.version:
        parts += ["_history", interaction.version]
    query = f"?{urlencode(interaction.params)}" if interaction.params else ""
    return "/".join(part for part in parts if part) + query


def instant_millis(instant: object) -> int:
    """Milliseconds of a FHIR instant; 0 when it is none."""
    try:
        return int(datetime.fromisoformat(str(instant)).timestamp() * 1000)
    except ValueError:
        return 0


def _http_millis(text: str) -> int:
    try:
        return int(parsedate_to_datetime(text).timestamp() * 1000)
    except ValueError:
        return 0


def _refusal(reply: requests.Response, content: Json | None) -> FhirError:
    issues = content.get("issue") if content and content.get("resourceType") == "OperationOutcome" else None
    issue = issues[0] if isinstance(issues, list) and issues and isinstance(issues[0], dict) else {}
    status = reply.status_code if reply.status_code >= 400 else 502
    diagnostics = str(issue.get("diagnostics") or "The FHIR server behind this one refuses.")
    return FhirError(status, str(issue.get("code", "processing")), diagnostics)
