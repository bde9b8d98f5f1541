"""FHIR R4 Consent ↔ ConsentRecord (https://hl7.org/fhir/R4/consent.html; our profile: SupportConsent).

Reading never raises and never ignores: an element that could change a decision is either in the record or named in its
``not_understood``. Writing changes only what differs from what was read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from fhir_plugin.mapping.consent_elements import R4_CONSENT
from fhir_plugin.mapping.consent_r5_elements import R5_CONSENT
from fhir_plugin.mapping.consent_spelling import read_all, write_one
from fhir_plugin.mapping.json import Json
from fhir_plugin.model.consent import ConsentRecord
from fhir_plugin.model.issues import Report

__all__ = ["consent_to_fhir", "consents_from_fhir", "read_consents"]


def consents_from_fhir(resources: Iterable[Any] | Json) -> list[ConsentRecord]:
    """The consents among FHIR R4 resources, in order; see :func:`read_consents` for what was noticed."""
    return read_consents(resources)[0]


def read_consents(
    resources: Iterable[Any] | Json, *, key: Callable[[Json], str] | None = None
) -> tuple[list[ConsentRecord], Report]:
    """Read every Consent among FHIR R4 resources. Never raises on what they hold.

    Args:
        resources: resources as parsed JSON, or Bundles of them; whatever is not a Consent is passed over.
        key: the id of a body that has none of its own yet (the ``urn:uuid:`` of a transaction entry).

    Returns:
        The records, and a report with the place of everything that was not understood. Two different bodies under
        one id contradict each other: neither of them permits.
    """
    return read_all(resources, R4_CONSENT, key)


def consent_to_fhir(record: ConsentRecord) -> Json:
    """The R4 Consent of a record: what was read, with what differs written into it.

    Raises:
        MappingError: the record would change provisions that were not understood, was too large to keep, is new and
            has no scope that FHIR knows, or was read from R5 and says something R4 cannot.
    """
    return write_one(record, R4_CONSENT, R5_CONSENT)
