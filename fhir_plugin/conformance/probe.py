"""The write probe: what an EHR really does with writes, tried on a test client its vendor names.

A CapabilityStatement is a claim. Some EHRs ignore If-Match, multiply conditional creates, undo half a transaction, or
silently drop participants; each of those would lose or double somebody's data. What the probe made is left inactive or
entered in error; nothing is deleted.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from fhir_plugin.ehr.answers import Written
from fhir_plugin.ehr.client import FhirClient
from fhir_plugin.ehr.entries import Entry
from fhir_plugin.errors import EhrConflict, EhrError, EhrNotFound, EhrUnreachable
from fhir_plugin.mapping.json import Json, objects, text
from fhir_plugin.model.terms import BASE, CONSENT_SCOPE, LOINC

__all__ = ["CHECKS", "Finding", "Outcome", "Probe"]

_SYSTEM = f"{BASE}/NamingSystem/probe"
_FOREIGN = {"url": "https://example.org/StructureDefinition/of-another-system", "valueDecimal": 1.5}


class Outcome(Enum):
    """How a check ended."""

    PASSED = "passed"
    FAILED = "failed"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One check: FAILED, the EHR does it wrongly; REFUSED, it does not offer it (``detail`` is the error's code)."""

    check: str
    outcome: Outcome
    detail: str = ""


@dataclass(slots=True)
class Probe:
    """Tries one EHR on one test client.

    Attributes:
        patient: ``Patient/…`` of the test client.
        token: makes the identifiers of this probe its own.
    """

    client: FhirClient
    patient: str
    token: str = field(default_factory=lambda: uuid.uuid4().hex)
    _made: dict[str, None] = field(default_factory=dict)

    def run(self) -> Iterator[Finding]:
        """Every check, in order; then what was made is put out of use.

        Raises:
            EhrNotFound: the test client is unknown.
            EhrUnreachable: the EHR gives no answer.
        """
        self.client.read("Patient", self.patient.removeprefix("Patient/"))
        try:
            for name, check in CHECKS.items():
                yield self._try(name, check)
        finally:
            left = [reference for reference in self._made if not self._put_away(reference)]
        yield Finding(check="put-away", outcome=Outcome.FAILED if left else Outcome.PASSED, detail=str(len(left) or ""))

    def _try(self, name: str, check: Callable[[Probe], bool]) -> Finding:
        try:
            passed = check(self)
        except EhrUnreachable:
            raise
        except EhrError as error:
            return Finding(check=name, outcome=Outcome.REFUSED, detail=f"{error.code} {error.status or ''}".strip())
        return Finding(check=name, outcome=Outcome.PASSED if passed else Outcome.FAILED)

    def person(self, number: str, **more: Any) -> Json:
        """A RelatedPerson of the test client, recognisable as a probe."""
        return {
            "resourceType": "RelatedPerson",
            "active": False,
            "identifier": [{"system": _SYSTEM, "value": f"{self.token}-{number}"}],
            "patient": {"reference": self.patient},
            "name": [{"text": "Proef van steunfiguren (mag weg)"}],
            **more,
        }

    def team(self, member: str) -> Json:
        """A CareTeam of the test client with one participant; only proposed, so that it gives nobody anything."""
        return {
            "resourceType": "CareTeam",
            "status": "proposed",
            "subject": {"reference": self.patient},
            "participant": [{"member": {"reference": member}}],
        }

    def condition(self, number: str) -> str:
        """The search that finds that RelatedPerson."""
        return f"identifier={_SYSTEM}|{self.token}-{number}"

    def create(self, body: Json, **options: Any) -> Written:
        """Create, and remember to put it away."""
        written = self.client.create(body, **options)
        self._made[f"{written.type}/{written.id}"] = None
        return written

    def found(self, number: str) -> list[Json]:
        """The RelatedPersons with an identifier of this probe."""
        value = self.condition(number).removeprefix("identifier=")
        bodies = list(self.client.search("RelatedPerson", {"identifier": value}, private=True))
        self._made |= dict.fromkeys(f"RelatedPerson/{body['id']}" for body in bodies)
        return bodies

    def first(self, number: str) -> Json:
        """The one that was made under a number.

        Raises:
            EhrNotFound: the EHR did not take it, or does not find it.
        """
        for body in self.found(number):
            return body
        raise EhrNotFound(
            "Nothing to try this on was found.",
            code="probe-nothing-found",
            where="search RelatedPerson",
            remedy="See why it was not created, or is not found by its identifier.",
        )

    def keep(self, written: list[Written]) -> list[Written]:
        """Remember to put away what a transaction made."""
        self._made |= dict.fromkeys(f"{item.type}/{item.id}" for item in written)
        return written

    def _put_away(self, reference: str) -> bool:
        kind, _, id_ = reference.partition("/")
        try:
            body = self.client.read(kind, id_)
            state = {"active": False} if kind == "RelatedPerson" else {"status": "entered-in-error"}
            self.client.update(body | state, if_match=_version(body))
        except EhrNotFound:
            return True
        except EhrError:
            return False
        return True


def _version(body: Json) -> str | None:
    return text(body.get("meta"), "versionId") or None


