"""The EHR on screen, and the demo command."""

from __future__ import annotations

import base64
import os
import re
import signal
import socket
import subprocess
import sys
from html.parser import HTMLParser

import pytest
import requests
from click.testing import CliRunner
from sandbox_support import BASE, Ehr

from fhir_plugin.cli.serve import demo_command
from fhir_plugin.errors import UsageError
from smart_app.sandbox.demo import Demo, running_demo

PAGES = ("/sign-in", "/faults", "/children", "/children/noor", "/children/noor/stored")


class Outline(HTMLParser):
    """What a page is made of, for a few checks."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def all(self, tag):
        return [attrs for name, attrs in self.tags if name == tag]


@pytest.fixture
def signed_in(ehr):
    ehr.sign_in()
    return ehr


@pytest.mark.parametrize("path", PAGES)
def test_every_page_has_one_heading_a_language_labels_and_no_inline_code(signed_in, path):
    answer = signed_in.http.get(path, base_url=BASE)
    page = Outline(answer.text)
    ids = {attrs.get("id") for _, attrs in page.tags}
    assert answer.status_code == 200
    assert len(page.all("h1")) == 1
    assert page.all("html")[0]["lang"] == "nl"
    assert not page.all("script")
    assert not any("style" in attrs or any(name.startswith("on") for name in attrs) for _, attrs in page.tags)
    assert {attrs["for"] for attrs in page.all("label")} <= ids
    assert all(attrs.get("title") for attrs in page.all("iframe"))
    assert "ehr-" not in re.sub(r"sandbox|/static/ehr\.css", "", answer.text)


@pytest.mark.parametrize("path", PAGES)
def test_every_page_has_strict_headers(signed_in, path):
    headers = signed_in.http.get(path, base_url=BASE).headers
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'self'" in policy
    assert "frame-src 'self' http://localhost:8401" in policy
    assert headers["Cache-Control"] == "no-store"
    assert headers["Referrer-Policy"] == "no-referrer"


def test_english_stays_once_chosen(signed_in):
    assert "Clients" in signed_in.http.get("/children?lang=en", base_url=BASE).text
    page = signed_in.http.get("/children/noor", base_url=BASE)
    assert 'lang="en"' in page.text
    assert "What is stored" in page.text
    assert "8 years" in page.text


def test_the_record_shows_the_child_with_the_app_in_a_frame(signed_in):
    page = Outline(signed_in.http.get("/children/noor", base_url=BASE).text)
    [frame] = page.all("iframe")
    answer = signed_in.http.get(frame["src"], base_url=BASE)
    assert answer.headers["Location"].startswith(
        "http://localhost:8401/launch?iss=http%3A%2F%2Flocalhost%3A8400%2Ffhir"
    )
    assert "BSN" not in page.rawdata
    new_tab = [attrs for attrs in page.all("a") if attrs.get("target") == "_blank"]
    assert "noopener" in new_tab[0]["rel"]


def test_in_the_frame_the_record_shows_the_banner_and_in_a_tab_the_app_must(ehr):
    ehr.sign_in()
    for path, needed in (("/children/noor/launch/app?frame=1", False), ("/children/noor/launch/app", True)):
        launch = ehr.http.get(path, base_url=BASE).headers["Location"].split("launch=")[1]
        code = ehr.authorize(launch=launch).headers["Location"].split("code=")[1].split("&")[0]
        assert ehr.redeem(code).json["need_patient_banner"] is needed


def test_what_the_app_wrote_is_shown_with_its_versions(signed_in):
    token = signed_in.token("noor")["access_token"]
    aunt = signed_in.fhir("GET", "RelatedPerson/noor-tante-sam", token).json
    signed_in.clock.forward(minutes=1)
    signed_in.fhir("PUT", "RelatedPerson/noor-tante-sam", token, {**aunt, "gender": "other"})
    page = signed_in.http.get("/children/noor/stored", base_url=BASE).text
    first = page[page.index("<details") :]
    assert first.index("noor-tante-sam") < first.index("noor-moeder")
    assert "versie 2" in page
    assert "daan" not in page


def test_what_one_transaction_wrote_stands_under_one_heading(signed_in):
    token = signed_in.token("noor")["access_token"]
    people = [signed_in.fhir("GET", f"RelatedPerson/{name}", token).json for name in ("noor-tante-sam", "noor-moeder")]
    signed_in.clock.forward(minutes=1)
    entries = [
        {"resource": one, "request": {"method": "PUT", "url": f"RelatedPerson/{one['id']}"}}
        for one in ({**person, "gender": "other"} for person in people)
    ]
    bundle = {"resourceType": "Bundle", "type": "transaction", "entry": entries}
    assert signed_in.fhir("POST", "", token, bundle).status_code == 200
    page = signed_in.http.get("/children/noor/stored", base_url=BASE).text
    first, rest = page.split('<section class="written">')[1:3]
    assert "samen opgeslagen: 2 resources" in first
    assert "<code>noor-tante-sam</code>" in first
    assert "<code>noor-moeder</code>" in first
    assert "<code>noor-tante-sam</code>" not in rest


def test_the_audit_trail_is_folded_below_what_was_written(signed_in):
    token = signed_in.token("noor")["access_token"]
    event = {
        "resourceType": "AuditEvent",
        "type": {"code": "rest"},
        "recorded": "2026-01-01T10:00:00Z",
        "agent": [{"requestor": True}],
        "source": {"observer": {"display": "app"}},
        "entity": [{"what": {"reference": "Patient/noor"}}],
    }
    signed_in.clock.forward(minutes=1)
    for _ in range(3):
        assert signed_in.fhir("POST", "AuditEvent", token, event).status_code == 201
    page = signed_in.http.get("/children/noor/stored", base_url=BASE).text
    record, audit = page.split('<details class="audit">')
    assert "Toon de AuditEvents (3)" in audit
    assert audit.count("<strong>AuditEvent</strong>") == 3
    assert "<strong>AuditEvent</strong>" not in record
    assert record.index("noor-moeder") < record.index("Wie keek en schreef")


@pytest.mark.parametrize("user", ["lotte", "moeder-noor", "tante-noor"])
def test_who_is_no_professional_sees_one_record_only(ehr, user):
    ehr.sign_in(user)
    own = ehr.http.get("/", base_url=BASE).headers["Location"]
    assert ehr.http.get(own, base_url=BASE).status_code == 200
    for path in ("/children", "/children/daan", "/children/daan/stored", "/children/daan/launch/app"):
        assert ehr.http.get(path, base_url=BASE).status_code == 404


def test_who_is_not_signed_in_sees_nothing(ehr):
    for path in ("/", "/children", "/children/noor", "/children/noor/stored", "/children/noor/launch/app"):
        answer = ehr.http.get(path, base_url=BASE)
        assert answer.status_code == 303
        assert answer.headers["Location"].startswith("/sign-in")


def test_signing_out_needs_the_form_and_ends_the_session(signed_in):
    page = signed_in.http.get("/children", base_url=BASE)
    assert signed_in.http.post("/sign-out", base_url=BASE).status_code == 400
    form = {"form_token": signed_in.form_token(page)}
    assert signed_in.http.post("/sign-out", data=form, base_url=BASE).status_code == 303
    assert signed_in.http.get("/children", base_url=BASE).status_code == 303


def test_an_error_is_a_page_that_says_what_to_do(signed_in):
    answer = signed_in.http.get("/children/nobody", base_url=BASE)
    assert answer.status_code == 404
    assert "Terug naar het begin" in answer.text


def test_text_from_the_record_is_escaped():
    ehr = Ehr(open_access=True)
    ehr.fhir(
        "PUT", "Patient/x", body={"resourceType": "Patient", "id": "x", "name": [{"text": "<script>alert(1)</script>"}]}
    )
    ehr.sign_in()
    for path in ("/children", "/children/x", "/children/x/stored"):
        assert "<script>" not in ehr.http.get(path, base_url=BASE).text


def test_a_cookie_for_another_site_is_only_given_where_asked():
    ordinary = Ehr().http.get("/sign-in", base_url=BASE).headers["Set-Cookie"]
    other = Ehr(cross_site=True).http.get("/sign-in", base_url=BASE).headers["Set-Cookie"]
    assert "SameSite=Lax" in ordinary
    assert "HttpOnly" in ordinary
    assert "SameSite=None" in other
    assert "Secure" in other


def test_the_demo_runs_both_and_they_know_each_other(tmp_path):
    demo = Demo(port=0, app_port=0, data=tmp_path / "demo")
    with running_demo(demo) as (ehr_url, app_url):
        assert requests.get(f"{ehr_url}/sign-in", timeout=5).status_code == 200
        assert (
            ehr_url
            in requests.get(f"{app_url}/launch?iss={ehr_url}/fhir", timeout=5).headers["Content-Security-Policy"]
        )
    assert (tmp_path / "demo/ehr.sqlite").exists()
    with running_demo(Demo(port=0, app_port=0, data=tmp_path / "demo", reset=True)) as (ehr_url, _):
        assert requests.get(f"{ehr_url}/fhir/metadata", timeout=5).status_code == 200


def test_a_port_in_use_is_said_so_and_exits_with_2():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        result = CliRunner().invoke(demo_command, ["--port", str(port), "--app-port", "0", "--no-browser"])
    assert isinstance(result.exception, UsageError)
    assert result.exception.exit_code == 2
    assert f"Port {port} is in use" in str(result.exception)


def running(*command: str, **environment: str) -> subprocess.Popen[str]:
    """The command in a process of its own."""
    code = "import sys; from fhir_plugin.cli.main import main; sys.argv[0] = 'steunfiguren'; main()"
    return subprocess.Popen(
        [sys.executable, "-uc", code, *command],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **environment},
    )


def said_until(process: subprocess.Popen[str], word: str) -> str:
    said = ""
    while word not in said:
        line = process.stdout.readline()
        assert line, process.stderr.read()
        said += line
    return said


def test_the_demo_starts_prints_links_that_answer_and_stops_cleanly():
    process = running("demo", "--port", "0", "--app-port", "0", "--no-browser")
    try:
        links = re.findall(r"http://\S+", said_until(process, "Ctrl-C"))
        assert links
        assert [requests.get(link, timeout=30).status_code for link in links] == [200] * len(links)
        process.send_signal(signal.SIGINT)
        rest, errors = process.communicate(timeout=15)
    finally:
        process.kill()
    assert process.returncode == 0
    assert "Gestopt" in rest
    assert errors == ""


def test_the_app_alone_is_served_with_a_settings_file(tmp_path):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    (tmp_path / "app.toml").write_text(
        f'public_url = "http://localhost:{port}"\ndata_dir = "{tmp_path}/data"\n[[issuers]]\nkey = "ehr"\n'
        'iss = "http://localhost:8400/fhir"\norganisation = "Een instelling"\nclient_id = "app"\n'
    )
    key = base64.urlsafe_b64encode(bytes(32)).decode()
    environment = {"STEUNFIGUREN_ENCRYPTION_KEYS": key, "STEUNFIGUREN_DATABASE_URL": "sqlite://"}
    process = running("serve", str(tmp_path / "app.toml"), "--port", str(port), "--lang", "en", **environment)
    try:
        said = said_until(process, "Local files")
        assert f"http://localhost:{port} (public_url)" in said
        assert f"listens on http://127.0.0.1:{port}." in said
        assert f"Local files are in {tmp_path / 'data'} (data_dir)" in said
        assert requests.get(f"http://127.0.0.1:{port}/jwks.json", timeout=5).status_code == 200
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=15)
    finally:
        process.kill()
    assert process.returncode == 0
