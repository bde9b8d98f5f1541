"""Every kind of launch through to the network page, against the sandbox EHR."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from joserfc.jwk import ECKey
from launch_desk import APP, DOCUMENT, Desk, InProcess, fields_of, settings_for

from smart_app.app import create_app
from smart_app.demo_settings import demo_settings
from smart_app.launch.keys import SigningKeys
from smart_app.launch.testing import session_to
from smart_app.sandbox import ASYMMETRIC, SandboxSettings, create_sandbox, demo_app
from smart_app.settings import ClientType
from smart_app.settings_file import load_settings

BACKEND = "system/*.cruds"
KEY = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ...]:
    path = tmp_path_factory.mktemp("keys") / "ec"
    path.write_bytes(ECKey.generate_key("P-384").as_pem(private=True))
    return (path,)


@pytest.fixture(scope="module")
def sandbox(keys: tuple[Path, ...]) -> InProcess:
    base = demo_app(APP, ("/callback/sandbox",))
    module = replace(
        base,
        client_id="module",
        auth=ASYMMETRIC,
        jwks=SigningKeys.load(keys).jwks(),
        scope=f"{base.scope} {BACKEND}",
        grant_types=("authorization_code", "client_credentials"),
    )
    return InProcess(create_sandbox(SandboxSettings(clients=(replace(base, client_id="public"), module))))


@pytest.fixture
def desk(sandbox: InProcess, tmp_path: Path) -> Desk:
    app = sandbox.app(settings_for(sandbox, tmp_path, "public"))
    return Desk(app, app.test_client(), sandbox)


@pytest.fixture
def koppeltaal(sandbox: InProcess, keys: tuple[Path, ...], tmp_path: Path) -> Iterator[Desk]:
    sandbox.parts.faults.turn("koppeltaal-noop", on=True)
    demo = demo_settings(tmp_path, ehr_url=sandbox.base_url)
    issuer = replace(
        demo.issuers[0],
        client_id="module",
        client_type=ClientType.ASYMMETRIC,
        scopes=("launch", "openid", "fhirUser"),
        backend_scopes=(BACKEND,),
    )
    app = sandbox.app(replace(demo, issuers=(issuer,), signing_keys=keys, database_url="sqlite://"))
    yield Desk(app, app.test_client(), sandbox, "module")
    sandbox.parts.faults.turn("koppeltaal-noop", on=False)


@pytest.mark.parametrize("method", ["get", "post"])
def test_a_launch_from_the_record_by_address_or_by_form_ends_at_the_network(desk: Desk, method: str) -> None:
    ehr = desk.sandbox.browser()
    launch = ehr.launch("noor", "public")
    values = {"query_string": launch} if method == "get" else {"data": launch}
    away = desk.client.open("/launch", method=method.upper(), base_url=APP, headers=DOCUMENT, **values)
    page = desk.page(desk.callback(ehr.authorize(away.location)))
    assert "Netwerk van Noor" in page
    assert "je bent Joke de Vries" in page


@pytest.mark.rule("authorize-standalone")
@pytest.mark.requirement("25", "26", "152", "166")
def test_a_child_chosen_in_the_ehr_is_the_child_of_a_standalone_launch(desk: Desk) -> None:
    ehr = desk.sandbox.browser()
    choices = ehr.authorize(desk.client.get("/start?issuer=sandbox", base_url=APP).location)
    chosen = {**fields_of(choices.text), "chosen_patient": "daan"}
    back = ehr.http.post(f"{desk.sandbox.base_url}/auth/authorize", data=chosen, allow_redirects=False)
    page = desk.page(desk.callback(back))
    assert "Netwerk van Daan" in page
    assert "Noor" not in page


def test_who_chooses_no_child_in_a_standalone_launch_opens_nothing(desk: Desk) -> None:
    ehr = desk.sandbox.browser()
    choices = ehr.authorize(desk.client.get("/start?issuer=sandbox", base_url=APP).location)
    denied = {**fields_of(choices.text), "decision": "deny"}
    back = ehr.http.post(f"{desk.sandbox.base_url}/auth/authorize", data=denied, allow_redirects=False)
    assert desk.callback(back).status_code == 403


def test_a_youth_who_starts_at_the_app_is_not_asked_whom_they_mean(desk: Desk) -> None:
    ehr = desk.sandbox.browser("lotte")
    away = desk.client.get("/start?issuer=sandbox", base_url=APP)
    page = desk.page(desk.callback(ehr.authorize(away.location)))
    assert "Netwerk van Lotte" in page
    assert "je bent Lotte" in page


@pytest.mark.requirement("193")
@pytest.mark.rule("context-intent")
def test_a_koppeltaal_message_opens_the_network_with_data_of_the_apps_own(koppeltaal: Desk) -> None:
    ehr = koppeltaal.sandbox.browser()
    form = fields_of(ehr.http.get(f"{koppeltaal.sandbox.base_url}/children/noor/launch/module").text)
    away = koppeltaal.client.post("/launch", base_url=APP, data=form, headers=DOCUMENT)
    answer = koppeltaal.callback(ehr.authorize(away.location))
    assert "Netwerk van Noor" in koppeltaal.page(answer)
    launch = koppeltaal.active(answer.location)
    assert launch.by_backend
    assert launch.fhir_context[0] == ("launch", "Task/noor-steunfiguren")
    assert koppeltaal.client.post("/launch", base_url=APP, data=form, headers=DOCUMENT).status_code == 403, "once only"


SEVERAL = """
public_url = "http://localhost:8401"
signing_keys = ["{key}"]

