"""No way of changing a resource writes over what somebody else wrote since it was read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from fhir_plugin.ehr import FhirClient
from fhir_plugin.ehr.memory import Behaviour, MemoryEhr
from fhir_plugin.ehr.memory_adapter import memory_session
from fhir_plugin.errors import EhrConflict
from fhir_plugin.sync.applying.ways import updating
from fhir_plugin.sync.applying.ways.tasks import Task, Update

WAYS: dict[str, tuple[bool, Callable[[FhirClient], Update]]] = {
    "If-Match": (True, updating.MatchedPut),
    "compared": (False, updating.ComparedPut),
    "patch": (True, updating.TestedPatch),
    "patch, versions passed over": (False, lambda client: updating.TestedPatch(client, matched=False)),
}
PHONE = [{"system": "phone", "value": "0612345601"}]
EDITS: dict[str, dict[str, Any]] = {
    "the same element, that was not there": {"telecom": [{"system": "phone", "value": "0612345699"}]},
    "the same element, that was there": {"active": False, "gender": "female"},
}


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS)
@pytest.mark.parametrize("way", WAYS)
def test_an_edit_since_the_reading_stays_and_is_a_conflict(way: str, edit: dict[str, Any]) -> None:
    honours, make = WAYS[way]
    ehr = MemoryEhr(behaviour=Behaviour(honours_if_match=honours))
    client = FhirClient(ehr.base_url, session=memory_session(ehr))
    before = ehr.add({"resourceType": "RelatedPerson", "id": "r1", "active": True, "gender": "unknown"})
    task = Task(body={**before, "gender": "other", "telecom": PHONE}, before=before, version="1", patient="Patient/p1")
    ehr.add({**before, **edit})
    with pytest.raises(EhrConflict):
        make(client)(task)
    (held,) = ehr.all("RelatedPerson")
    assert {name: held[name] for name in edit} == edit
