"""A FHIR REST client (https://hl7.org/fhir/R4/http.html): small, exact about errors, careful about writes.

A write that got no answer may have happened: ``EhrUnreachable`` says so, and nothing here sends it again. A search on
something that names a person goes as POST ``_search``, so that it stands in no URL and in no access log.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

import requests

from fhir_plugin.ehr.answers import Answer, Written
from fhir_plugin.ehr.capabilities import Capabilities
from fhir_plugin.ehr.dialect import R4, Dialect
from fhir_plugin.ehr.entries import Entry, bundle_of, if_match_header, read_answers
from fhir_plugin.ehr.retry import Limit, Retry
from fhir_plugin.ehr.searchset import Params, follow, pairs_of
from fhir_plugin.ehr.transport import RawAnswer, Request, TokenSource, Transport
from fhir_plugin.ehr.urls import segment
from fhir_plugin.errors import EhrError, EhrNotFound, EhrProtocolError, EhrRejected
from fhir_plugin.wire import FHIR_JSON, JSON_PATCH

__all__ = ["FhirClient"]

_UNSUPPORTED = frozenset({404, 405, 415, 501})
_RETURN: Mapping[str, str] = {"Prefer": "return=representation"}
_MINIMAL: Mapping[str, str] = {"Prefer": "return=minimal"}
_PARALLEL = 4


class FhirClient:
    """Talks to one FHIR server.

    Args:
        base_url: FHIR endpoint.
        session: a requests session to share or to stub; a pooled one by default.
        token: called with False for the current access token, with True (once, after a 401) for a fresh one.
        timeout: seconds to connect, and between bytes of the answer.
        retry: policy for safe requests; a POST is never sent again after a failure.
        rate: requests per second to this EHR, shared between clients.
        max_bytes: largest answer that is read.

    Raises:
        UsageError: the base URL is not an http(s) URL.
    """

    def __init__(
        self,
        base_url: str,
        *,
        session: requests.Session | None = None,
        token: TokenSource | None = None,
        timeout: tuple[float, float] = (5.0, 60.0),
        retry: Retry | None = None,
        rate: Limit | None = None,
        max_bytes: int = 64 * 1024 * 1024,
    ) -> None:
        self._transport = Transport(
            base_url, session=session, token=token, timeout=timeout, retry=retry, rate=rate, max_bytes=max_bytes
        )
        self._capabilities: Capabilities | None = None
        self._has_batch = True
        self._dialect = R4

    def speaking(self, dialect: Dialect) -> FhirClient:
        """A client of the same EHR to which resources are R4, and on the wire another version of FHIR."""
        other = copy.copy(self)
        other._dialect = dialect
        return other

    def stored(self, resource: dict[str, Any]) -> dict[str, Any]:
        """A resource as this EHR holds it, for a JSON Patch.

        Raises:
            EhrRejected: its version of FHIR cannot say it.
        """
        return self._dialect.down(resource)

    @property
    def base_url(self) -> str:
        """The FHIR endpoint, without a slash at the end."""
        return self._transport.base_url

    @property
    def transport(self) -> Transport:
        """What it sends by, for exchanges that are no RESTful interaction (Bulk Data export)."""
        return self._transport

    def capabilities(self) -> Capabilities:
        """What the EHR says it can do; asked once.

        Raises:
            EhrError: no CapabilityStatement to be had.
        """
        if self._capabilities is None:
            self._capabilities = Capabilities.parse(self._metadata() or {})
        return self._capabilities

    def _metadata(self) -> dict[str, Any] | None:
        """The first thing asked of an EHR: what is wrong with its address shows here, so the address is told."""
        where = f"GET {self.base_url}/metadata"
        try:
            return self._get("metadata", where)
        except EhrNotFound as error:
            raise EhrNotFound(
                "There is no FHIR endpoint at this address.",
                code="ehr-no-endpoint",
                where=where,
                status=error.status,
                remedy="Give the base URL of the FHIR endpoint, the part before /metadata; often it ends in /fhir.",
            ) from None

    def read(self, resource_type: str, resource_id: str, *, version: str | None = None) -> dict[str, Any]:
        """The current resource, or one earlier version of it (vread).

        Raises:
            EhrNotFound: unknown, or removed.
            EhrProtocolError: another resource than was asked for.
        """
        path, where = f"{resource_type}/{segment(resource_id)}", f"GET {resource_type}"
        if version is not None:
            path, where = f"{path}/_history/{segment(version)}", f"{where}/_history"
        body = self._get(path, where) or {}
        if body.get("resourceType") != resource_type or body.get("id") != resource_id:
            raise EhrProtocolError(
                "The EHR answered with another resource than was asked for.",
                where=where,
                remedy="Do not use what it gave; report this to the EHR's manager.",
            )
        return self._dialect.up(body)

    def search(self, resource_type: str, params: Params, *, private: bool = False) -> Iterator[dict[str, Any]]:
        """All matches and includes, page by page as the EHR gives them.

        Args:
            resource_type: what to search.
            params: search parameters.
            private: send the parameters in the body (POST ``_search``): for everything that names a person.

        Raises:
            EhrProtocolError: a page that is no searchset, a ``next`` to another origin, or pages in a circle.
        """
        pairs, where = pairs_of(params), f"search {resource_type}"
        if private:
            path = f"{resource_type}/_search"
            request = Request(method="POST", target=path, where=where, form=pairs, safe=True)
            first = self._transport.send(request).body
        else:
            first = self._get(f"{resource_type}?{urlencode(pairs)}" if pairs else resource_type, where)
        yield from self.pages(first, where)

    def pages(self, first: dict[str, Any] | None, where: str = "search") -> Iterator[dict[str, Any]]:
        """The resources of a searchset that was already read (in a batch), and of the pages after it."""
        yield from map(self._dialect.up, follow(first, lambda link: self._get(link, where), where))

    def create(self, resource: dict[str, Any], *, if_none_exist: str | None = None) -> Written:
        """Create; with ``if_none_exist`` only when that search finds nothing (status 200: it existed).

        Raises:
            EhrConflict: the condition met more than one resource.
            EhrUnreachable: no answer; it may have been created. Look it up by identifier before anything else.
        """
        return self._write(Entry.post(resource, if_none_exist=if_none_exist))

    def update(self, resource: dict[str, Any], *, if_match: str | None = None) -> Written:
        """Replace a resource; with ``if_match`` only when that version is still current.

        Raises:
            EhrConflict: somebody else changed it first.
            EhrUnreachable: no answer; read it again before anything else.
        """
        segment(str(resource.get("id", "")))
        return self._write(Entry.put(resource, if_match=if_match))

    def patch(
        self, resource_type: str, resource_id: str, operations: list[dict[str, Any]], *, if_match: str | None = None
    ) -> Written:
        """Change parts of a resource by JSON Patch (RFC 6902).

        Raises:
            EhrConflict: another version, or a ``test`` that fails.
        """
        path, where = f"{resource_type}/{segment(resource_id)}", f"PATCH {resource_type}"
        headers = dict(_RETURN) | ({} if if_match is None else {"If-Match": if_match_header(if_match)})
        request = Request(
            method="PATCH", target=path, where=where, headers=headers, json=operations, content_type=JSON_PATCH
        )
        return _answer(self._transport.send(request)).written(where, path)

    def batch(self, entries: Sequence[Entry]) -> list[Answer]:
        """Independent requests in one round trip; a failed one is an answer with its status, not an error.

        An EHR without batch gets them one by one, reads in parallel.

        Raises:
            EhrError: the batch as a whole failed.
        """
        if not entries:
            return []
        reading = all(entry.method == "GET" for entry in entries)
        if self._has_batch:
            try:
                return self._bundle("batch", entries, safe=reading)
            except EhrError as error:
                if not _says_unsupported(error, reading=reading):
                    raise
                self._has_batch = error.status not in _UNSUPPORTED
        if reading:
            with ThreadPoolExecutor(max_workers=_PARALLEL) as pool:
                return list(pool.map(self._single, entries))
        return [self._single(entry) for entry in entries]

    def transaction(self, entries: Sequence[Entry], *, bodies: bool = True) -> list[Written]:
        """All writes or none, in one round trip.

        Args:
            entries: the writes.
            bodies: whether to ask for the resources as stored; who reads them back has no use for them.

        Raises:
            EhrConflict: somebody else changed one of them first; nothing was written.
            EhrRejected: code ``transaction-unsupported`` when the EHR has no transactions.
            EhrProtocolError: the EHR did one part and not another (code ``transaction-not-atomic``).
            EhrUnreachable: no answer; look up what was written before anything else.
        """
        if not entries:
            return []
        try:
            answers = self._bundle("transaction", entries, safe=False, prefer=_RETURN if bodies else _MINIMAL)
        except EhrProtocolError:
            raise
        except EhrError as error:
            if error.status not in _UNSUPPORTED:
                raise
            raise EhrRejected(
                "The EHR has no transactions.",
                code="transaction-unsupported",
                where="POST Bundle (transaction)",
                status=error.status,
                remedy="Write the parts in order, each with its own check.",
            ) from error
        failed = next((answer for answer in answers if not answer.ok), None)
        if failed is not None:
            raise EhrProtocolError(
                f"The EHR answered a transaction as if it were a batch (an entry has HTTP {failed.status}).",
                code="transaction-not-atomic",
                where="POST Bundle (transaction)",
                status=failed.status,
                remedy="Read the record again to see what was written; run `steunfiguren conformance`.",
            )
        return [answer.written(entry.where, entry.url) for answer, entry in zip(answers, entries, strict=True)]

    def _get(self, target: str, where: str) -> dict[str, Any] | None:
        return self._transport.send(Request(method="GET", target=target, where=where, safe=True)).body

    def _bundle(
        self, kind: str, entries: Sequence[Entry], *, safe: bool, prefer: Mapping[str, str] = _RETURN
    ) -> list[Answer]:
        where = f"POST Bundle ({kind})"
        bundle = bundle_of(kind, [self._as_stored(entry) for entry in entries])
        request = Request(method="POST", target="", where=where, headers=prefer, json=bundle, safe=safe)
        return read_answers(self._transport.send(request).body, kind, len(entries))

    def _as_stored(self, entry: Entry) -> Entry:
        if self._dialect is R4 or entry.resource is None:
            return entry
        return replace(entry, resource=self._dialect.down(entry.resource))

    def _send(self, entry: Entry) -> RawAnswer:
        entry = self._as_stored(entry)
        reading = entry.method == "GET"
        headers = {} if reading else dict(_RETURN)
        if entry.if_match is not None:
            headers["If-Match"] = if_match_header(entry.if_match)
        if entry.if_none_exist is not None:
            headers["If-None-Exist"] = entry.if_none_exist
        request = Request(
            method=entry.method,
            target=entry.url,
            where=entry.where,
            headers=headers,
            json=entry.resource,
            content_type=FHIR_JSON if entry.method != "PATCH" else JSON_PATCH,
            safe=reading,
        )
        return self._transport.send(request)

    def _single(self, entry: Entry) -> Answer:
        try:
            return _answer(self._send(entry))
        except EhrError as error:
            if not error.status or isinstance(error, EhrProtocolError):
                raise
            return Answer(status=error.status)

    def _write(self, entry: Entry) -> Written:
        return _answer(self._send(entry)).written(entry.where, entry.url)


def _says_unsupported(error: EhrError, *, reading: bool) -> bool:
    """Whether a failed batch means that there is no batch; for reads any refusal is worth a try one by one."""
    if isinstance(error, EhrProtocolError):
        return False
    return error.status in _UNSUPPORTED or (reading and error.status in (400, 403, 422))


def _answer(answer: RawAnswer) -> Answer:
    location, etag = (answer.headers.get(name, "") for name in ("Location", "ETag"))
    return Answer(status=answer.status, body=answer.body, location=location, etag=etag)
