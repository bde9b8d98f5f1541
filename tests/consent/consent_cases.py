"""Cases of the consent tests as plain data: what is asked, the R4 consents, the facts; and how ours are made of them.

The three dictionaries are the interface of the independent reference decider too (``REFERENCE.md``).
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from fhir_plugin.consent import (
    AccessRequest,
    Action,
    Authority,
    Confidentiality,
    DataItem,
    Facts,
    FigureFacts,
    Membership,
    Permit,
    Policy,
    Refusal,
    decide,
    load_policy,
)
from fhir_plugin.mapping.consent import consents_from_fhir
from fhir_plugin.model.consent import Interval
from fhir_plugin.model.dates import PartialDate, Period, day_after, midnight
from fhir_plugin.model.identity import Coding, Ref

POLICY = load_policy()
TABLE = Path(__file__).with_name("decision_table.toml")
CATEGORY = "https://w3id.org/steunfiguren/fhir/CodeSystem/information-category"
REFS = {
    "child": "Patient/child",
    "sibling": "Patient/sibling",
    "mother": "RelatedPerson/mother",
    "father": "RelatedPerson/father",
    "aunt": "RelatedPerson/aunt",
    "uncle": "RelatedPerson/uncle",
    "gi": "Organization/gi",
    "team": "CareTeam/team",
}
_V3 = "http://terminology.hl7.org/CodeSystem/v3-"
_CODED = {
    "purpose": ("purpose", f"{_V3}ActReason", False),
    "class": ("class", "http://hl7.org/fhir/resource-types", False),
    "label": ("securityLabel", f"{_V3}Confidentiality", False),
    "code": ("code", CATEGORY, True),
    "action": ("action", "http://terminology.hl7.org/CodeSystem/consentaction", True),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One question with everything that is known; ``expected`` is None where nobody has said what the answer is."""

    name: str
    request: dict[str, Any]
    consents: list[dict[str, Any]]
    facts: dict[str, Any]
    expected: bool | None = None
    audited: bool = False


def decided(case: Case, policy: Policy = POLICY) -> Permit | Refusal:
    """Our answer to a case."""
    return decide(request_of(case.request), consents_from_fhir(case.consents), facts_of(case.facts), policy)


def request_of(data: dict[str, Any]) -> AccessRequest:
    period = data.get("dataPeriod")
    return AccessRequest(
        child=Ref(reference=data["child"]),
        actor=Ref(reference=data["actor"]),
        action=Action(data["action"]),
        purpose=data["purpose"],
        at=datetime.fromisoformat(data["at"]),
        classes=tuple(data["classes"]),
        codes=tuple(Coding(system=item["system"], code=item["code"]) for item in data["codes"]),
        label=Confidentiality(data["label"]),
        data=tuple(
            DataItem(
                ref=Ref(reference=item["reference"]),
                refers_to=_refs(item.get("refersTo")),
                referred_by=_refs(item.get("referredBy")),
                authors=_refs(item.get("authors")),
            )
            for item in data["data"]
        ),
        data_period=_days(period) if period else None,
    )


def facts_of(data: dict[str, Any]) -> Facts:
    figure = data["figure"]
    return Facts(
        child=Ref(reference=data["child"]),
        birth_date=PartialDate.parse(data["birthDate"]) if data["birthDate"] else None,
        authority=tuple(
            Authority(holder=Ref(reference=item["holder"]), period=_period(item)) for item in data["authority"]
        ),
        figure=FigureFacts(
            ref=Ref(reference=figure["reference"]),
            active=figure["active"],
            bond=_period(figure),
            teams=tuple(Membership(team=Ref(reference=item["team"]), period=_period(item)) for item in figure["teams"]),
        ),
        safety_block=data["safetyBlock"],
    )


def table() -> list[Case]:
    """The decision table, every row a case."""
    return [_case(row) for row in tomllib.loads(TABLE.read_text(encoding="utf-8"))["row"]]


def standard_request(**asks: Any) -> dict[str, Any]:
    """The request of the table, with what a row asks instead."""
    period = asks.get("data_period")
    return {
        "child": REFS["child"],
        "actor": REFS["aunt"],
        "action": asks.get("action", "access"),
        "purpose": asks.get("purpose", "FAMRQT"),
        "classes": [asks.get("class", "CarePlan")],
        "codes": [{"system": CATEGORY, "code": asks["code"]}] if "code" in asks else [],
        "label": asks.get("label", "N"),
        "at": asks.get("at", "2026-06-15T12:00:00+02:00"),
        "data": asks.get("data", []),
        "dataPeriod": {"start": period[0], "end": period[1]} if period else None,
    }


