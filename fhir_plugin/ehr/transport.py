"""One HTTP request to one EHR: token, retry, size, origin. Nothing of what goes by is logged but type and status."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter

from fhir_plugin.ehr.answers import error_of, parse_body
from fhir_plugin.ehr.bearer import Bearer
from fhir_plugin.ehr.retry import RETRY_STATUSES, Limit, Retry
from fhir_plugin.ehr.urls import joined, origin_of
from fhir_plugin.errors import EhrBusy, EhrError, EhrProtocolError, EhrUnreachable, UsageError
from fhir_plugin.wire import FHIR_JSON, dumps

__all__ = ["RawAnswer", "Request", "TokenSource", "Transport", "new_session"]

TokenSource = Callable[[bool], str | None]
"""Gives the access token; the argument asks for a fresh one. None: no token at all."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request.

    Attributes:
        target: path below the base URL, or an absolute link the EHR gave.
        where: what an error calls this request: method and resource type, never an id.
        json: body to send as JSON.
        form: body to send as a form (POST ``_search``).
        safe: asking twice does no harm. Only a safe request is repeated after a failure; 429 says that nothing was
            done, so anything may be repeated after it.
        anonymous: send no token (export files that say they need none).
    """

    method: str
    target: str = field(repr=False)
    where: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    json: Any = field(default=None, repr=False)
    form: tuple[tuple[str, str], ...] | None = field(default=None, repr=False)
    content_type: str = FHIR_JSON
    safe: bool = False
    anonymous: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RawAnswer:
    """An HTTP answer with its body parsed."""

    status: int
    body: dict[str, Any] | None = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)


def new_session(connections: int = 16) -> requests.Session:
    """A session with a pool of kept-alive connections."""
    session = requests.Session()
    adapter = HTTPAdapter(pool_connections=4, pool_maxsize=connections)
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    return session


class Transport:
    """Sends requests to one base URL, and to that origin only.

    Args:
        base_url: FHIR endpoint, ``https://…``.
        session: a requests session; its own pool when None.
        token: where the access token comes from.
        timeout: seconds to connect and to wait for data.
        retry: when to ask again.
        rate: shared limit, or None.
        max_bytes: largest answer that is read.
    """

    def __init__(
        self,
        base_url: str,
        *,
        session: requests.Session | None,
        token: TokenSource | None,
        timeout: tuple[float, float],
        retry: Retry | None,
        rate: Limit | None,
        max_bytes: int,
    ) -> None:
        origin = origin_of(base_url)
        if origin is None or urlsplit(base_url).username:
            raise UsageError(
                "The base URL of an EHR starts with https:// (or http://) and holds no user name.",
                code="ehr-base-url",
                remedy="Write it in full, such as https://epd.example.nl/fhir.",
            )
        self.base_url = base_url.rstrip("/")
        self._origin = origin
        self._session = session or new_session()
        self._token = token
        self._timeout = timeout
        self._retry = retry or Retry()
        self._rate = rate
        self._max_bytes = max_bytes

    def url(self, target: str) -> str:
        """The absolute URL of a path below the base, or of a link the EHR gave.

        Raises:
            EhrProtocolError: the link leads to another origin; no token goes there.
        """
        absolute = joined(f"{self.base_url}/", target) if target else self.base_url
        if origin_of(absolute) != self._origin:
            raise EhrProtocolError(
                "The EHR's link leads to another server.",
                where="link next",
                remedy="The EHR must give links below its own base URL; a proxy may have rewritten them.",
            )
        return absolute

    def send(self, request: Request) -> RawAnswer:
        """Send one request and read its answer, again where that is allowed and may help.

        Raises:
            EhrError: every failure, as the fitting branch of the tree.
        """
        url = self.url(request.target)
        attempt = 0
        while True:
            attempt += 1
            try:
                return self._authorised(request, url)
            except EhrError as error:
                wait = self._wait(error, attempt, safe=request.safe)
                if wait is None:
                    raise
            self._retry.sleep(wait)

    def _wait(self, error: EhrError, attempt: int, *, safe: bool) -> float | None:
        transient = isinstance(error, EhrUnreachable) or error.status in RETRY_STATUSES
        if not ((transient and safe) or error.status == 429):
            return None
        return self._retry.wait(attempt, error.retry_after if isinstance(error, EhrBusy) else None)

    def _authorised(self, request: Request, url: str) -> RawAnswer:
        """Send with a token; after a 401 (nothing was done) once more with a fresh one."""
        answer = self._once(request, url, self._token(False) if self._token else None)
        if answer.status == 401 and self._token is not None and (fresh := self._token(True)) is not None:
            answer = self._once(request, url, fresh)
        if not 200 <= answer.status < 300:
            raise error_of(answer.status, answer.body, answer.headers, request.where)
        return answer

    def lines(self, request: Request) -> Iterator[bytes]:
        """The lines of a file the EHR gives, as they come in; nothing is asked again once the first has come.

        Raises:
            EhrError: it cannot be had, broke off, or has a line larger than ``max_bytes``.
        """
        url = self.url(request.target)
        token = self._token(False) if self._token and not request.anonymous else None
        for last in (False, True):
            with self._open(request, url, token) as response:
                if response.status_code == 401 and self._token is not None and token is not None and not last:
                    token = self._token(True)
                    continue
                if response.status_code != 200:
                    raise error_of(response.status_code, None, response.headers, request.where)
                yield from self._split(response, request.where)
                return

    def _split(self, response: requests.Response, where: str) -> Iterator[bytes]:
        kept = b""
        for chunk in response.iter_content(65536):
            *whole, kept = (kept + chunk).split(b"\n")
            yield from whole
            if len(kept) > self._max_bytes:
                raise EhrProtocolError("The EHR's file has a line that never ends.", where=where, remedy="Report this.")
        if kept:
            yield kept

    def _once(self, request: Request, url: str, token: str | None) -> RawAnswer:
        started = time.monotonic()
        where = request.where
        with self._open(request, url, token) as response:
            raw = self._read(response, where)
            status, held = response.status_code, response.headers
        log.debug("%s: HTTP %d in %.0f ms", where, status, (time.monotonic() - started) * 1000)
        return RawAnswer(status=status, body=_body(status, raw, held, where), headers=held)

    @contextmanager
    def _open(self, request: Request, url: str, token: str | None) -> Iterator[requests.Response]:
        """An answer that is still to be read; what breaks while it is read is an error of the tree too."""
        if self._rate is not None:
            self._rate.take()
        headers = {"Accept": FHIR_JSON, **request.headers}
        data: Any = request.form
        if request.json is not None:
            headers["Content-Type"] = request.content_type
            data = dumps(request.json)
        try:
            with self._session.request(
                request.method,
                url,
                data=data,
                headers=headers,
                auth=Bearer(token),
                timeout=self._timeout,
                allow_redirects=False,
                stream=True,
            ) as response:
                yield response
        except (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError):
            raise EhrUnreachable(
                "The EHR gave no (complete) answer.",
                where=request.where,
                remedy="Check the network, the address and the EHR's certificate.",
            ) from None
        except requests.RequestException as error:
            raise EhrProtocolError(
                f"The EHR's answer cannot be read ({type(error).__name__}).", where=request.where, remedy="Report this."
            ) from None

    def _read(self, response: requests.Response, where: str) -> bytes:
        chunks: list[bytes] = []
        size = 0
        for chunk in response.iter_content(65536):
            size += len(chunk)
            if size > self._max_bytes:
                raise EhrProtocolError(
                    f"The EHR's answer is larger than {self._max_bytes} bytes.",
                    where=where,
                    status=response.status_code,
                    remedy="Ask for smaller pages (_count).",
                )
            chunks.append(chunk)
        return b"".join(chunks)


def _body(status: int, raw: bytes, headers: Mapping[str, str], where: str) -> dict[str, Any] | None:
    if 300 <= status < 400 and status != 304:
        raise EhrProtocolError(
            f"The EHR sends us elsewhere (HTTP {status}).",
            where=where,
            status=status,
            remedy="Use the base URL it redirects to; a token is never taken to another address.",
        )
    try:
        return parse_body(raw, headers.get("Content-Type", ""), where, status)
    except EhrProtocolError:
        if status < 400:
            raise
        return None  # the status says enough; a proxy's error page adds nothing
