"""Children whose every word and id tells whose it is, so that a stray one is found wherever it turns up."""

from __future__ import annotations

import re
from typing import Any

from fhir_plugin.mapping.network import to_fhir
from fhir_plugin.model.dates import PartialDate
from fhir_plugin.model.figure import Agreement, Designation, Engagement, SupportFigure, Tie
from fhir_plugin.model.identity import Coding, PersonName, Ref
from fhir_plugin.model.network import Child, SupportNetwork, Team
from fhir_plugin.model.terms import (
    ROL_VEKTIS,
    V3_ROLE_CODE,
    Designator,
    Function,
    LifeDomain,
    NetworkRing,
    Supports,
    TieQuality,
)
from smart_app.sandbox.auth.users import EhrUser

CHILDREN = ("a", "b", "c")
BORN = {"a": PartialDate(2012, 3, 4), "b": PartialDate(2016, 5, 6), "c": PartialDate(2009, 7, 8)}
MARK = re.compile(r"kanarie([a-z])", re.IGNORECASE)
READ = (
    "launch openid fhirUser offline_access patient/*.rs patient/RelatedPerson.cruds patient/CareTeam.cruds "
    "patient/Provenance.crs patient/Observation.cruds patient/Consent.cruds patient/AuditEvent.c"
)
USERS = (
    EhrUser(id="joke", name="Joke Werkster", fhir_user="Practitioner/joke", role="professional"),
    EhrUser(id="mourad", name="Mourad Werker", fhir_user="Practitioner/mourad", role="professional"),
    *(
        EhrUser(id=f"{who}-{child}", name=f"Kanarie{child} zelf", fhir_user=ref, role=role, record=f"kanarie{child}",
                scope=READ)
        for child in CHILDREN
        for who, ref, role in (
            ("jongere", f"Patient/kanarie{child}", "youth"),
            ("moeder", f"RelatedPerson/moeder-kanarie{child}", "parent"),
            ("tante", f"RelatedPerson/tante-kanarie{child}", "figure"),
        )
    ),
)  # fmt: skip
"""Two professionals who see every child, and three people who see one."""


def patient_id(child: str) -> str:
    """Logical id of a child's Patient."""
    return f"kanarie{child}"


def marks(text: str) -> set[str]:
    """Whose words stand in a text."""
    return {found.lower() for found in MARK.findall(text)}


def users_of(child: str) -> tuple[str, ...]:
    """Who can open this child's record; the professionals are in it most."""
    return (*("joke", "joke", "mourad") * 3, f"jongere-{child}", f"moeder-{child}", f"tante-{child}")


def record(child: str) -> list[dict[str, Any]]:
    """A child with two figures, a mother with authority, an uncle who is no figure yet, and a team."""
    mark = f"Kanarie{child}"
    network = SupportNetwork(
        child=Child(
            id=patient_id(child),
            name=PersonName(call_name=mark, own_name=mark),
            birth_date=BORN[child],
            organization=Ref(reference=f"Organization/zorg-{mark.lower()}", display=f"Zorg {mark}"),
        ),
        figures=(_figure(child, "tante", "AUNT"), _figure(child, "buur", "NBOR")),
        team=Team(id=f"team-{mark.lower()}", name=f"Netwerk van {mark}"),
    )
    bodies = [entry["resource"] for entry in to_fhir(network)["entry"]]
    for number, body in enumerate(bodies):
        body.setdefault("id", f"deel-{number}-{mark.lower()}")
    return [*bodies, _relative(child, "moeder", "MTH", (("24", ROL_VEKTIS),)), _relative(child, "oom", "UNCLE", ())]


def _figure(child: str, key: str, code: str) -> SupportFigure:
    mark = f"Kanarie{child}"
    return SupportFigure(
        id=f"{key}-{mark.lower()}",
        own_label=f"{key} {mark}",
        name=PersonName(call_name=key.title(), own_name=mark),
        relations=(Coding(system=V3_ROLE_CODE, code=code),),
        supports=(Supports.YOUTH,),
        life_domains=(LifeDomain.FAMILY,),
        designations=(Designation(by=Designator.YOUTH, who=Ref(reference=f"Patient/{patient_id(child)}")),),
        agreement=Agreement(agreed=True, informed_on=PartialDate(2026, 2, 3)),
        engagement=Engagement(functions=(Function.EMOTIONAL,)),
        ties=(Tie(ring=NetworkRing.INNER, quality=TieQuality.CLOSE, on=PartialDate(2026, 2, 3)),),
    )


def _relative(child: str, key: str, code: str, roles: tuple[tuple[str, str], ...]) -> dict[str, Any]:
    mark = f"Kanarie{child}"
    codes = [*roles, (code, V3_ROLE_CODE)]
    return {
        "resourceType": "RelatedPerson",
        "id": f"{key}-{mark.lower()}",
        "active": True,
        "patient": {"reference": f"Patient/{patient_id(child)}"},
        "relationship": [{"coding": [{"system": system, "code": value}]} for value, system in codes],
        "name": [{"use": "official", "text": f"{key} {mark}", "family": mark, "given": [key.title()]}],
    }
