"""The version of FHIR an EHR speaks; inside the product everything is R4."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

__all__ = ["R4", "STU3", "Dialect"]

Json = dict[str, Any]


class Dialect(Protocol):
    """How resources are written in one version of FHIR."""

    def up(self, body: Json) -> Json:
        """A resource as the EHR gives it, as R4."""

    def down(self, body: Json) -> Json:
        """An R4 resource as the EHR takes it.

        Raises:
            EhrRejected: that version cannot say it.
        """


@dataclass(frozen=True, slots=True)
class _R4:
    def up(self, body: Json) -> Json:
        return body

    def down(self, body: Json) -> Json:
        return body


@dataclass(frozen=True, slots=True)
class _Stu3:
    def up(self, body: Json) -> Json:
        from fhir_plugin.ehr.stu3 import up  # loading it takes longer than many a run; most EHRs speak R4

        return up(body)

    def down(self, body: Json) -> Json:
        from fhir_plugin.ehr.stu3 import down

        return down(body)


R4: Dialect = _R4()
STU3: Dialect = _Stu3()
"""https://hl7.org/fhir/STU3/; zib2017 (http://fhir.nl/fhir/StructureDefinition/nl-core-relatedperson)."""
