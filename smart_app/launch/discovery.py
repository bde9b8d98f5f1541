"""Where an EHR's authorization server is, and what it can do.

Sources: App Launch 2.2, *Conformance* (``.well-known/smart-configuration``); OpenID Connect Discovery 1.0; FHIR R4
``oauth-uris`` extension of the CapabilityStatement for servers older than SMART 2.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock
from typing import Any
from urllib.parse import urljoin

from fhir_plugin.errors import EhrProtocolError, UnknownIssuer
from smart_app.launch.network import Outbound
from smart_app.settings import Issuer

__all__ = ["Discovery", "Endpoints", "discover"]

OAUTH_URIS = "http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris"
CACHE_SECONDS = 600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoints:
    """What discovery found; empty strings where the EHR names none.

    Attributes:
        issuer: identifier of the authorization server (``iss`` of id_tokens and of RFC 9207).
        authorize: authorization endpoint.
        token: token endpoint.
        jwks: where its public keys are.
        introspection: RFC 7662 endpoint.
        revocation: RFC 7009 endpoint.
        authorize_post: whether it takes authorization requests as a form POST.
        sends_iss: whether its authorization responses carry ``iss`` (RFC 9207).
        id_token_algorithms: algorithms it says it signs with.
        capabilities: what it says it can do.
    """

    issuer: str
    authorize: str
    token: str
    jwks: str = ""
    introspection: str = ""
    revocation: str = ""
    authorize_post: bool = False
    sends_iss: bool = False
    id_token_algorithms: tuple[str, ...] = ()
    capabilities: tuple[str, ...] = ()


class Discovery:
    """Endpoints per issuer, kept for ten minutes."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._found: dict[str, tuple[float, Endpoints]] = {}
        self._lock = Lock()

    def endpoints(self, outbound: Outbound) -> Endpoints:
        """What is known, or asked now.

        Raises:
            EhrError: the EHR does not answer, or not with usable metadata.
            UnknownIssuer: it names a server that is not its own.
        """
        key = outbound.issuer.key
        with self._lock:
            kept = self._found.get(key)
        if kept is not None and self._clock() < kept[0] + CACHE_SECONDS:
            return kept[1]
        found = discover(outbound)
        with self._lock:
            self._found[key] = (self._clock(), found)
        return found


def discover(outbound: Outbound) -> Endpoints:
    """Ask an EHR where its authorization server is.

    Raises:
        EhrProtocolError: no metadata, no endpoints, or no PKCE S256 where the settings ask for it.
        UnknownIssuer: an endpoint is on a server that is not this issuer's.
    """
    issuer = outbound.issuer
    smart = _smart_configuration(outbound)
    openid = _openid_configuration(outbound, smart)
    merged = {**openid, **{name: value for name, value in smart.items() if value}}
    if not issuer.allow_missing_s256 and "S256" not in _strings(merged, "code_challenge_methods_supported"):
        message = "The EHR does not say that it protects launches with PKCE S256."
        remedy = f"Ask the EHR to advertise it, or set allow_missing_s256 for issuer {issuer.key}."
        raise EhrProtocolError(message, code="no-s256", where="smart-configuration", remedy=remedy)
    capabilities = _strings(merged, "capabilities")
    found = Endpoints(
        issuer=_text(merged, "issuer"),
        authorize=_text(merged, "authorization_endpoint"),
        token=_text(merged, "token_endpoint"),
        jwks=_text(merged, "jwks_uri"),
        introspection=issuer.introspection or _text(merged, "introspection_endpoint"),
        revocation=_text(merged, "revocation_endpoint"),
        authorize_post="authorize-post" in capabilities,
        sends_iss=merged.get("authorization_response_iss_parameter_supported") is True,
        id_token_algorithms=_strings(openid or merged, "id_token_signing_alg_values_supported"),
        capabilities=capabilities,
    )
    _check(outbound, found)
    return found