[[issuers]]
key = "noord"
iss = "http://localhost:8400/fhir"
organisation = "Jeugdhulp Noord"
client_id = "at-noord"
frame_ancestors = ["http://localhost:8400"]
allow_private_addresses = true
language = "en"

[[issuers]]
key = "zuid"
iss = "http://localhost:8500/fhir"
organisation = "Jeugdhulp Zuid"
client_id = "at-zuid"
client_type = "asymmetric"
frame_ancestors = ["http://localhost:8500", "http://portaal.localhost:8501"]
allow_private_addresses = true
smart_style = false
scopes = ["launch", "openid", "fhirUser", "patient/Patient.rs", "patient/RelatedPerson.rs", "patient/CareTeam.rs"]
"""


def test_several_ehrs_of_one_settings_file_each_have_their_own_client_scopes_frame_and_look(
    keys: tuple[Path, ...], tmp_path: Path
) -> None:
    (tmp_path / "settings.toml").write_text(SEVERAL.format(key=keys[0]))
    settings = load_settings(tmp_path / "settings.toml", {"STEUNFIGUREN_ENCRYPTION_KEYS": KEY})
    public = replace(demo_app(APP, ("/callback/noord",)), client_id="at-noord")
    signed = replace(public, client_id="at-zuid", redirect_uris=(f"{APP}/callback/zuid",), auth=ASYMMETRIC)
    signed = replace(signed, jwks=SigningKeys.load(keys).jwks())
    ehrs = [
        InProcess(create_sandbox(SandboxSettings(base_url=f"http://localhost:{port}", clients=(client,))))
        for port, client in ((8400, public), (8500, signed))
    ]
    session = session_to({ehr.base_url: ehr.wsgi for ehr in ehrs})
    app = create_app(replace(settings, database_url="sqlite://"), session=session)
    client = app.test_client()
    noord, zuid = (Desk(app, client, ehr, name) for ehr, name in zip(ehrs, ("at-noord", "at-zuid"), strict=True))
    at_noord, at_zuid = noord.answer("noor").location, zuid.answer("daan").location
    pages = {path: client.get(path, base_url=APP) for path in (at_noord, at_zuid)}
    for path, child, other in ((at_noord, "Noor", "Daan"), (at_zuid, "Daan", "Noor")):
        assert child in pages[path].text
        assert other not in pages[path].text
    assert "Network of Noor" in pages[at_noord].text
    assert "Netwerk van Daan" in pages[at_zuid].text
    policies = [pages[path].headers["Content-Security-Policy"] for path in (at_noord, at_zuid)]
    assert "frame-ancestors http://localhost:8400;" in policies[0]
    assert "frame-ancestors http://localhost:8500 http://portaal.localhost:8501;" in policies[1]
    assert "look.css" in pages[at_noord].text
    assert "look.css" not in pages[at_zuid].text
    assert noord.active(at_noord).lacking == ()
    assert "patient/Consent.cruds" not in zuid.active(at_zuid).scopes
    assert noord.active(at_noord).user.reference == zuid.active(at_zuid).user.reference == "Practitioner/joke-de-vries"
