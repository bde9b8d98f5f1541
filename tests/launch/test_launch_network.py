"""Where requests of the app may go (threat *ssrf*): to an EHR's own servers, at addresses that were checked."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import urllib3.util.connection
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from urllib3.util.ssl_ import create_urllib3_context

from fhir_plugin.errors import EhrUnreachable
from smart_app.launch.network import Outbound, guarded_session
from smart_app.settings import Issuer

INTERN = Issuer(key="a", iss="https://intern.example.nl/fhir", organisation="", client_id="x")


def resolve_to(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> None:
    answers = [
        (socket.AF_INET6 if ":" in one else socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, 443)) for one in addresses
    ]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_a, **_k: answers)


@pytest.mark.threat("ssrf")
@pytest.mark.parametrize(
    "address",
    [
        "10.0.0.5",
        "127.0.0.1",
        "169.254.169.254",
        "192.168.1.1",
        "::1",
        "fd00::1",
        "fe80::1%eth0",
        "100.64.0.1",
        "224.0.0.1",
        "::ffff:10.0.0.5",
        "::10.0.0.5",
        "64:ff9b::a00:5",
        "2002:a00:5::1",
    ],
)
def test_a_name_that_resolves_to_a_private_address_is_not_connected_to(
    monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    resolve_to(monkeypatch, address)
    monkeypatch.setattr(socket.socket, "connect", lambda *_a: pytest.fail("connected"))
    with pytest.raises(EhrUnreachable, match="allow_private_addresses for issuer a"):
        Outbound(INTERN, guarded_session(INTERN)).get("https://intern.example.nl/fhir/metadata", what="metadata")


@pytest.mark.threat("ssrf")
def test_a_public_name_beside_a_private_one_is_not_trusted_either(monkeypatch: pytest.MonkeyPatch) -> None:
    resolve_to(monkeypatch, "93.184.215.14", "10.0.0.1")
    monkeypatch.setattr(socket.socket, "connect", lambda *_a: pytest.fail("connected"))
    with pytest.raises(EhrUnreachable):
        Outbound(INTERN, guarded_session(INTERN)).get("https://intern.example.nl/fhir/metadata", what="metadata")


@pytest.mark.threat("ssrf")
def test_each_address_that_was_checked_is_tried_as_it_was_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    resolve_to(monkeypatch, "2a00:1450:400e:80f::200e", "93.184.215.14", "93.184.215.14")
    tried = []

    def refused(address: tuple[str, int], *_given: object, socket_options: list[tuple[int, int, int]]) -> None:
        tried.append((address, (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1) in socket_options))
        raise ConnectionRefusedError

    monkeypatch.setattr(urllib3.util.connection, "create_connection", refused)
    with pytest.raises(EhrUnreachable) as caught:
        Outbound(INTERN, guarded_session(INTERN)).get("https://intern.example.nl/fhir/metadata", what="metadata")
    assert tried == [(("2a00:1450:400e:80f::200e", 443), True), (("93.184.215.14", 443), True)]
    assert caught.value.code == "ehr-unreachable", "nothing was sent"


@pytest.mark.threat("ssrf")
@pytest.mark.requirement("1", "230", "232", "318")
def test_connections_use_tls_1_2_or_later_with_the_certificate_checked() -> None:
    issuer = Issuer(key="a", iss="https://noord.example.nl/fhir", organisation="", client_id="x")
    session = guarded_session(issuer)
    assert session.verify is True
    assert not session.trust_env
    assert create_urllib3_context().minimum_version >= ssl.TLSVersion.TLSv1_2
    for url in ("http://noord.example.nl/token", "ftp://noord.example.nl/token"):
        assert not Outbound(issuer, session).allowed(url)


class QuietServer(ThreadingHTTPServer):
    def handle_error(self, *_args: object) -> None:
        """A client that hangs up is what is tested."""


@pytest.fixture
def self_signed(tmp_path: Path) -> Iterator[str]:
    """A server on loopback with a certificate that nobody vouches for."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), 1, now - timedelta(days=1), now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = tmp_path / "server.pem"
    unencrypted = serialization.NoEncryption()
    secret = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, unencrypted)
    pem.write_bytes(secret + certificate.public_bytes(serialization.Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    server = QuietServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield f"https://localhost:{server.server_address[1]}/fhir"
    server.shutdown()
    server.server_close()


@pytest.mark.threat("ssrf")
@pytest.mark.requirement("1", "230", "232", "318")
def test_a_server_whose_certificate_nobody_vouches_for_gets_nothing(self_signed: str) -> None:
    issuer = Issuer(key="a", iss=self_signed, organisation="", client_id="x", allow_private_addresses=True)
    with pytest.raises(EhrUnreachable, match="certificate"):
        Outbound(issuer, guarded_session(issuer)).get(f"{self_signed}/metadata", what="metadata")
