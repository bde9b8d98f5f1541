"""Reprs end up in logs: they hold codes and ids, never what people wrote."""

from __future__ import annotations

import dataclasses
from types import ModuleType
from typing import Any

import pytest

from fhir_plugin.model import carried, consent, figure, identity, network, safety

TOLD = {"id", "system", "code", "status", "gender", "reference", "meaning", "policy_uri"}
"""Texts that are a code, an id or an address of a document."""
MODELS = [
    kind
    for module in (consent, figure, identity, network, safety)
    for kind in vars(module).values()
    if isinstance(kind, type) and dataclasses.is_dataclass(kind) and kind.__module__ == module.__name__
]


@pytest.mark.parametrize("kind", MODELS, ids=lambda kind: kind.__name__)
def test_what_people_wrote_stays_out_of_the_repr(kind: Any) -> None:
    written = {each.name for each in dataclasses.fields(kind) if each.repr and each.type in ("str", "tuple[str, ...]")}

    assert written - TOLD <= ({"not_understood"} if kind is consent.ConsentRecord else set())


def test_every_kind_of_value_in_the_model_is_looked_at() -> None:
    modules: list[ModuleType] = [consent, figure, identity, network, safety]
    assert len(MODELS) > 20
    assert {kind.__module__ for kind in MODELS} == {module.__name__ for module in modules}


def test_a_body_shows_no_more_than_its_type() -> None:
    assert (
        repr(carried.Carried({"resourceType": "Patient", "id": "1", "name": [{"text": "Sanne"}]})) == "Carried(Patient)"
    )
