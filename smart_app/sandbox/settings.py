"""Settings of the embedded EHR."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from smart_app.sandbox.auth.clients import RegisteredClient

__all__ = ["SandboxSettings", "demo_app"]


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxSettings:
    """What the embedded EHR is to be.

    Attributes:
        base_url: its own origin; the FHIR base is ``<base_url>/fhir``, which is also the issuer.
        database: a SQLite file, or ``:memory:``.
        clients: SMART apps and backend services that are registered.
        clock: gives the current aware instant, for ages, ``lastUpdated`` and the life of tokens.
        faults: names of faults that are on from the start (see ``faults.py``).
        fhir_base: another FHIR R4 server to keep the resources in; empty for the embedded store.
        seed: put the synthetic clients in at the start, where the store is still empty.
        load: folders or files with FHIR resources to put in besides.
        open_access: answer FHIR requests without a token; only for tests of FHIR clients.
        validate: refuse to store what is not valid FHIR.
        cross_site: the EHR's own cookie also works inside a frame of another site (SameSite=None; Secure).
        token_seconds: life of an access token.
        pause: waits so many seconds (the fault ``slow``).
        max_body: largest request in bytes.
    """

    base_url: str = "http://localhost:8400"
    database: str = ":memory:"
    clients: tuple[RegisteredClient, ...] = ()
    clock: Callable[[], datetime] = field(default=_now, repr=False)
    faults: frozenset[str] = frozenset()
    fhir_base: str = ""
    seed: bool = True
    load: tuple[Path, ...] = ()
    open_access: bool = False
    validate: bool = False
    cross_site: bool = False
    token_seconds: int = 600
    pause: Callable[[float], None] = field(default=time.sleep, repr=False)
    max_body: int = 32 * 1024 * 1024

    @property
    def issuer(self) -> str:
        """FHIR base URL, and the issuer of tokens."""
        return f"{self.base_url}/fhir"


APP_SCOPES = (
    "launch launch/patient openid fhirUser offline_access online_access "
    "patient/Patient.rs patient/RelatedPerson.cruds patient/CareTeam.cruds patient/Consent.cruds "
    "patient/Provenance.crs patient/Observation.cruds patient/Flag.cruds patient/Task.cruds patient/AuditEvent.crs "
    "patient/Condition.rs patient/DocumentReference.rs patient/Person.rs "
    "patient/Practitioner.rs patient/PractitionerRole.rs patient/Organization.rs "
    "user/Practitioner.rs user/PractitionerRole.rs user/Organization.rs user/Patient.rs "
    "user/RelatedPerson.rs user/CareTeam.rs user/Consent.rs"
)
"""What the app of this project may ask for; a launch grants at most this, and less where the user may less."""


def demo_app(app_url: str, redirect_paths: tuple[str, ...] = ("/callback",)) -> RegisteredClient:
    """The registration of the app of this project, as a public client, on its own origin."""
    return RegisteredClient(
        client_id="steunfiguren-app",
        name="Steunfiguren",
        launch_url=f"{app_url}/launch",
        redirect_uris=tuple(f"{app_url}{path}" for path in redirect_paths),
        scope=APP_SCOPES,
    )
