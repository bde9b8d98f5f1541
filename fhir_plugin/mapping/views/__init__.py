"""Other dialects of the same network: Koppeltaal 2.0, zib2024 and STU3 (zib2017).

A view never invents what is missing and never silently drops what it cannot carry: both are in its report. While
sharing is off there is no view at all.
"""

from __future__ import annotations

from typing import Literal

from fhir_plugin.mapping.json import Json
from fhir_plugin.mapping.network import to_fhir
from fhir_plugin.mapping.views.blocked import refused, viewable
from fhir_plugin.mapping.views.koppeltaal import to_koppeltaal
from fhir_plugin.mapping.views.stu3 import to_stu3
from fhir_plugin.mapping.views.zib2024 import to_zib2024
from fhir_plugin.model.issues import Report
from fhir_plugin.model.network import SupportNetwork

__all__ = ["ViewName", "to_koppeltaal", "to_stu3", "to_zib2024", "write_view"]

ViewName = Literal["r4", "koppeltaal", "zib2024", "stu3"]


def write_view(network: SupportNetwork, view: ViewName) -> tuple[Json, Report]:
    """A network in one of the dialects, with a report of what that dialect could not carry.

    Raises:
        MappingError: as :func:`fhir_plugin.mapping.network.to_fhir`.
    """
    match view:
        case "koppeltaal":
            return to_koppeltaal(network)
        case "zib2024":
            return to_zib2024(network)
        case "stu3":
            return to_stu3(network)
        case _:
            if (refusal := refused(network)) is not None:
                return refusal
            own, left_out = viewable(network)
            return to_fhir(own), Report(issues=left_out)