def _reads_back(probe: Probe) -> bool:
    written = probe.create(probe.person("a"))
    held = probe.client.read("RelatedPerson", written.id)
    return text(held.get("patient"), "reference").endswith(probe.patient)


def _gives_versions(probe: Probe) -> bool:
    return _version(probe.first("a")) is not None


def _keeps_others(probe: Probe) -> bool:
    written = probe.create(probe.person("b", extension=[_FOREIGN]))
    return bool(probe.client.read("RelatedPerson", written.id).get("extension") == [_FOREIGN])


def _updates(probe: Probe) -> bool:
    body = probe.first("a")
    probe.client.update({**body, "gender": "unknown"}, if_match=_version(body))
    return bool(probe.client.read("RelatedPerson", body["id"]).get("gender") == "unknown")


def _refuses_stale(probe: Probe) -> bool:
    first = probe.create(probe.person("c"))
    body = probe.client.read("RelatedPerson", first.id)
    probe.client.update({**body, "gender": "unknown"}, if_match=first.version)
    try:
        probe.client.update({**body, "gender": "other"}, if_match=first.version)
    except EhrConflict:
        return True
    return False


def _creates_once(probe: Probe) -> bool:
    for _ in range(2):
        probe.create(probe.person("d"), if_none_exist=probe.condition("d"))
    return len(probe.found("d")) == 1


def _ties_together(probe: Probe) -> bool:
    figure = f"urn:uuid:{uuid.uuid4()}"
    person, group = probe.keep(
        probe.client.transaction([Entry.post(probe.person("e"), full_url=figure), Entry.post(probe.team(figure))])
    )
    return f"RelatedPerson/{person.id}" in _members(probe.client.read("CareTeam", group.id))


def _keeps_participants(probe: Probe) -> bool:
    person = probe.create(probe.person("h"))
    group = probe.create(probe.team(f"RelatedPerson/{person.id}"))
    return f"RelatedPerson/{person.id}" in _members(probe.client.read("CareTeam", group.id))


def _updates_teams(probe: Probe) -> bool:
    person = probe.create(probe.person("i"))
    group = probe.create(probe.team(f"RelatedPerson/{person.id}"))
    body = probe.client.read("CareTeam", group.id)
    probe.client.update({**body, "name": "Proef"}, if_match=_version(body))
    return probe.client.read("CareTeam", group.id).get("name") == "Proef"


def _patches(probe: Probe) -> bool:
    """A patch is done, and one whose ``test`` fails is refused."""
    written = probe.create(probe.person("j"))
    replaced = {"op": "replace", "path": "/active", "value": False}
    add = {"op": "add", "path": "/gender", "value": "unknown"}
    test: Json = {"op": "test", "path": "/active", "value": False}
    probe.client.patch("RelatedPerson", written.id, [test, replaced, add])
    if probe.client.read("RelatedPerson", written.id).get("gender") != "unknown":
        return False
    wrong = [{**test, "value": True}, {**add, "value": "other"}]
    try:
        probe.client.patch("RelatedPerson", written.id, wrong)
    except EhrError:
        return bool(probe.client.read("RelatedPerson", written.id).get("gender") == "unknown")
    return False


def _members(team: Json) -> list[str]:
    return ["/".join(text(item.get("member"), "reference").split("/")[-2:]) for item in objects(team, "participant")]


def _all_or_nothing(probe: Probe) -> bool:
    stale = probe.create(probe.person("f"))
    body = probe.client.read("RelatedPerson", stale.id)
    probe.client.update({**body, "gender": "unknown"}, if_match=stale.version)
    entries = [Entry.post(probe.person("g")), Entry.put({**body, "gender": "other"}, if_match=stale.version)]
    try:
        probe.keep(probe.client.transaction(entries))
    except EhrConflict:
        return not probe.found("g")
    except EhrError:
        probe.found("g")
        raise
    return False


def _takes_consents(probe: Probe) -> bool:
    body = {
        "resourceType": "Consent",
        "status": "draft",
        "scope": {"coding": [{"system": CONSENT_SCOPE, "code": "patient-privacy"}]},
        "category": [{"coding": [{"system": LOINC, "code": "59284-0"}]}],
        "patient": {"reference": probe.patient},
        "policy": [{"uri": "https://wetten.overheid.nl/BWBR0034925"}],
        "provision": {"type": "permit", "period": {"start": "2020-01-01", "end": "2020-01-02"}},
    }
    written = probe.create(body)
    held = probe.client.read("Consent", written.id)
    return text(held.get("provision"), "type") == "permit"


CHECKS: dict[str, Callable[[Probe], bool]] = {
    "read-back": _reads_back,
    "versions": _gives_versions,
    "foreign-extension": _keeps_others,
    "update": _updates,
    "stale-if-match": _refuses_stale,
    "conditional-create": _creates_once,
    "transaction": _ties_together,
    "atomic": _all_or_nothing,
    "participants": _keeps_participants,
    "team-update": _updates_teams,
    "patch": _patches,
    "consent": _takes_consents,
}
"""The checks, in order; texts are under ``probe-<name>``."""
