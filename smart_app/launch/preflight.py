"""What an EHR says of itself, before anybody launches: metadata, keys and scopes, never patient data."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from fhir_plugin.errors import SteunfigurenError
from smart_app.launch.discovery import Endpoints, discover
from smart_app.launch.id_token import KeyCache
from smart_app.launch.keys import SigningKeys
from smart_app.launch.network import Outbound, guarded_session
from smart_app.settings import ClientType, Issuer

__all__ = ["Finding", "preflight"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was looked at, in words for an operator."""

    fine: bool
    text: str


def preflight(issuer: Issuer, keys: SigningKeys, outbound: Outbound | None = None) -> Iterator[Finding]:
    """Ask an EHR for what a launch needs, in the order of a launch; stops where going on makes no sense."""
    outbound = outbound or Outbound(issuer, guarded_session(issuer))
    try:
        endpoints = discover(outbound)
    except SteunfigurenError as error:
        yield Finding(fine=False, text=str(error))
        return
    yield Finding(fine=True, text=f"metadata: authorize at {endpoints.authorize}, token at {endpoints.token}")
    yield from _identity(outbound, endpoints)
    if issuer.client_type is ClientType.ASYMMETRIC:
        yield _signature(issuer, endpoints, keys)


def _identity(outbound: Outbound, endpoints: Endpoints) -> Iterator[Finding]:
    if "openid" not in outbound.issuer.scopes:
        return
    if not endpoints.jwks or not endpoints.issuer:
        yield Finding(
            fine=False, text="identity: the metadata name no issuer or jwks_uri, so no id_token can be checked"
        )
        return
    try:
        found = KeyCache().keys(outbound, endpoints.jwks)
    except SteunfigurenError as error:
        yield Finding(fine=False, text=f"identity: {error}")
        return
    yield Finding(fine=True, text=f"identity: {len(found.keys)} public key(s) at {endpoints.jwks}")


def _signature(issuer: Issuer, endpoints: Endpoints, keys: SigningKeys) -> Finding:
    try:
        keys.assertion(client_id=issuer.client_id, audience=endpoints.token, algorithm=issuer.signing_algorithm)
    except SteunfigurenError as error:
        return Finding(fine=False, text=f"signing: {error}")
    return Finding(fine=True, text=f"signing: {issuer.signing_algorithm} works")
