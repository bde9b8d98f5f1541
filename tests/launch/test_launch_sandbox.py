"""The whole launch against the sandbox EHR, which is strict by default and hostile on request."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from joserfc.jwk import ECKey, RSAKey
from launch_desk import APP, CLIENTS, SECRET, Desk, InProcess, settings_for

from fhir_plugin.errors import EhrError, SessionExpired
from smart_app.demo_settings import demo_settings
from smart_app.launch.keys import SigningKeys
from smart_app.launch.scopes import lacking
from smart_app.sandbox import SYMMETRIC, RegisteredClient, SandboxSettings, create_sandbox, demo_app


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ...]:
    folder = tmp_path_factory.mktemp("keys")
    for name, key in (("ec", ECKey.generate_key("P-384")), ("rsa", RSAKey.generate_key(2048))):
        (folder / name).write_bytes(key.as_pem(private=True))
    return (folder / "ec", folder / "rsa")


@pytest.fixture(scope="module")
def sandbox(keys: tuple[Path, ...]) -> InProcess:
    base = demo_app(APP, ("/callback/sandbox",))
    jwks = SigningKeys.load(keys).jwks()
    clients = tuple(
        replace(base, client_id=name, auth=auth, secret=SECRET if auth == SYMMETRIC else "", jwks=jwks)
        for name, (_, auth, _) in CLIENTS.items()
    )
    return InProcess(create_sandbox(SandboxSettings(clients=clients)))


@pytest.fixture(autouse=True)
def no_faults(sandbox: InProcess) -> Iterator[None]:
    yield
    for name in sandbox.parts.faults.names():
        sandbox.parts.faults.turn(name, on=False)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("demo")


@pytest.fixture
def desk(sandbox: InProcess, folder: Path) -> Desk:
    app = sandbox.app(settings_for(sandbox, folder, "public"))
    return Desk(app, app.test_client(), sandbox)


@pytest.mark.requirement("11", "12", "28", "64", "65", "66")
@pytest.mark.parametrize("name", CLIENTS)
def test_each_kind_of_client_launches_reads_and_renews(
    sandbox: InProcess, folder: Path, keys: tuple[Path, ...], name: str
) -> None:
    app = sandbox.app(settings_for(sandbox, folder, name, keys))
    launch = Desk(app, app.test_client(), sandbox, name).launch("noor")
    assert launch.user.reference == "Practitioner/joke-de-vries"
    assert launch.patient_id == "noor"
    assert launch.lacking == ()
    assert launch.ehr.read("Patient", "noor")["id"] == "noor"
    tokens = launch.ehr._transport._token
    assert tokens is not None
    first = tokens(False)
    assert tokens(True) != first
    assert launch.ehr.read("Patient", "noor")["id"] == "noor"


@pytest.mark.rule("context-user")
@pytest.mark.parametrize(
    ("user", "patient", "kind"),
    [("j.devries", "noor", "Practitioner"), ("lotte", "lotte", "Patient"), ("moeder-noor", "noor", "RelatedPerson")],
)
def test_each_kind_of_user_is_known_by_their_verified_identity(desk: Desk, user: str, patient: str, kind: str) -> None:
    launch = desk.launch(patient, user)
    assert launch.user.kind == kind


@pytest.mark.rule("token-granted")
def test_a_partial_grant_to_a_youth_shows_what_lacks(desk: Desk) -> None:
    launch = desk.launch("lotte", "lotte")
    assert {lack.resource for lack in launch.lacking} >= {"RelatedPerson", "Consent"}


def test_two_children_in_one_browser_stay_apart(desk: Desk) -> None:
    first, second = desk.launch("noor"), desk.launch("lotte")
    assert first.ehr.read("Patient", first.patient_id)["id"] == "noor"
    assert second.ehr.read("Patient", second.patient_id)["id"] == "lotte"
    with pytest.raises(EhrError):
        first.ehr.read("Patient", "lotte")


def test_signing_out_takes_the_tokens_back_at_the_ehr(desk: Desk) -> None:
    launch = desk.launch("noor")
    token = desk.app.extensions["steunfiguren.launcher"].store.tokens(launch.id).tokens
    form = {"csrf_token": launch.csrf_token, "patient": "noor"}
    assert desk.client.post(f"/l/{launch.id}/sign-out", base_url=APP, data=form).status_code == 200
    for held in (token.access, token.refresh):
        found = desk.sandbox.parts.server.state.token(held)
        assert found is None or found.is_revoked()


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        ("no-nonce", 303),
        ("no-kid", 303),
        ("opaque-token", 303),
        ("rotated-keys", 303),
        ("wrong-aud", 403),
        ("expired-id-token", 403),
        ("unknown-kid", 403),
        ("mix-up-iss", 400),
    ],
)
def test_a_fault_at_the_launch_is_met_or_refused_with_a_page(desk: Desk, fault: str, status: int) -> None:
    desk.sandbox.parts.faults.turn(fault, on=True)
    answer = desk.answer("noor")
    assert answer.status_code == status
    assert answer.mimetype == "text/html"


def test_a_refresh_onto_another_child_ends_the_launch(desk: Desk) -> None:
    launch = desk.launch("noor")
    desk.sandbox.parts.faults.turn("changed-patient-on-refresh", on=True)
    tokens = launch.ehr._transport._token
    assert tokens is not None
    tokens(False)
    for force in (True, False):
        with pytest.raises(SessionExpired):
            tokens(force)
    assert desk.client.get(f"/l/{launch.id}/worklist", base_url=APP).status_code == 409


def test_a_401_in_the_middle_is_mended_by_a_refresh(desk: Desk) -> None:
    launch = desk.launch("noor")
    desk.sandbox.parts.faults.turn("401-mid-session", on=True)
    assert launch.ehr.read("Patient", "noor")["id"] == "noor"


def test_the_registration_of_the_demo_fits_the_demo_settings(folder: Path) -> None:
    settings = demo_settings(folder)
    registered: RegisteredClient = demo_app(settings.public_url, ("/callback/sandbox",))
    assert registered.client_id == settings.issuers[0].client_id
    assert registered.check_redirect_uri(settings.redirect_uri(settings.issuers[0]))
    for asked in (settings.issuers[0].scopes, settings.issuers[0].standalone_scopes):
        assert not lacking(asked, registered.scope.split())
        assert {scope for scope in asked if "/" not in scope} <= set(registered.scope.split())
