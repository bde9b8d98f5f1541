"""Everything a server holds of some types, by FHIR Bulk Data Access 2.0 (https://hl7.org/fhir/uv/bulkdata/export.html).

Kick-off, polling at the pace the server asks for, NDJSON files read line by line, and the export taken away at the end,
also when reading it broke off. Files come from the server's own origin only: a token goes nowhere else.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from fhir_plugin.ehr.retry import parse_retry_after
from fhir_plugin.ehr.transport import RawAnswer, Request, Transport
from fhir_plugin.errors import EhrBusy, EhrError, EhrFailed, EhrProtocolError
from fhir_plugin.wire import loads

__all__ = ["BulkExport"]

_NDJSON = "application/fhir+ndjson"
_PAUSE = 2.0
_LONGEST_PAUSE = 300.0
_SERIOUS = ("error", "fatal")
_BY_SEARCH = "Where its Bulk Data export does not work, leave out --source-bulk to read it by search."


@dataclass(frozen=True, slots=True, kw_only=True)
class BulkExport:
    """One system-level export.

    Attributes:
        transport: to the server.
        types: resource types to export.
        patience: seconds to wait for the files before giving up.
        sleep: waits a number of seconds.
        clock: seconds of a monotonic clock.
    """

    transport: Transport
    types: tuple[str, ...]
    patience: float = 3600.0
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic

    def resources(self) -> Iterator[dict[str, Any]]:
        """The resources of every file, in the order the server lists them.

        Raises:
            EhrBusy: the files were not ready within ``patience``.
            EhrFailed: the server says that the export is incomplete.
            EhrProtocolError: an answer that is not of the protocol, or a link to another server.
            EhrError: any other failure; nothing read so far may be taken as complete.
        """
        job = self._kick_off()
        try:
            manifest = self._wait(job)
            authorised = manifest.get("requiresAccessToken") is not False
            for url in _urls(manifest, "error"):
                self._refuse_errors(url, authorised=authorised)
            for url in _urls(manifest, "output"):
                yield from self._file(url, authorised=authorised)
        finally:
            self._discard(job)

    def _kick_off(self) -> str:
        where = "GET $export"
        answer = self.transport.send(
            Request(
                method="GET",
                target=f"$export?_type={','.join(self.types)}&_outputFormat={_NDJSON.replace('+', '%2B')}",
                where=where,
                headers={"Prefer": "respond-async"},
            )
        )
        job = answer.headers.get("Content-Location", "")
        if answer.status != 202 or not job:
            raise EhrProtocolError(
                f"The server did not begin an export (HTTP {answer.status}).",
                where=where,
                status=answer.status,
                remedy=_BY_SEARCH,
            )
        return job

    def _wait(self, job: str) -> dict[str, Any]:
        where, until, pause = "GET export status", self.clock() + self.patience, _PAUSE
        while True:
            answer = self.transport.send(Request(method="GET", target=job, where=where, safe=True))
            if answer.status == 200 and answer.body is not None:
                return answer.body
            if answer.status != 202:
                raise EhrProtocolError(
                    "The export has no list of files.", where=where, status=answer.status, remedy=_BY_SEARCH
                )
            pause = _asked(answer, pause)
            if self.clock() + pause > until:
                raise EhrBusy(
                    "The server is still busy with the export.",
                    where=where,
                    remedy=f"Try again later. {_BY_SEARCH}",
                )
            self.sleep(pause)

    def _file(self, url: str, *, authorised: bool) -> Iterator[dict[str, Any]]:
        where = "GET export file"
        request = Request(method="GET", target=url, where=where, headers={"Accept": _NDJSON}, anonymous=not authorised)
        for number, line in enumerate(self.transport.lines(request), start=1):
            if not line.strip():
                continue
            try:
                body = loads(line)
            except ValueError:
                body = None
            if not isinstance(body, dict):
                raise EhrProtocolError(
                    f"Line {number} of an export file is no resource.", where=where, remedy=_BY_SEARCH
                )
            yield body

    def _refuse_errors(self, url: str, *, authorised: bool) -> None:
        for outcome in self._file(url, authorised=authorised):
            issues = outcome.get("issue")
            for issue in issues if isinstance(issues, list) else []:
                if isinstance(issue, dict) and issue.get("severity") in _SERIOUS:
                    raise EhrFailed(
                        "The server says that its export is incomplete.",
                        where="GET export file",
                        remedy=f"Try again later. {_BY_SEARCH}",
                    )

    def _discard(self, job: str) -> None:
        """Tell the server that the files may go; what it says to that changes nothing."""
        try:
            self.transport.send(Request(method="DELETE", target=job, where="DELETE export"))
        except EhrError:
            return


def _asked(answer: RawAnswer, pause: float) -> float:
    """Seconds until the next question: what the server asks, else a little longer each time."""
    asked = parse_retry_after(answer.headers.get("Retry-After"))
    return min(_LONGEST_PAUSE, asked if asked is not None else pause * 1.5)


def _urls(manifest: dict[str, Any], part: str) -> list[str]:
    files = manifest.get(part, [])
    if not isinstance(files, list) or not all(isinstance(file, dict) and file.get("url") for file in files):
        raise EhrProtocolError("The list of export files cannot be read.", where="GET export status", remedy=_BY_SEARCH)
    return [str(file["url"]) for file in files]
