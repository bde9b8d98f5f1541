"""Generated cases for the comparison with the reference decider: plain data, the same for the same seed.

Values come from small pools, so that conditions meet, clash and nest; about one in seven is permitted.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from random import Random
from typing import Any

from consent_cases import CATEGORY, REFS, Case

ACT_REASON = "http://terminology.hl7.org/CodeSystem/v3-ActReason"
SNOMED = "http://snomed.info/sct"
MOMENTS = (
    "2026-06-15T12:00:00+02:00",
    "2026-06-15T00:00:00+02:00",
    "2026-06-14T23:59:59+02:00",
    "2026-06-14T22:00:00+00:00",
    "2026-06-30T23:30:00+02:00",
    "2026-06-30T22:30:00+00:00",
    "2026-02-28T23:59:59+01:00",
    "2026-03-01T00:00:00+01:00",
    "2028-02-29T00:00:00+01:00",
    "2026-03-29T03:00:00+02:00",
    "2026-10-25T02:30:00+01:00",
    "2026-12-31T23:30:00+00:00",
)
"""Midnights, month ends, 29 February, both changes of the clock, and a year's end told in another zone."""
BIRTHS = ("2017-01-20", "2014-06-15", "2014-06-16", "2013-05", "2010-06-15", "2010-06-16", "2012-02-29")
BIRTHS += ("2008-06-01", "2016-02-29", "2014-03-01", "2010-03-01", "2017", "2008-02-29", "2000-12-31")
UNSURE_BIRTHS = ("2014-06", "2014", "2030-01-01", "2011", "2026-06-15")
DATES = ("2020", "2025-12", "2026-01-10", "2026-06", "2026-06-14", "2026-06-15", "2026-06-16", "2026-07-01", "2027")
TIMES = (
    "2026-06-15T12:00:00+02:00",
    "2026-06-15T11:59:59+02:00",
    "2026-06-14T22:00:00Z",
    "2026-06-15T12:00:00.5+02:00",
)
SIGNERS = ("mother", "father", "child", "gi")
ABSOLUTE = "https://ehr.example/fhir/"


def cases(seed: int, count: int) -> list[Case]:
    """``count`` cases."""
    return [_Maker(Random(f"{seed}/{index}")).case(f"{seed}/{index}") for index in range(count)]


