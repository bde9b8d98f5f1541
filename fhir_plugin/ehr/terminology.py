"""A terminology server over HTTP, for the validator (http://hl7.org/fhir/R4/valueset-operation-validate-code.html).

Questions hold a value set, a system and a code, never a text, and travel in the body of a POST, so that they are in
nobody's access log. A server that fails three times in a row is not asked again, nor is one after the time is up.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable
from typing import Any

import requests

from fhir_plugin.ehr.bearer import Bearer
from fhir_plugin.errors import UsageError

__all__ = ["HttpTerminologyServer"]

log = logging.getLogger(__name__)
Json = dict[str, Any]

_FHIR_JSON = "application/fhir+json"
_MAX_BYTES = 256 * 1024
_MAX_REMEMBERED = 50_000
_GIVES_UP_AFTER = 3


class HttpTerminologyServer:
    """``$validate-code`` of one server, remembered.

    Args:
        base_url: FHIR base, ``https://tx.example/fhir``.
        session: HTTP session; its own by default.
        timeout: seconds to connect, and between bytes of an answer.
        budget: seconds that all answers together may take.
        clock: seconds that only ever increase.

    Raises:
        UsageError: the address is no http(s) address.
    """

    def __init__(
        self,
        base_url: str,
        *,
        session: requests.Session | None = None,
        timeout: tuple[float, float] = (3.0, 5.0),
        budget: float = 120.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if not base_url.startswith(("https://", "http://")):
            raise UsageError(
                "This is no address of a terminology server.",
                where=base_url[:80],
                remedy="Give its FHIR base, such as https://tx.example/fhir.",
            )
        self._base = base_url.rstrip("/")
        self._session = session or requests.Session()
        self._timeout = timeout
        self._left = budget
        self._clock = clock
        self._failures = 0
        self._known: dict[tuple[str, str, str], bool | None] = {}
        self._lock = threading.Lock()

    def in_value_set(self, value_set: str, system: str, code: str) -> bool | None:
        """Whether a code is in a value set; None when that cannot be known."""
        url, _, version = value_set.partition("|")
        parts = [("url", "valueUri", url), ("code", "valueCode", code)]
        parts += [("valueSetVersion", "valueString", version)] if version else []
        if system:
            parts.append(("system", "valueUri", system))
        return self._remembered((value_set, system, code), "ValueSet", parts)

    def in_code_system(self, system: str, code: str) -> bool | None:
        """Whether a code exists in its system; None when that cannot be known."""
        parts = [("url", "valueUri", system), ("code", "valueCode", code)]
        return self._remembered(("", system, code), "CodeSystem", parts)

    def _remembered(self, key: tuple[str, str, str], kind: str, parts: list[tuple[str, str, str]]) -> bool | None:
        with self._lock:  # one question at a time: what others ask meanwhile is often the same
            if key not in self._known:
                if self._failures >= _GIVES_UP_AFTER or self._left <= 0:
                    return None
                answer = self._ask(kind, parts)
                if len(self._known) >= _MAX_REMEMBERED:
                    self._known.clear()
                self._known[key] = answer
            return self._known[key]

    def _ask(self, kind: str, parts: list[tuple[str, str, str]]) -> bool | None:
        body = {"resourceType": "Parameters", "parameter": [{"name": name, of: value} for name, of, value in parts]}
        started = self._clock()
        try:
            return self._answer(f"{self._base}/{kind}/$validate-code", body)
        except (requests.RequestException, ValueError) as error:
            self._failures += 1
            log.warning("The terminology server gave no answer (%s).", type(error).__name__)
            return None
        finally:
            self._left -= self._clock() - started

    def _answer(self, url: str, body: Json) -> bool | None:
        headers = {"Accept": _FHIR_JSON, "Content-Type": _FHIR_JSON}
        with self._session.post(
            url,
            data=json.dumps(body),
            headers=headers,
            auth=Bearer(),
            timeout=self._timeout,
            allow_redirects=False,
            stream=True,
        ) as response:
            if response.status_code >= 500 or response.status_code in (301, 302, 303, 307, 308, 401, 403, 429):
                raise requests.HTTPError(f"HTTP {response.status_code}")
            raw = response.raw.read(_MAX_BYTES + 1, decode_content=True)
            self._failures = 0
            if response.status_code >= 400 or len(raw) > _MAX_BYTES:
                return None  # it does not know this value set or system
        return _result(json.loads(raw))


def _result(answer: Any) -> bool | None:
    """The ``result`` of a Parameters; None where the server says that it lacks the content to know."""
    parameters = answer.get("parameter") if type(answer) is dict else None
    found = {one.get("name"): one for one in parameters or () if type(one) is dict}
    result = found.get("result", {}).get("valueBoolean")
    if result is False and any(name in found for name in ("x-caused-by-unknown-system", "x-unknown-system")):
        return None
    return result if type(result) is bool else None