def standard_facts(**facts: Any) -> dict[str, Any]:
    """The facts of the table, with what a row says instead."""
    holders = [item if isinstance(item, dict) else {"who": item} for item in facts.get("authority", ["mother"])]
    teams = [{"team": REFS["team"], "start": "2026-01-01", "end": facts.get("team_until") or None}]
    return {
        "child": REFS["child"],
        "birthDate": facts.get("child_born", "2017-01-20"),
        "authority": [
            {"holder": REFS[item["who"]], "start": item.get("since"), "end": item.get("until")} for item in holders
        ],
        "figure": {
            "reference": REFS["aunt"],
            "active": facts.get("figure_active", True),
            "start": "2020",
            "end": facts.get("bond_until"),
            "teams": teams if "team_until" in facts else [],
        },
        "safetyBlock": facts.get("safety_block", False),
    }


def consent(index: int = 0, **words: Any) -> dict[str, Any]:
    """An R4 Consent from the words of the table."""
    body = {
        "resourceType": "Consent",
        "id": f"consent-{index}",
        "meta": {"versionId": "1"},
        "status": words.get("status", "active"),
        "scope": _concept("http://terminology.hl7.org/CodeSystem/consentscope", words.get("scope", "patient-privacy")),
        "category": [_concept("http://loinc.org", "59284-0")],
        "patient": {"reference": REFS[words.get("of", "child")]},
        "dateTime": words.get("given", "2026-01-10"),
        "performer": [{"reference": REFS[name]} for name in words.get("by", ["mother"])],
        "policy": [{"uri": "https://wetten.overheid.nl/BWBR0034925"}],
        "provision": provision({"to": ["aunt"], "says": "permit", **words}),
    }
    if "policy" in words:
        body["policyRule"] = _concept(f"{_V3}ActCode", words["policy"])
    return body


def provision(words: dict[str, Any]) -> dict[str, Any]:
    """A provision from the words of the table."""
    body: dict[str, Any] = {"type": words["says"]} if words["says"] else {}
    for name, (start, end) in {"period": ("from", "until"), "dataPeriod": ("data_from", "data_until")}.items():
        period = {key: words[word] for key, word in (("start", start), ("end", end)) if word in words}
        body |= {name: period} if period else {}
    if words.get("to"):
        role = _concept(f"{_V3}ParticipationType", "IRCP")
        body["actor"] = [{"role": role, "reference": {"reference": REFS[name]}} for name in words["to"]]
    for word, (key, system, is_concept) in _CODED.items():
        if word in words:
            make = _concept if is_concept else _coding
            body[key] = [make(system, code) for code in words[word]]
    if "data" in words:
        body["data"] = [
            {"meaning": item["meaning"], "reference": {"reference": item["reference"]}} for item in words["data"]
        ]
    if "exceptions" in words:
        body["provision"] = [provision(item) for item in words["exceptions"]]
    return body


def _case(row: dict[str, Any]) -> Case:
    name = row["id"]
    return Case(
        name=name,
        request=standard_request(**row.get("asks", {})),
        consents=[consent(index, **words) for index, words in enumerate(row.get("consents", [{}]))],
        facts=standard_facts(**row.get("facts", {})),
        expected="→P" in name,
        audited="audited" in name,
    )


def _coding(system: str, code: str) -> dict[str, Any]:
    return {"system": system, "code": code}


def _concept(system: str, code: str) -> dict[str, Any]:
    return {"coding": [_coding(system, code)]}


def _refs(values: list[str] | None) -> frozenset[Ref] | None:
    return None if values is None else frozenset(Ref(reference=value) for value in values)


def _period(data: dict[str, Any]) -> Period:
    start, end = data.get("start"), data.get("end")
    return Period(start=PartialDate.parse(start) if start else None, end=PartialDate.parse(end) if end else None)


def _days(data: dict[str, Any]) -> Interval:
    start, end = data.get("start"), data.get("end")
    return Interval(
        start=midnight(PartialDate.parse(start).first_day()) if start else None,
        end=midnight(day_after(PartialDate.parse(end).last_day())) if end else None,
    )