class _Maker:
    def __init__(self, random: Random) -> None:
        self.random = random
        self.chance = lambda odds: random.random() < odds
        self.pick = random.choice

    def case(self, name: str) -> Case:
        facts = self.facts()
        consents = [self.consent(index, facts) for index in range(self.pick((0, 1, 1, 1, 2, 2, 3, 4)))]
        if consents and self.chance(0.05):
            consents.append(self.pick(consents))
        return Case(name=name, request=self.request(), consents=consents, facts=facts)

    def request(self) -> dict[str, Any]:
        classes = self.pick((["CarePlan"],) * 12 + ([], ["CarePlan", "Observation"], ["Observation"]))
        progress, school = {"system": CATEGORY, "code": "progress"}, {"system": CATEGORY, "code": "school"}
        clinical = {"system": SNOMED, "code": "1"}
        whole = {"system": CATEGORY, "code": "whole-file"}
        codes = self.pick(
            ([progress],) * 6 + ([], [school], [progress, clinical], [clinical], [whole], [progress, school])
        )
        return {
            "child": REFS["child"] if self.chance(0.98) else REFS["sibling"],
            "actor": REFS["aunt"],
            "action": "access" if self.chance(0.9) else "disclose",
            "purpose": self.pick(("FAMRQT",) * 12 + ("CAREMGT", "BTG", "BTG")),
            "classes": classes,
            "codes": codes,
            "label": self.pick("NNNNNNLRV"),
            "at": self.pick(MOMENTS) if self.chance(0.6) else MOMENTS[0],
            "data": [self.item()] if self.chance(0.3) else [],
            "dataPeriod": self.pick(({"start": "2026-03-01", "end": "2026-03-31"}, {"start": "2026-03", "end": None}))
            if self.chance(0.4)
            else None,
        }

    def item(self) -> dict[str, Any]:
        item: dict[str, Any] = {"reference": self.pick(("CarePlan/plan", "CarePlan/other"))}
        for key, value in (("authors", "Practitioner/one"), ("refersTo", "Goal/goal"), ("referredBy", "Task/task")):
            if self.chance(0.7):
                item[key] = self.pick(([value], [], [value, "Practitioner/two"]))
        return item

    def facts(self) -> dict[str, Any]:
        holders = self.pick((["mother"],) * 9 + (["mother", "father"],) * 5 + (["gi"], ["gi"], []))
        figure = {"reference": REFS["aunt"], "active": self.chance(0.97), **self.period(0.06)}
        figure["teams"] = [{"team": REFS["team"], **self.period(0.3)} for _ in range(self.pick((0, 1, 1, 2)))]
        return {
            "child": REFS["child"],
            "birthDate": self.birth() if self.chance(0.98) else None,
            "authority": [{"holder": REFS[name], **self.period(0.1)} for name in holders],
            "figure": figure,
            "safetyBlock": self.chance(0.02),
        }

    def birth(self) -> str:
        return self.pick(BIRTHS if self.chance(0.95) else UNSURE_BIRTHS)

    def period(self, odds: float) -> dict[str, str | None]:
        start = self.pick(DATES) if self.chance(odds) else None
        end = self.pick(DATES) if self.chance(odds) else None
        return {"start": start, "end": end}

    def consent(self, index: int, facts: dict[str, Any]) -> dict[str, Any]:
        holders = [item["holder"] for item in facts["authority"]]
        full = [*holders, REFS["child"]]
        grantors = (
            full if self.chance(0.75) else self.random.sample([REFS[name] for name in SIGNERS], self.pick((0, 1, 2)))
        )
        body: dict[str, Any] = {
            "resourceType": "Consent",
            "id": f"c{index}" if self.chance(0.97) else "same",
            "status": self.pick(("active",) * 14 + ("inactive", "draft", "entered-in-error", "unheard-of")),
            "scope": concept("http://terminology.hl7.org/CodeSystem/consentscope", self.scope()),
            "patient": {"reference": self.reference("child" if self.chance(0.97) else "sibling")},
            "performer": [{"reference": self.versioned(name)} for name in grantors],
        }
        if self.chance(0.5):
            body["dateTime"] = self.pick((*DATES[:6], *TIMES[:2]))
        if self.chance(0.25):
            rule = self.pick(("OPTIN", "OPTIN", "OPTOUT", "OPTOUTE", "HIPAAConsentCD"))
            body["policyRule"] = concept("http://terminology.hl7.org/CodeSystem/v3-ActCode", rule)
        if self.chance(0.97):
            typed = "policyRule" not in body or self.chance(0.4)
            body["provision"] = self.provision(0, typed=typed)
        if self.chance(0.02):
            body["implicitRules"] = "urn:rules"
        return body

    def scope(self) -> str:
        return "patient-privacy" if self.chance(0.95) else self.pick(("research", "treatment", "adr"))

    def reference(self, name: str) -> str:
        return (ABSOLUTE if self.chance(0.03) else "") + self.versioned(REFS[name])

    def versioned(self, reference: str) -> str:
        return reference + ("/_history/2" if self.chance(0.03) else "")

    def provision(self, level: int, *, typed: bool) -> dict[str, Any]:
        body: dict[str, Any] = {"type": self.pick(("permit",) * 4 + ("deny",))} if typed else {}
        conditions = (
            ("period", 0.2, self.fhir_period),
            ("actor", 0.5 if level == 0 else 0.3, self.actors),
            ("action", 0.2, self.actions),
            ("purpose", 0.25, self.purposes),
            ("class", 0.25, self.classes),
            ("code", 0.25, self.codes),
            ("securityLabel", 0.2, self.labels),
            ("dataPeriod", 0.1, self.fhir_period),
            ("data", 0.1, self.data),
        )
        for key, odds, make in conditions:
            if self.chance(odds):
                body[key] = make()
        if level < 3 and self.chance((0.45, 0.35, 0.2)[level]):
            nested = range(self.pick((1, 1, 2, 3)))
            body["provision"] = [self.provision(level + 1, typed=self.chance(0.98)) for _ in nested]
        if self.chance(0.01):
            body["modifierExtension"] = [{"url": "urn:unknown", "valueBoolean": True}]
        return body

    def fhir_period(self) -> dict[str, str]:
        start = self.pick((*DATES[:5], *TIMES[:2])) if self.chance(0.6) else None
        end = self.pick((*DATES[3:], *TIMES)) if self.chance(0.7) or start is None else None
        return {key: value for key, value in (("start", start), ("end", end)) if value}

    def actors(self) -> list[dict[str, Any]]:
        names = self.pick((["aunt"],) * 8 + (["uncle"], ["team"], ["uncle", "aunt"], ["team", "uncle"]))
        return [self.actor(name) for name in names]

    def actor(self, name: str) -> dict[str, Any]:
        code = "IRCP" if self.chance(0.95) else "CST"
        body: dict[str, Any] = {"reference": {"reference": self.reference(name)}}
        if self.chance(0.99):
            body["role"] = concept("http://terminology.hl7.org/CodeSystem/v3-ParticipationType", code)
        return body

    def actions(self) -> list[dict[str, Any]]:
        system = "http://terminology.hl7.org/CodeSystem/consentaction"
        return [concept(system, code) for code in self.pick((["access"],) * 4 + (["access", "disclose"], ["use"]))]

    def purposes(self) -> list[dict[str, str]]:
        codes = self.pick((["FAMRQT"],) * 4 + (["FAMRQT", "CAREMGT"], ["BTG"], ["BTG", "FAMRQT"], ["CAREMGT"]))
        return [coding(ACT_REASON if self.chance(0.98) else "urn:local", code) for code in codes]

    def classes(self) -> list[dict[str, str]]:
        system = "http://hl7.org/fhir/resource-types"
        names = self.pick((["CarePlan"],) * 8 + (["CarePlan", "Observation"], ["Observation"]))
        return [coding(system, name) for name in names]

    def codes(self) -> list[dict[str, Any]]:
        codes = self.pick((["progress"],) * 4 + (["progress", "school"], ["school"], ["whole-file"], ["1"]))
        return [concept(SNOMED if code == "1" else CATEGORY, code) for code in codes]

    def labels(self) -> list[dict[str, str]]:
        system = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality"
        return [
            coding(system if self.chance(0.98) else "urn:local", code) for code in self.pick(("N", "N", "R", "L", "NR"))
        ]

    def data(self) -> list[dict[str, Any]]:
        meaning = self.pick(("instance", "instance", "related", "dependents", "authoredby"))
        pool = {"related": ("Task/task",), "dependents": ("Goal/goal",), "authoredby": ("Practitioner/one",)}
        reference = self.pick((*pool.get(meaning, ()), "CarePlan/plan"))
        return [{"meaning": meaning, "reference": {"reference": reference}}]


def coding(system: str, code: str) -> dict[str, str]:
    return {"system": system, "code": code}


def concept(system: str, code: str) -> dict[str, Any]:
    return {"coding": [coding(system, code)]}


def moved(case: Case, by: timedelta) -> Case:
    """The same case at another moment."""
    at = datetime.fromisoformat(case.request["at"]) + by
    return Case(
        name=case.name, request={**case.request, "at": at.isoformat()}, consents=case.consents, facts=case.facts
    )
