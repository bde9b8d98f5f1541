"""The network of a launch, with what an EHR may hide of a safety block (L11).

A block is labelled to be kept from the child and the family. An EHR that heeds the label by leaving the Flag out
answers as if there were none: an empty list proves something only where the launch may read all Flags, and where access
of the app's own, if it has that, sees no other. Whatever is not sure counts as a block.
"""

from __future__ import annotations

import logging
from dataclasses import replace

from fhir_plugin.ehr.client import FhirClient
from fhir_plugin.ehr.entries import Entry
from fhir_plugin.ehr.network import NetworkGateway
from fhir_plugin.errors import SteunfigurenError
from fhir_plugin.mapping.json import text
from fhir_plugin.mapping.network import Mapped
from fhir_plugin.mapping.reading import collect
from fhir_plugin.mapping.safety import block_from, is_block
from smart_app.launch.phases import ActiveLaunch
from smart_app.launch.scopes import lacking

__all__ = ["read_network"]

READS_FLAGS = ("patient/Flag.rs",)

log = logging.getLogger(__name__)


def read_network(launch: ActiveLaunch, gateway: NetworkGateway) -> Mapped:
    """What the user may read of the record; sharing is off in it where a safety block may be hidden.

    Raises:
        EhrError: see :meth:`NetworkGateway.read`.
    """
    mapped = gateway.read(launch.patient_id)
    no_place = any(one.code == "part-unavailable" and one.param("kind") == "Flag" for one in mapped.report)
    if mapped.network.sharing_is_off or no_place:
        return mapped
    if not lacking(READS_FLAGS, launch.scopes) and not (launch.watch and _holds_block(launch.watch, launch.patient_id)):
        return mapped
    return replace(mapped, network=replace(mapped.network, safety_unknown=True))


def _holds_block(watch: FhirClient, patient_id: str) -> bool:
    """Whether the app's own access sees a block that is on; also where that cannot be said."""
    try:
        (answer,) = watch.batch([Entry.get(f"Flag?patient=Patient/{patient_id}")])
        answer.raise_for_status("search Flag")
        flags = collect(watch.pages(answer.body, "search Flag"), patient_id, watch.base_url).of("Flag")
    except SteunfigurenError as error:
        log.warning("safety not known", extra={"code": error.code})
        return True
    return any(is_block(flag) and block_from(flag, block_id=text(flag, "id")).active for flag in flags)
