"""Each row of the threat table in ``docs/security.md``."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import responses
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from flask import Flask
from launch_fakes import APP, KEY, Browser, Clock, FakeEhr
from sqlalchemy import select, update
from urllib3.util.ssl_ import create_urllib3_context

from fhir_plugin.errors import EhrProtocolError, EhrUnreachable, StoreError
from smart_app.launch.cookies import MOST_LAUNCHES
from smart_app.launch.launcher import Launcher
from smart_app.launch.network import Outbound, guarded_session
from smart_app.settings import Issuer, Settings
from smart_app.store.tables import launches

ELSEWHERE = (
    "https://elders.example.nl/x",
    "https://noord.example.nl@elders.example.nl/x",
    "https://noord.example.nl.elders.nl/x",
    "http://noord.example.nl/x",
    "https://noord.example.nl:8443/x",
    "http://127.0.0.1/x",
)


def cookie_name(path: str) -> str:
    return f"__Host-sf-l-{path.split('/')[2]}"


@pytest.mark.threat("ssrf")
@pytest.mark.requirement("1", "6")
@pytest.mark.parametrize(
    "iss",
    [
        "http://169.254.169.254/latest/meta-data",
        "https://noord.example.nl/fhir/",
        "https://NOORD.example.nl/fhir",
        "https://noord.example.nl:443/fhir",
        "https://noord.example.nl/fhir@elders.example.nl",
        "https://noord.example.nl@elders.example.nl/fhir",
        "https://elders.example.nl/fhir",
        "http://noord.example.nl/fhir",
        "https://noord.example.nl/fhir?x=1",
        "https://noord.example.nl/fhir#x",
        "https://noord.example.nl/fhir/../fhir",
        " https://noord.example.nl/fhir",
        "file:///etc/passwd",
        "",
    ],
)
def test_an_issuer_that_is_not_exactly_on_the_list_causes_no_request_at_all(
    browser: Browser, ehr: FakeEhr, iss: str
) -> None:
    assert browser.get("/launch", query_string={"iss": iss, "launch": "x"}).status_code == 403
    assert browser.post("/launch", {"iss": iss, "launch": "x"}).status_code == 403
    assert browser.get("/launch", query_string={"launch": "x"}).status_code == 403
    assert len(ehr.mock.calls) == 0


@pytest.mark.threat("ssrf")
def test_a_redirect_of_the_metadata_is_not_followed(browser: Browser, http: responses.RequestsMock) -> None:
    http.get(
        "https://noord.example.nl/fhir/.well-known/smart-configuration",
        status=302,
        headers={"Location": "http://169.254.169.254/"},
    )
    answer = browser.get("/launch", query_string={"iss": "https://noord.example.nl/fhir", "launch": "x"})
    assert browser.get(answer.location).status_code == 502
    assert len(http.calls) == 1


@pytest.mark.threat("ssrf")
@pytest.mark.parametrize(
    "endpoint",
    ["authorization_endpoint", "token_endpoint", "jwks_uri", "revocation_endpoint", "introspection_endpoint"],
)
def test_an_endpoint_on_a_server_that_is_not_the_ehrs_own_is_refused(
    browser: Browser, ehr: FakeEhr, endpoint: str
) -> None:
    for url in ELSEWHERE:
        ehr.metadata[endpoint] = url
        before = len(ehr.mock.calls)
        answer = browser.get(
            "/launch", query_string={"iss": ehr.iss, "launch": "x"}, headers={"Sec-Fetch-Dest": "document"}
        )
        assert answer.status_code == 403, url
        assert len(ehr.mock.calls) == before + 1


@pytest.mark.threat("ssrf")
def test_a_host_that_the_settings_name_is_the_ehrs_own(
    make_app: Callable[[Settings], Flask], settings: Settings, ehr: FakeEhr
) -> None:
    noord = replace(settings.issuers[0], hosts=("login.example.nl",))
    ehr.metadata["authorization_endpoint"] = "https://login.example.nl/authorize"
    browser = Browser(make_app(replace(settings, issuers=(noord,))).test_client())
    assert browser.start(ehr)["aud"] == ehr.iss


@pytest.mark.threat("ssrf")
@pytest.mark.parametrize(
    "address", ["10.0.0.5", "127.0.0.1", "169.254.169.254", "192.168.1.1", "::1", "fd00::1", "100.64.0.1"]
)
def test_a_name_that_resolves_to_a_private_address_is_not_connected_to(
    monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_a, **_k: [(family, socket.SOCK_STREAM, 6, "", (address, 443))])
    monkeypatch.setattr(socket.socket, "connect", lambda *_a: pytest.fail("connected"))
    issuer = Issuer(key="a", iss="https://intern.example.nl/fhir", organisation="", client_id="x")
    with pytest.raises(EhrUnreachable, match="allow_private_addresses for issuer a"):
        Outbound(issuer, guarded_session(issuer)).get("https://intern.example.nl/fhir/metadata", what="metadata")


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


@pytest.mark.threat("ssrf")
def test_a_public_name_beside_a_private_one_is_not_trusted_either(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (host, 443)) for host in ("93.184.215.14", "10.0.0.1")]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_a, **_k: answers)
    monkeypatch.setattr(socket.socket, "connect", lambda *_a: pytest.fail("connected"))
    issuer = Issuer(key="a", iss="https://intern.example.nl/fhir", organisation="", client_id="x")
    with pytest.raises(EhrUnreachable):
        Outbound(issuer, guarded_session(issuer)).get("https://intern.example.nl/fhir/metadata", what="metadata")


@pytest.mark.threat("cookies-in-frames")
def test_every_cookie_is_host_bound_secure_hidden_from_scripts_and_partitioned(browser: Browser, ehr: FakeEhr) -> None:
    launched = browser.get("/launch", query_string={"iss": ehr.iss, "launch": "x"})
    answer = browser.answer(ehr, browser.start(ehr)["state"])
    cookies = launched.headers.getlist("Set-Cookie") + answer.headers.getlist("Set-Cookie")
    assert len(cookies) == 3
    for cookie in cookies:
        attributes = {part.strip().lower() for part in cookie.split(";")[1:]}
        assert cookie.startswith("__Host-")
        assert {"secure", "httponly", "path=/", "samesite=none", "partitioned"} <= attributes
        assert not any(attribute.startswith("domain") for attribute in attributes)


@pytest.mark.threat("cookies-in-frames")
def test_a_frame_that_keeps_no_cookie_offers_a_tab_in_which_the_same_launch_goes_on(
    browser: Browser, new_browser: Callable[[], Browser], ehr: FakeEhr
) -> None:
    launched = browser.get("/launch", query_string={"iss": ehr.iss, "launch": "same"})
    without_cookies = new_browser()
    page = without_cookies.get(launched.location)
    assert page.status_code == 200
    assert 'target="_blank"' in page.text
    state = launched.location.rpartition("/")[2]
    assert f"/launch/tab/{state}" in page.text
    tab = new_browser()
    opened = tab.get(f"/launch/tab/{state}")
    onward = tab.get(opened.location)
    assert onward.status_code == 303
    assert "launch=same" in onward.location
    assert f"state={state}" not in onward.location, "whoever knows the old state cannot answer the new one"
    assert tab.get(f"/launch/tab/{state}").status_code == 400


@pytest.mark.threat("cookies-in-frames")
def test_a_tab_that_keeps_no_cookie_either_says_what_to_do_instead_of_going_round(
    new_browser: Callable[[], Browser], browser: Browser, ehr: FakeEhr
) -> None:
    launched = browser.get("/launch", query_string={"iss": ehr.iss, "launch": "x"})
    opened = new_browser().get(f"/launch/tab/{launched.location.rpartition('/')[2]}")
    assert new_browser().get(opened.location).status_code == 403


@pytest.mark.threat("framing")
def test_only_the_ehr_of_the_launch_may_frame_its_pages(browser: Browser, ehr: FakeEhr, other_ehr: FakeEhr) -> None:
    pages = {ehr.base: browser.launch(ehr), other_ehr.base: browser.launch(other_ehr)}
    for origin, path in pages.items():
        policy = browser.get(f"{path}probe").headers["Content-Security-Policy"]
        assert f"frame-ancestors {origin};" in policy
    for path in ("/l/" + "0" * 32 + "/probe", "/launch/continue/unknown"):
        policy = browser.get(path).headers["Content-Security-Policy"]
        assert f"frame-ancestors {ehr.base} {other_ehr.base};" in policy, "to say that it is over, inside the record"
    for path in ("/start", "/jwks.json", "/launch?iss=https://elders.example.nl&launch=x", "/nowhere"):
        answer = browser.get(path)
        assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
        assert answer.headers["X-Frame-Options"] == "DENY"


@pytest.mark.threat("launch-csrf")
def test_a_launch_by_somebody_else_changes_nothing_in_a_running_one(
    browser: Browser, ehr: FakeEhr, other_ehr: FakeEhr
) -> None:
    mine = browser.launch(ehr)
    other_ehr.token["patient"] = "kind-9"
    browser.launch(other_ehr)
    assert browser.get(f"{mine}probe").get_json()["patient"] == "kind-1"


@pytest.mark.threat("launch-csrf")
def test_launches_are_limited_in_number(
    make_app: Callable[[Settings], Flask], settings: Settings, ehr: FakeEhr
) -> None:
    app = make_app(replace(settings, limits=replace(settings.limits, launches_per_minute=3)))
    browser = Browser(app.test_client())
    found = [browser.get("/launch", query_string={"iss": ehr.iss, "launch": "x"}).status_code for _ in range(5)]
    assert found == [303, 303, 303, 429, 429]


@pytest.mark.threat("login-csrf")
def test_an_answer_begun_in_another_browser_signs_nobody_in(
    browser: Browser, new_browser: Callable[[], Browser], ehr: FakeEhr
) -> None:
    attackers = new_browser().start(ehr)
    victims = browser.start(ehr)
    for state in (attackers["state"], attackers["state"] + "x"):
        assert browser.answer(ehr, state).status_code == 400
    assert not ehr.token_requests
    assert browser.answer(ehr, victims["state"]).status_code == 303


@pytest.mark.threat("mix-up")
def test_an_answer_at_the_door_of_another_ehr_is_refused(browser: Browser, ehr: FakeEhr, other_ehr: FakeEhr) -> None:
    state = browser.start(ehr)["state"]
    assert browser.answer(other_ehr, state).status_code == 400
    assert not ehr.token_requests
    assert not other_ehr.token_requests


@pytest.mark.threat("mix-up")
@pytest.mark.parametrize(
    ("announced", "iss", "status"),
    [
        (True, "https://noord.example.nl/auth", 303),
        (True, None, 400),
        (True, "https://zuid.example.nl/auth", 400),
        (False, None, 303),
        (False, "https://noord.example.nl/auth", 303),
        (False, "https://zuid.example.nl/auth", 400),
    ],
)
def test_the_iss_of_an_answer_must_be_the_server_that_was_asked(
    browser: Browser, ehr: FakeEhr, announced: bool, iss: str | None, status: int
) -> None:
    ehr.metadata["authorization_response_iss_parameter_supported"] = announced
    state = browser.start(ehr)["state"]
    params = {} if iss is None else {"iss": iss}
    assert browser.answer(ehr, state, **params).status_code == status
    assert len(ehr.token_requests) == (1 if status == 303 else 0)


@pytest.mark.threat("tokens-at-rest")
@pytest.mark.requirement("7", "8", "9", "90")
def test_a_dump_of_the_database_holds_no_token_patient_or_name(
    make_app: Callable[[Settings], Flask], settings: Settings, ehr: FakeEhr, tmp_path: Path
) -> None:
    ehr.token |= {"access_token": "CANARY-access", "refresh_token": "CANARY-refresh", "patient": "CANARY-patient"}
    ehr.claims = {"name": "CANARY-name", "fhirUser": "Practitioner/CANARY-user", "sub": "CANARY-sub"}
    path = tmp_path / "store.sqlite"
    app = make_app(replace(settings, database_url=f"sqlite:///{path}"))
    browser = Browser(app.test_client())
    launched = browser.launch(ehr, launch="CANARY-launch")
    browser.start(ehr, launch="CANARY-launch")
    cookie = browser.client.get_cookie(cookie_name(launched), domain="steun.example.nl")
    assert cookie is not None
    dump = b"".join(part.read_bytes() for part in tmp_path.iterdir())
    assert b"CANARY" not in dump
    assert cookie.value.encode() not in dump
    assert "CANARY" not in cookie.value


@pytest.mark.threat("tokens-at-rest")
def test_tokens_moved_to_another_launch_do_not_open(browser: Browser, ehr: FakeEhr, launcher: Launcher) -> None:
    first, second = (browser.launch(ehr).split("/")[2] for _ in range(2))
    with launcher.store.engine.begin() as connection:
        row = connection.execute(select(launches).where(launches.c.id == first)).one()
        connection.execute(update(launches).where(launches.c.id == second).values(tokens=row.tokens, facts=row.facts))
    with pytest.raises(StoreError):
        launcher.store.tokens(second)
    assert browser.get(f"/l/{second}/probe").status_code == 500
    assert browser.get(f"/l/{first}/probe").status_code == 200


@pytest.mark.threat("tokens-at-rest")
def test_a_new_key_in_front_seals_and_the_old_one_still_opens_until_all_is_sealed_again(
    make_app: Callable[[Settings], Flask], settings: Settings, ehr: FakeEhr, tmp_path: Path
) -> None:
    settings = replace(settings, database_url=f"sqlite:///{tmp_path / 'store.sqlite'}")
    browser = Browser(make_app(settings).test_client())
    path = browser.launch(ehr)
    new = bytes(reversed(KEY))
    rotated = make_app(replace(settings, encryption_keys=(new, KEY)))
    browser.client.application = rotated
    assert browser.get(f"{path}probe").status_code == 200
    browser.client.application = make_app(replace(settings, encryption_keys=(new,)))
    assert browser.get(f"{path}probe").status_code == 409, "open it again from the record"
    assert rotated.extensions["steunfiguren.launcher"].store.reseal() == 1
    assert browser.get(f"{path}probe").status_code == 200


@pytest.mark.threat("tokens-at-rest")
def test_signing_out_purges_the_launch_and_no_other(browser: Browser, ehr: FakeEhr, launcher: Launcher) -> None:
    kept, left = browser.launch(ehr), browser.launch(ehr)
    csrf = browser.get(f"{left}probe").get_json()["csrf"]
    answer = browser.post(f"{left}sign-out", {"csrf_token": csrf, "patient": "kind-1"})
    assert answer.status_code == 200
    with launcher.store.engine.connect() as connection:
        ids = {row.id for row in connection.execute(select(launches.c.id))}
    assert ids == {kept.split("/")[2]}
    assert browser.get(f"{left}probe").status_code == 409
    assert browser.get(f"{kept}probe").status_code == 200
    assert browser.client.get_cookie(cookie_name(left), domain="steun.example.nl") is None


@pytest.mark.threat("tokens-at-rest")
@pytest.mark.parametrize(("steps", "status"), [((1799, 1799), 200), ((1801,), 409), ((1500,) * 25, 409)])
def test_a_launch_ends_when_it_is_idle_and_when_it_is_old(
    browser: Browser, ehr: FakeEhr, clock: Clock, launcher: Launcher, steps: tuple[int, ...], status: int
) -> None:
    ehr.token["expires_in"] = 1_000_000
    path = browser.launch(ehr)
    for step in steps:
        clock.advance(step)
        answer = browser.get(f"{path}probe").status_code
    assert answer == status
    if status == 409:
        with launcher.store.engine.connect() as connection:
            assert connection.execute(select(launches.c.id)).first() is None


@pytest.mark.threat("session-fixation")
def test_a_cookie_that_was_set_beforehand_has_no_power_and_every_launch_gets_a_new_one(
    browser: Browser, new_browser: Callable[[], Browser], ehr: FakeEhr
) -> None:
    planted = "known-to-the-attacker"
    state = browser.start(ehr)["state"]
    for name in [cookie.key for cookie in browser.client._cookies.values()]:
        browser.client.set_cookie(name.replace("sf-s-", "sf-l-"), planted, domain="steun.example.nl")
    path = browser.answer(ehr, state).location
    fresh = browser.client.get_cookie(cookie_name(path), domain="steun.example.nl")
    assert fresh is not None
    assert fresh.value != planted
    attacker = new_browser()
    attacker.client.set_cookie(cookie_name(path), planted, domain="steun.example.nl")
    assert attacker.get(f"{path}probe").status_code == 409


@pytest.mark.threat("back-button")
def test_going_back_to_the_answer_of_the_ehr_gives_a_friendly_page_and_no_second_exchange(
    browser: Browser, ehr: FakeEhr
) -> None:
    state = browser.start(ehr)["state"]
    assert browser.answer(ehr, state).status_code == 303
    again = browser.answer(ehr, state)
    assert again.status_code == 400
    assert again.mimetype == "text/html"
    assert len(ehr.token_requests) == 1


@pytest.mark.threat("back-button")
def test_no_page_of_a_launch_is_kept_by_the_browser(browser: Browser, ehr: FakeEhr) -> None:
    path = browser.launch(ehr)
    for address in (f"{path}probe", "/callback/noord?state=x&code=y", "/launch", "/start"):
        assert browser.get(address).headers["Cache-Control"] == "no-store"


@pytest.mark.threat("bearer-to-foreign-host")
@pytest.mark.requirement("97", "98", "267", "268")
def test_a_link_to_another_host_gets_no_token(browser: Browser, ehr: FakeEhr, launcher: Launcher) -> None:
    path = browser.launch(ehr)
    cookie = browser.client.get_cookie(cookie_name(path), domain="steun.example.nl")
    assert cookie is not None
    launch = launcher.active(path.split("/")[2], cookie.value)
    bundle = {
        "resourceType": "Bundle",
        "type": "searchset",
        "link": [{"relation": "next", "url": "https://elders.example.nl/fhir?page=2"}],
    }
    ehr.mock.get(f"{ehr.iss}/RelatedPerson", json=bundle)
    before = len(ehr.mock.calls)
    with pytest.raises(EhrProtocolError):
        list(launch.ehr.search("RelatedPerson", {}))
    assert len(ehr.mock.calls) == before + 1


@pytest.mark.threat("open-redirect")
@pytest.mark.requirement("5", "6")
@pytest.mark.parametrize(
    "target", ["//evil.example", "\\evil.example", "https://evil.example", "<script>alert(1)</script>"]
)
def test_nothing_in_a_request_decides_where_the_browser_goes_or_is_shown_as_it_is(
    browser: Browser, ehr: FakeEhr, target: str
) -> None:
    names = ("next", "redirect", "redirect_uri", "error_description", "error_uri", "issuer", "lang", "launch")
    for address in ("/launch", "/start", "/callback/noord"):
        state = browser.start(ehr)["state"]
        query = dict.fromkeys(names, target) | {"state": state, "error": target, "iss": ehr.issuer}
        answer = browser.get(address, query_string=query)
        assert "evil.example" not in answer.headers.get("Location", "").partition("?")[0]
        assert target not in answer.text


@pytest.mark.threat("two-tabs")
@pytest.mark.parametrize("cookies", ["none", "of-the-other-launch", "of-another-browser"])
def test_without_its_own_cookie_a_launch_shows_nothing_and_falls_back_to_nothing(
    browser: Browser, new_browser: Callable[[], Browser], ehr: FakeEhr, cookies: str
) -> None:
    first = browser.launch(ehr)
    ehr.token["patient"] = "kind-2"
    second = browser.launch(ehr)
    if cookies == "none":
        visitor = new_browser()
    elif cookies == "of-another-browser":
        visitor = new_browser()
        visitor.launch(ehr)
    else:
        visitor = browser
        other = browser.client.get_cookie(cookie_name(second), domain="steun.example.nl")
        assert other is not None
        browser.client.set_cookie(cookie_name(first), other.value, domain="steun.example.nl")
    shown = len(ehr.fhir_tokens)
    answer = visitor.get(f"{first}probe")
    assert answer.status_code == 409
    assert "kind-" not in answer.text
    assert len(ehr.fhir_tokens) == shown


@pytest.mark.threat("two-tabs")
@pytest.mark.parametrize("change", ["csrf_token", "patient", "both", "json", "file", "cross-site"])
def test_a_form_without_the_right_token_and_patient_is_refused(browser: Browser, ehr: FakeEhr, change: str) -> None:
    path = browser.launch(ehr)
    csrf = browser.get(f"{path}probe").get_json()["csrf"]
    right = {"csrf_token": csrf, "patient": "kind-1"}
    assert browser.post(f"{path}probe", right).status_code == 200
    expected = 400
    if change == "patient":
        answer, expected = browser.post(f"{path}probe", right | {"patient": "kind-2"}), 409
    elif change == "csrf_token":
        answer = browser.post(f"{path}probe", right | {"csrf_token": "x" * 64})
    elif change == "both":
        answer = browser.post(f"{path}probe", {"note": "x"})
    elif change == "json":
        answer, expected = browser.client.post(f"{path}probe", base_url=APP, json=right), 403
    elif change == "file":
        answer, expected = browser.post(f"{path}probe", right, content_type="multipart/form-data"), 403
    else:
        answer = browser.post(f"{path}probe", right, headers={"Sec-Fetch-Site": "cross-site"})
    assert answer.status_code == expected


@pytest.mark.threat("two-tabs")
def test_a_form_token_of_another_launch_does_not_count(browser: Browser, ehr: FakeEhr) -> None:
    first, second = browser.launch(ehr), browser.launch(ehr)
    foreign = browser.get(f"{second}probe").get_json()["csrf"]
    assert browser.post(f"{first}probe", {"csrf_token": foreign, "patient": "kind-1"}).status_code == 400


@pytest.mark.threat("cookies-in-frames")
def test_a_browser_keeps_the_cookies_of_its_latest_launches_only(browser: Browser, ehr: FakeEhr) -> None:
    paths = [browser.launch(ehr) for _ in range(MOST_LAUNCHES + 2)]
    held = [cookie.key for cookie in browser.client._cookies.values() if "sf-l-" in cookie.key]
    assert len(held) == MOST_LAUNCHES
    assert browser.get(f"{paths[-1]}probe").status_code == 200
    assert browser.get(f"{paths[0]}probe").status_code == 409
