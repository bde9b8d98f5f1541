"""The way from ``requests`` to an EHR in memory: a transport adapter instead of a socket."""

from __future__ import annotations

import io
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import BaseAdapter
from requests.structures import CaseInsensitiveDict

from fhir_plugin.ehr.memory import MemoryEhr, links
from fhir_plugin.wire import FHIR_JSON, dumps

__all__ = ["memory_session"]


def memory_session(ehr: MemoryEhr) -> requests.Session:
    """A session whose every request to the EHR's base URL is answered in memory."""
    session = requests.Session()
    session.mount(ehr.base_url, _Adapter(ehr))
    return session


class _Adapter(BaseAdapter):
    """Hands the requests of a session to a ``MemoryEhr``."""

    def __init__(self, ehr: MemoryEhr) -> None:
        super().__init__()
        self._ehr = ehr

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:  # noqa: ARG002
        ehr, url = self._ehr, urlsplit(str(request.url))
        method, path = str(request.method), url.path.removeprefix(urlsplit(ehr.base_url).path)
        ehr.asked.append((method, path))
        if ehr.before is not None:
            ehr.before(method, path)
        raw = request.body or b""
        headers = request.headers
        status, body = ehr.handle(method, path, url.query, headers, raw.encode() if isinstance(raw, str) else raw)
        if ehr.after is not None:
            ehr.after(method, path)
        response = requests.Response()
        response.status_code, response.url, response.request = status, str(request.url), request
        response.headers = CaseInsensitiveDict({"Content-Type": FHIR_JSON})
        for name, value in links(body).items():
            response.headers[name] = f"{ehr.base_url}/{value}" if name == "location" else value
        response.raw = io.BytesIO(dumps(body))
        return response

    def close(self) -> None:
        """Nothing to close."""
