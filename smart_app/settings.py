"""What the operator decides: one frozen value, complete and checked before the first request.

Read from one TOML file by :func:`smart_app.settings_file.load_settings`; secrets come from the environment or from
files of their own and never show in a ``repr``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from ipaddress import ip_address
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

from fhir_plugin.texts import Language
from smart_app.api.settings import ValidatorSettings

__all__ = [
    "DEFAULT_SCOPES",
    "ClientType",
    "Exposure",
    "Issuer",
    "RateLimits",
    "SessionLimits",
    "Settings",
    "is_loopback",
]

DEFAULT_SCOPES = (
    "launch",
    "openid",
    "fhirUser",
    "offline_access",
    "patient/Patient.rs",
    "patient/Person.rs",
    "patient/RelatedPerson.cruds",
    "patient/CareTeam.cruds",
    "patient/Consent.cruds",
    "patient/Observation.cruds",
    "patient/Flag.cruds",
    "patient/Task.cruds",
    "patient/Provenance.crs",
    "patient/AuditEvent.c",
)
"""The least the app can do its work with (App Launch 2.2, *Request an authorization code*: scopes SHOULD be
minimal)."""


class ClientType(StrEnum):
    """How the app proves itself at the token endpoint (App Launch 2.2, *client authentication*)."""

    PUBLIC = "public"
    SYMMETRIC = "symmetric"
    ASYMMETRIC = "asymmetric"


@dataclass(frozen=True, slots=True, kw_only=True)
class Issuer:
    """One EHR that may launch the app.

    Attributes:
        key: short name in our own URLs (``/callback/<key>``) and log lines.
        iss: FHIR base URL, compared character for character with the ``iss`` of a launch.
        organisation: shown on every page, before anything is written.
        client_id: as the EHR registered us.
        client_type: public, symmetric (``client_secret``) or asymmetric (``signing_algorithm``).
        client_secret: only for symmetric clients.
        signing_algorithm: RS384 or ES384; the first signing key of that kind signs.
        scopes: asked at an EHR launch; a standalone launch asks ``launch/patient`` instead of ``launch``.
        frame_ancestors: origins that may show the app in a frame; none means it is never framed.
        hosts: hosts, besides that of ``iss``, on which this issuer's endpoints may live.
        allow_private_addresses: whether the EHR may resolve to a private or loopback address.
        authorize_post: whether to send every authorization request as a form POST where the EHR takes them; long ones
            always go that way.
        allow_missing_s256: whether to launch although the EHR does not advertise PKCE S256.
        check_refreshed_identity: whether an id_token that comes with a refresh must hold like the first one (OIDC Core
            12.2). An EHR that sends one without ``aud``, or the old one again, ends every launch at its first refresh.
        smart_style: whether the EHR's ``smart_style_url`` is applied.
        standalone: whether people may start at the app and choose this EHR.
        language: language of a launch that asks for none; None takes that of the settings.
        backend_scopes: system scopes of the app's own access (Backend Services): for all data of an EHR that launches
            by Koppeltaal; elsewhere, with ``system/Flag.rs`` in them, to see a safety block that it hides from family.
        introspection: URL that checks Koppeltaal's launch messages, or empty where the metadata name it.
    """

    key: str
    iss: str
    organisation: str
    client_id: str
    client_type: ClientType = ClientType.PUBLIC
    client_secret: str = field(default="", repr=False)
    signing_algorithm: str = "ES384"
    scopes: tuple[str, ...] = DEFAULT_SCOPES
    frame_ancestors: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    allow_private_addresses: bool = False
    authorize_post: bool = False
    allow_missing_s256: bool = False
    check_refreshed_identity: bool = True
    smart_style: bool = True
    standalone: bool = False
    language: Language | None = None
    backend_scopes: tuple[str, ...] = ()
    introspection: str = ""

    @property
    def allowed_hosts(self) -> frozenset[str]:
        """``host[:port]`` of every server this issuer may send us to."""
        return frozenset({urlsplit(self.iss).netloc, *self.hosts})

    @property
    def standalone_scopes(self) -> tuple[str, ...]:
        """The same access, with the choice of a patient in place of the EHR's context."""
        return tuple("launch/patient" if scope == "launch" else scope for scope in self.scopes)


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionLimits:
    """How long things live."""

    idle: timedelta = timedelta(minutes=30)
    absolute: timedelta = timedelta(hours=10)
    state: timedelta = timedelta(minutes=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class RateLimits:
    """What one address and one launch may ask of us; a whole organisation often shares one address."""

    launches_per_minute: int = 600
    requests_per_minute: int = 600
    request_bytes: int = 512 * 1024


class Exposure(Protocol):
    """What headers and limits depend on: how the app is reached, and how much it takes."""

    @property
    def secure(self) -> bool:
        """Whether browsers reach it over https."""

    @property
    def trusted_proxies(self) -> int:
        """Number of reverse proxies whose ``X-Forwarded-*`` headers are believed."""

    @property
    def limits(self) -> RateLimits:
        """How often and how much."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditSettings:
    """Where the audit trail goes, and how long ours is kept.

    Attributes:
        to_ehr: offer AuditEvents to EHRs that take them; else all stay in the local log.
        retention_years: of the local log; NEN 7513 asks for at least five.
    """

    to_ehr: bool = True
    retention_years: int = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything :func:`smart_app.app.create_app` needs to know.

    Attributes:
        public_url: origin at which browsers reach the app, without a path.
        issuers: the EHRs that may launch it.
        encryption_keys: 32-byte AES keys; the first encrypts, all decrypt, so a new one is put in front to rotate.
        signing_keys: private keys (PEM or JWK files) for asymmetric clients; all are published in ``/jwks.json``.
        database_url: SQLAlchemy URL; SQLite or PostgreSQL.
        data_dir: where local files (database, audit log) live.
        language: language of a launch that asks for none.
        trusted_proxies: number of reverse proxies whose ``X-Forwarded-*`` headers are believed.
        session: how long launches live.
        limits: how often and how much.
        validator: limits and packages of ``$validate`` and its page; None leaves both out.
    """

    public_url: str
    issuers: tuple[Issuer, ...]
    encryption_keys: tuple[bytes, ...] = field(repr=False)
    signing_keys: tuple[Path, ...] = ()
    database_url: str = field(default="sqlite:///var/app.sqlite", repr=False)
    data_dir: Path = Path("var")
    language: Language = "nl"
    trusted_proxies: int = 0
    session: SessionLimits = SessionLimits()
    limits: RateLimits = RateLimits()
    audit: AuditSettings = AuditSettings()
    validator: ValidatorSettings | None = field(default_factory=ValidatorSettings)

    @property
    def secure(self) -> bool:
        """Whether browsers reach the app over https (anything else is only allowed on loopback)."""
        return self.public_url.startswith("https://")

    @property
    def frame_ancestors(self) -> tuple[str, ...]:
        """Who may frame a page that holds nothing but "open it again from the record": every configured EHR."""
        return tuple(dict.fromkeys(origin for issuer in self.issuers for origin in issuer.frame_ancestors))

    def url(self, path: str) -> str:
        """The absolute address of one of our own paths; never derived from the Host header."""
        return self.public_url + path

    def redirect_uri(self, issuer: Issuer) -> str:
        """Each issuer has its own redirect URI, so that answers cannot be mixed up (RFC 9700, 4.4.2.1)."""
        return self.url(f"/callback/{issuer.key}")


def is_loopback(host: str | None) -> bool:
    """Whether a host name means this machine: the only place where http is acceptable."""
    if host == "localhost":
        return True
    try:
        return ip_address(host or "").is_loopback
    except ValueError:
        return False