def _smart_configuration(outbound: Outbound) -> dict[str, Any]:
    base = outbound.issuer.iss.rstrip("/")
    status, document = outbound.get(f"{base}/.well-known/smart-configuration", what="smart-configuration")
    if status == 200 and isinstance(document, dict):
        return {name: _resolved(base, name, value) for name, value in document.items()}
    status, document = outbound.get(f"{base}/metadata", what="metadata", headers={"Accept": "application/fhir+json"})
    found = _oauth_uris(document) if status == 200 else {}
    if not found:
        message = "The EHR does not say where its authorization server is."
        remedy = f"It must serve {{iss}}/.well-known/smart-configuration; check iss of issuer {outbound.issuer.key}."
        raise EhrProtocolError(message, code="no-smart", where="smart-configuration", status=status, remedy=remedy)
    return found


def _openid_configuration(outbound: Outbound, smart: dict[str, Any]) -> dict[str, Any]:
    """What the OpenID metadata add; their absence is no error, for not every EHR signs people in with OpenID."""
    issuer = _text(smart, "issuer")
    if not issuer or (_text(smart, "jwks_uri") and "id_token_signing_alg_values_supported" in smart):
        return {}
    url = f"{issuer.rstrip('/')}/.well-known/openid-configuration"
    if not outbound.allowed(url):
        return {}
    status, document = outbound.get(url, what="openid-configuration")
    if status != 200 or not isinstance(document, dict) or document.get("issuer") != issuer:
        return {}
    return document


def _oauth_uris(document: Any) -> dict[str, Any]:
    names = {"authorize": "authorization_endpoint", "token": "token_endpoint"}
    found: dict[str, Any] = {}
    for rest in _dicts(document, "rest"):
        for extension in _dicts(rest.get("security"), "extension"):
            if extension.get("url") == OAUTH_URIS:
                for part in _dicts(extension, "extension"):
                    if part.get("url") in names and isinstance(part.get("valueUri"), str):
                        found[names[part["url"]]] = part["valueUri"]
    return found


def _check(outbound: Outbound, found: Endpoints) -> None:
    if not found.token or not found.authorize:
        message = "The EHR's metadata name no authorization or token endpoint."
        raise EhrProtocolError(message, code="no-smart", where="smart-configuration", remedy="Report this to the EHR.")
    for url in (found.authorize, found.token, found.jwks, found.introspection, found.revocation):
        if url and not outbound.allowed(url):
            message = "The EHR names an address on a server that is not known to be its own."
            remedy = f"If it is right, add its host to hosts of issuer {outbound.issuer.key}."
            raise UnknownIssuer(message, code="issuer-host", where="smart-configuration", remedy=remedy)


def _resolved(base: str, name: str, value: Any) -> Any:
    """Relative endpoints count from the FHIR base (App Launch 2.2, *Using .well-known*)."""
    is_url = name.endswith(("_endpoint", "_uri")) and isinstance(value, str) and value
    return urljoin(base + "/", value) if is_url else value


def _dicts(holder: Any, name: str) -> list[dict[str, Any]]:
    values = holder.get(name) if isinstance(holder, dict) else None
    return [value for value in values if isinstance(value, dict)] if isinstance(values, list) else []


def _text(document: dict[str, Any], name: str) -> str:
    value = document.get(name)
    return value if isinstance(value, str) else ""


def _strings(document: dict[str, Any], name: str) -> tuple[str, ...]:
    values = document.get(name)
    return tuple(value for value in values if isinstance(value, str)) if isinstance(values, list) else ()


def issuer_of(issuers: tuple[Issuer, ...], iss: str | None) -> Issuer:
    """The configured EHR with exactly this ``iss``: compared as text, before any request goes out.

    Raises:
        UnknownIssuer: there is none.
    """
    for issuer in issuers:
        if issuer.iss == iss:
            return issuer
    remedy = "Ask the manager of your record system to connect the app, with exactly this address."
    raise UnknownIssuer("This record system is not known to the app.", remedy=remedy)
