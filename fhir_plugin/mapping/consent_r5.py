"""FHIR R5 Consent ↔ ConsentRecord (https://hl7.org/fhir/R5/consent.html): the same model in the newer spelling.

R5 turns the effect around with every nesting and knows one ``decision`` instead of a type per provision. What it cannot
say (a refusal that holds for one person only, a consent that was merely proposed) is refused, never dropped.
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

__all__ = ["consent_to_r5", "consents_from_r5", "read_r5_consents"]


def consents_from_r5(resources: Iterable[Any] | Json) -> list[ConsentRecord]:
    """The consents among FHIR R5 resources, in order; see :func:`read_r5_consents` for what was noticed."""
    return read_r5_consents(resources)[0]


def read_r5_consents(
    resources: Iterable[Any] | Json, *, key: Callable[[Json], str] | None = None
) -> tuple[list[ConsentRecord], Report]:
    """Read every Consent among FHIR R5 resources. Never raises; arguments and answer as for R4."""
    return read_all(resources, R5_CONSENT, key)


def consent_to_r5(record: ConsentRecord) -> Json:
    """The R5 Consent of a record, whichever version it was read from.

    Raises:
        MappingError: R5 cannot say it; ``where`` names the element.
    """
    return write_one(record, R5_CONSENT, R4_CONSENT)
