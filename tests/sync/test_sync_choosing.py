"""An EHR that takes everything is exactly one for which every way of writing is an entry of a transaction."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from fhir_plugin.ehr import FhirClient
from fhir_plugin.ehr.abilities import WRITTEN, Abilities
from fhir_plugin.sync.applying.ways.choosing import route_for

kinds = st.frozensets(st.sampled_from(sorted(WRITTEN)))
NEEDED = ("RelatedPerson", "CareTeam", "Consent", "Provenance")
STORE: Any = object()
"""A way of keeping here holds it, and is not asked to keep anything."""


@given(
    creates=st.one_of(st.just(frozenset(WRITTEN)), kinds),
    updates=kinds,
    patches=kinds,
    conditional=kinds,
    transaction=st.booleans(),
    if_match=st.booleans(),
)
def test_everything_is_taken_where_every_way_is_plain(**able: Any) -> None:
    abilities = Abilities(**able)
    route = route_for(abilities, FhirClient("https://ehr.example/fhir"), STORE)
    ways = [route.way(kind) for kind in NEEDED]
    plain = route.together and all(way.is_plain and way.create is not None for way in ways)
    assert abilities.takes_everything == plain
