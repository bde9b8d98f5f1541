"""Granting, replacing, withdrawing and expiring a consent as the entries of one FHIR transaction.

The app and the sync engine put these entries, all of them, in their transaction: the server then takes the new state
and the end of the old one together, or neither (https://hl7.org/fhir/R4/http.html#transaction).
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable

from fhir_plugin.consent.facts import Facts
from fhir_plugin.consent.granting import Grant, expire, grant, replacement, withdraw
from fhir_plugin.consent.policy import Policy
from fhir_plugin.errors import UsageError
from fhir_plugin.mapping.consent import consent_to_fhir
from fhir_plugin.mapping.json import Json
from fhir_plugin.model.consent import ConsentRecord
from fhir_plugin.model.identity import Ref

__all__ = ["entries_of", "expire_entries", "grant_entries", "replace_entries", "withdraw_entries"]


def grant_entries(wanted: Grant, facts: Facts, policy: Policy) -> tuple[Json, ...]:
    """One entry that creates the consent.

    Raises:
        UsageError: the grant has errors; :func:`fhir_plugin.consent.granting.check_grant` names them.
    """
    return entries_of((grant(wanted, facts, policy, record_id=_urn()),))


def replace_entries(old: ConsentRecord, wanted: Grant, facts: Facts, policy: Policy) -> tuple[Json, ...]:
    """The old consent inactive and the new one created.

    Raises:
        UsageError: as for granting; or the old one is of another child or not active.
    """
    return entries_of(replacement(old, grant(wanted, facts, policy, record_id=_urn())))


def withdraw_entries(record: ConsentRecord, by: Ref) -> tuple[Json, ...]:
    """The consent inactive, and what the other grantors signed created anew.

    Raises:
        UsageError: this person did not sign it, or it is not active.
    """
    return entries_of(withdraw(record, by, remainder_id=_urn()))


def expire_entries(record: ConsentRecord) -> tuple[Json, ...]:
    """The consent inactive.

    Raises:
        UsageError: it is not active.
    """
    return entries_of(expire(record))


def entries_of(records: Iterable[ConsentRecord]) -> tuple[Json, ...]:
    """The transaction entries that bring the EHR to these states: a stored one with If-Match, a new one by POST.

    Raises:
        UsageError: a record has neither an id nor a ``urn:uuid:`` that stands for a new one.
        MappingError: a record cannot be expressed.
    """
    return tuple(_entry(record) for record in records)


def _entry(record: ConsentRecord) -> Json:
    body = consent_to_fhir(record)
    if record.id.startswith("urn:uuid:"):
        return {"fullUrl": record.id, "resource": body, "request": {"method": "POST", "url": "Consent"}}
    if not record.id:
        raise UsageError(
            "A consent without an id cannot be written.", code="consent-without-id", remedy="Give it a urn:uuid id."
        )
    request: Json = {"method": "PUT", "url": f"Consent/{record.id}"}
    if record.version:
        request["ifMatch"] = f'W/"{record.version}"'
    return {"resource": body, "request": request}


def _urn() -> str:
    return f"urn:uuid:{uuid.uuid4()}"
