"""Outbound requests: only to an issuer's own hosts, no private address unless configured, no redirects.

This is the counter-measure to server-side request forgery by ``iss`` and by what an EHR's metadata name. The address
that is checked is the address that is connected to, so a name that resolves differently a moment later (DNS rebinding)
gains nothing.
"""

from __future__ import annotations

import socket
from contextlib import suppress
from ipaddress import IPv4Address, IPv6Network, ip_address
from typing import Any
from urllib.parse import urlsplit

import orjson
import requests
from requests.adapters import DEFAULT_POOLBLOCK, HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import NewConnectionError
from urllib3.util import connection as urllib3_connection

from fhir_plugin.errors import EhrProtocolError, EhrUnreachable, UnknownIssuer
from smart_app.settings import Issuer, is_loopback

__all__ = ["Outbound", "guarded_session"]

TIMEOUT = (3.05, 10.0)
"""Seconds to connect, and between bytes: somebody is looking at an empty frame meanwhile."""
MAX_BYTES = 1024 * 1024
"""Metadata, keys and tokens are small; a CapabilityStatement is the largest of them."""
NAT64 = IPv6Network("64:ff9b::/96")
IPV4_COMPATIBLE = IPv6Network("::/96")


class Outbound:
    """Small JSON requests to the servers of one issuer.

    Args:
        issuer: whose hosts are allowed.
        session: from :func:`guarded_session`.
    """

    def __init__(self, issuer: Issuer, session: requests.Session) -> None:
        self.issuer = issuer
        self.session = session

    def allowed(self, url: str) -> bool:
        """Whether this issuer may send us there: https (http on loopback only) on a pinned host, without user info."""
        parts = urlsplit(url)
        safe = parts.scheme == "https" or (parts.scheme == "http" and is_loopback(parts.hostname))
        return safe and parts.netloc in self.issuer.allowed_hosts

    def request(self, method: str, url: str, *, what: str, **kwargs: Any) -> tuple[int, Any]:
        """Send and read a JSON answer of at most 1 MiB; returns status and document (None where it is no JSON).

        Raises:
            UnknownIssuer: the host is not one of this issuer's.
            EhrUnreachable: no answer.
            EhrProtocolError: a redirect, or too large an answer.
        """
        if not self.allowed(url):
            raise UnknownIssuer(
                "The EHR names an address on a server that is not known to be its own.",
                code="issuer-host",
                where=what,
                remedy=f"If it is right, add its host to hosts of issuer {self.issuer.key}.",
            )
        kwargs.setdefault("headers", {"Accept": "application/json"})
        try:
            with self.session.request(
                method, url, timeout=TIMEOUT, allow_redirects=False, stream=True, **kwargs
            ) as response:
                return response.status_code, _document(response, what)
        except requests.RequestException as error:
            raise _no_answer(error, what, self.issuer) from None

    def get(self, url: str, *, what: str, **kwargs: Any) -> tuple[int, Any]:
        """GET, see :meth:`request`."""
        return self.request("GET", url, what=what, **kwargs)


def guarded_session(issuer: Issuer, connections: int = 16) -> requests.Session:
    """A pooled session that connects to private addresses only where the settings of the issuer allow it.

    It takes no proxy, password or certificate setting from the environment.
    """
    session = requests.Session()
    session.trust_env = False
    adapter = _GuardedAdapter(allow_private=issuer.allow_private_addresses, connections=connections)
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    return session


class _GuardedAdapter(HTTPAdapter):
    def __init__(self, *, allow_private: bool, connections: int) -> None:
        self.allow_private = allow_private
        super().__init__(pool_connections=4, pool_maxsize=connections)

    def init_poolmanager(
        self, connections: int, maxsize: int, block: bool = DEFAULT_POOLBLOCK, **pool_kwargs: Any
    ) -> None:
        super().init_poolmanager(connections, maxsize, block, **pool_kwargs)
        if not self.allow_private:
            self.poolmanager.pool_classes_by_scheme = {"http": _PublicHttpPool, "https": _PublicHttpsPool}


class _PublicHttp(HTTPConnection):
    def _new_conn(self) -> socket.socket:
        return _connect_public(self)


class _PublicHttps(HTTPSConnection):
    def _new_conn(self) -> socket.socket:
        return _connect_public(self)


class _PublicHttpPool(HTTPConnectionPool):
    ConnectionCls = _PublicHttp


class _PublicHttpsPool(HTTPSConnectionPool):
    ConnectionCls = _PublicHttps


class _PrivateAddress(NewConnectionError):
    """We did not connect, for the settings do not allow where the name leads."""


def _connect_public(connection: HTTPConnection) -> socket.socket:
    """Resolve once, refuse what is not a public address, and connect to one of the addresses that were checked."""
    try:
        found = socket.getaddrinfo(connection.host, connection.port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise NewConnectionError(connection, "name not resolved") from error
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    if not addresses or not all(map(_is_public, addresses)):
        raise _PrivateAddress(connection, "private address refused")
    for address in addresses:
        with suppress(OSError):
            return urllib3_connection.create_connection(
                (address, connection.port), connection.timeout, socket_options=connection.socket_options
            )
    raise NewConnectionError(connection, "refused")


def _is_public(address: str) -> bool:
    """Whether it is on the internet, also by the IPv4 address that an IPv6 one stands for (RFC 6052, RFC 3056)."""
    found = ip_address(address.partition("%")[0])
    inner = [getattr(found, name, None) for name in ("ipv4_mapped", "sixtofour")]
    if found in NAT64 or found in IPV4_COMPATIBLE:
        inner.append(IPv4Address(int(found) & 0xFFFFFFFF))
    return all(one.is_global and not one.is_multicast for one in (found, *inner) if one is not None)


def _document(response: requests.Response, what: str) -> Any:
    if 300 <= response.status_code < 400:
        message = "The EHR sends us to another address, which is never followed."
        raise EhrProtocolError(message, where=what, status=response.status_code, remedy="Use the final address.")
    body = b""
    for chunk in response.iter_content(64 * 1024):
        body += chunk
        if len(body) > MAX_BYTES:
            message = f"The EHR's answer is larger than {MAX_BYTES} bytes."
            raise EhrProtocolError(message, where=what, status=response.status_code, remedy="Report this to the EHR.")
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return None


def _no_answer(error: requests.RequestException, what: str, issuer: Issuer) -> EhrUnreachable:
    reason = getattr(error.args[0], "reason", None) if error.args else None
    if isinstance(reason, _PrivateAddress):
        message = "The EHR is at a private address, and its settings do not allow that."
        remedy = f"If it belongs there, set allow_private_addresses for issuer {issuer.key}."
        return EhrUnreachable(message, code="ehr-unreachable", where=what, remedy=remedy)
    unsent = isinstance(error, requests.ConnectTimeout) or isinstance(reason, NewConnectionError)
    code = "ehr-unreachable" if unsent else "ehr-no-answer"
    remedy = "Check that the EHR runs, its address and its certificate."
    return EhrUnreachable("The EHR gave no answer.", code=code, where=what, remedy=remedy)
