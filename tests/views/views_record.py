"""A made-up child of fourteen with a network, in an EHR in memory, and a browser with the app open in it."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from jinja2.bccache import Bucket, BytecodeCache
from lxml import html

from fhir_plugin.ehr.memory import Behaviour, MemoryEhr
from fhir_plugin.ehr.memory_adapter import memory_session
from fhir_plugin.mapping.network import to_fhir
from fhir_plugin.model.dates import PartialDate, Period
from fhir_plugin.model.figure import (
    Agreement,
    BondOfTrust,
    Designation,
    Engagement,
    Note,
    SupportFigure,
    Tie,
)
from fhir_plugin.model.identity import Coding, PersonName, Ref, Telecom
from fhir_plugin.model.network import Child, SupportNetwork, Team
from fhir_plugin.model.terms import (
    ROL_VEKTIS,
    V3_ROLE_CODE,
    Adult,
    BondKind,
    Designator,
    Extensions,
    Function,
    Involvement,
    LifeDomain,
    NetworkRing,
    NoteKind,
    Supports,
    TieQuality,
)
from smart_app.app import create_app
from smart_app.launch.phases import LaunchFacts, LaunchUser, Tokens, UserKind
from smart_app.settings import Issuer, RateLimits, Settings

NOW = datetime(2026, 6, 15, 10, 0, tzinfo=UTC)
TYPES = frozenset(
    {
        "Patient",
        "RelatedPerson",
        "CareTeam",
        "Consent",
        "Observation",
        "Flag",
        "Provenance",
        "Practitioner",
        "AuditEvent",
    }
)
CHILD = Child(
    id="noor",
    name=PersonName(call_name="Noor", own_prefix="de", own_name="Wit"),
    birth_date=PartialDate(2012, 3, 4),
    organization=Ref(reference="Organization/zorg", display="Jeugdhulp De Brug"),
)
PROFESSIONAL = LaunchUser(reference="Practitioner/kim", kind=UserKind.PRACTITIONER, name="Kim Bakker", subject="kim")
YOUTH = LaunchUser(reference="Patient/noor", kind=UserKind.PATIENT, name="Noor", subject="noor")
MOTHER = LaunchUser(reference="RelatedPerson/moeder", kind=UserKind.RELATED_PERSON, name="Els", subject="els")
AUNT = LaunchUser(reference="RelatedPerson/sam", kind=UserKind.RELATED_PERSON, name="Sam", subject="sam")
STRANGER = LaunchUser(reference="Person/x", kind=UserKind.PERSON, name="X", subject="x")

CONSENT_ANSWERS: dict[str, Any] = {
    "share": "yes",
    "share_what": ["progress", "appointments"],
    "share_signers": ["Patient/noor", "RelatedPerson/moeder", "RelatedPerson/vader"],
    "share_until": "1-6-2027",
}
"""The consent step with everyone's yes."""


def figures() -> tuple[SupportFigure, ...]:
    """Four people around Noor: an aunt with everything known, a coach, a neighbour with only a label, and a friend."""
    return (
        SupportFigure(
            id="sam",
            own_label="Tante Sam",
            name=PersonName(call_name="Samira", own_prefix="el", own_name="Amrani"),
            relations=(Coding(system=V3_ROLE_CODE, code="AUNT"),),
            telecoms=(Telecom(system="phone", value="+31612345678"), Telecom(system="email", value="sam@voorbeeld.nl")),
            kinds=(BondKind.JIM,),
            bond=Period(start=PartialDate(2015)),
            designations=(
                Designation(by=Designator.YOUTH, who=Ref(reference="Patient/noor"), on=PartialDate(2026, 2)),
            ),
            bond_of_trust=BondOfTrust(confirmed=True),
            supports=(Supports.YOUTH,),
            life_domains=(LifeDomain.FAMILY,),
            adult=Adult.YES,
            agreement=Agreement(agreed=True, informed_on=PartialDate(2026, 2, 3)),
            notes=(Note(text="Vader wil liever oom Piet.", kind=NoteKind.DISSENT, at=PartialDate(2026, 3)),),
            engagement=Engagement(
                functions=(Function.EMOTIONAL, Function.COMPANY), involvement=(Involvement.DECISION_MAKING,)
            ),
            ties=(Tie(ring=NetworkRing.INNER, quality=TieQuality.CLOSE, on=PartialDate(2026, 2, 3)),),
        ),
        SupportFigure(
            id="coach",
            own_label="Coach",
            name=PersonName(given=("Jan",), own_prefix="van der", own_name="Berg"),
            roles=(Coding(system=ROL_VEKTIS, code="20"),),
            supports=(Supports.YOUTH,),
            life_domains=(LifeDomain.LEISURE_SPORT,),
            designations=(Designation(by=Designator.YOUTH),),
            engagement=Engagement(functions=(Function.PRACTICAL,), involvement=(Involvement.ADVICE_ONLY,)),
            ties=(Tie(ring=NetworkRing.MIDDLE, quality=TieQuality.ORDINARY, on=PartialDate(2026)),),
        ),
        SupportFigure(
            id="buurvrouw",
            own_label="De buurvrouw van nummer 12",
            roles=(Coding(system=ROL_VEKTIS, code="19"),),
            life_domains=(LifeDomain.NEIGHBOURHOOD,),
            designations=(Designation(by=Designator.PARENT),),
        ),
        SupportFigure(
            id="opa",
            name=PersonName(call_name="Opa", own_name="Pietersen"),
            relations=(Coding(system=V3_ROLE_CODE, code="GRFTH"),),
            life_domains=(LifeDomain.FAMILY,),
            designations=(Designation(by=Designator.YOUTH),),
            ties=(Tie(ring=NetworkRing.OUTER, quality=TieQuality.TENSE, on=PartialDate(2026)),),
        ),
    )


def record(child: Child = CHILD, people: tuple[SupportFigure, ...] | None = None) -> list[dict[str, Any]]:
    """The resources of the record, as an EHR would hold them."""
    network = SupportNetwork(
        child=child, figures=figures() if people is None else people, team=Team(id="team", name="Netwerk van Noor")
    )
    bodies = [entry["resource"] for entry in to_fhir(network)["entry"]]
    for body in bodies:
        if body["resourceType"] == "Observation":
            body.pop("id", None)
        if body["resourceType"] == "CareTeam":
            member = {"reference": "Practitioner/kim", "display": "Kim Bakker"}
            body.setdefault("participant", []).append({"member": member})
    return [
        *bodies,
        _parent("moeder", "MTH", "Els", child.id),
        _parent("vader", "FTH", "Ruud", child.id),
        _uncle(child.id),
    ]


def _parent(key: str, code: str, first: str, child: str) -> dict[str, Any]:
    concept = {"coding": [{"system": V3_ROLE_CODE, "code": code}]}
    authority = {"coding": [{"system": ROL_VEKTIS, "code": "24"}]}
    name = {"use": "usual", "given": [first], "family": "de Wit", "text": f"{first} de Wit"}
    return {
        "resourceType": "RelatedPerson",
        "id": key,
        "active": True,
        "patient": {"reference": f"Patient/{child}"},
        "relationship": [authority, concept],
        "name": [name],
    }


def _uncle(child: str) -> dict[str, Any]:
    return {
        "resourceType": "RelatedPerson",
        "id": "piet",
        "active": True,
        "patient": {"reference": f"Patient/{child}"},
        "relationship": [{"coding": [{"system": V3_ROLE_CODE, "code": "UNCLE"}]}],
        "name": [{"use": "official", "text": "Piet de Wit", "family": "de Wit", "given": ["Piet"]}],
    }


@dataclass
class Room:
    """The app, its EHR, and one browser in which a launch is open."""

    app: Flask
    ehr: MemoryEhr
    client: FlaskClient
    facts: LaunchFacts

    @property
    def launch_id(self) -> str:
        """Of the launch that is open."""
        return self.facts.id

    def url(self, path: str = "") -> str:
        """An address within the launch."""
        return path if path.startswith("/l/") else f"/l/{self.launch_id}/{path}"

    def get(self, path: str = "", status: int = 200) -> html.HtmlElement:
        """A page, followed to where it leads."""
        answer = self.client.get(self.url(path), follow_redirects=True)
        assert answer.status_code == status, answer.text[:2000]
        return html.fromstring(answer.text)

    def post(self, path: str, data: dict[str, Any] | None = None, *, status: int = 200, follow: bool = True) -> Any:
        """Send a form as the browser would, with the hidden fields of the page."""
        page = self.get() if not hasattr(self, "_guard") else None
        if page is not None:
            names = ("csrf_token", "patient")
            self._guard = {name: page.xpath(f"string(//input[@name='{name}']/@value)") for name in names}
        answer = self.client.post(self.url(path), data=self._guard | (data or {}), follow_redirects=follow)
        assert answer.status_code == status, answer.text[:3000]
        if not follow:
            return answer
        found = html.fromstring(answer.text)
        found.set("data-path", answer.request.path)
        return found

    def begin(self, path: str, data: dict[str, Any] | None = None) -> str:
        """Begin to add or change; returns the path of the draft."""
        answer = self.post(path, data, status=303, follow=False)
        return str(answer.headers["Location"]).rsplit("/", 1)[0]

    def again(self, user: LaunchUser | None = None, patient_id: str = "") -> Room:
        """A new launch in the same app, by the same person on the same record unless it says otherwise."""
        store = self.app.extensions["steunfiguren.launcher"].store
        facts = replace(
            self.facts, id=secrets.token_hex(16), user=user or self.facts.user, patient_id=patient_id or CHILD.id
        )
        secret = secrets.token_urlsafe(16)
        store.add_launch(facts, Tokens(access="token"), secret)
        client = self.app.test_client()
        client.set_cookie(f"sf-l-{facts.id}", secret)
        return Room(app=self.app, ehr=self.ehr, client=client, facts=facts)


class _Compiled(BytecodeCache):
    """Templates compiled once for all the apps of the tests."""

    def __init__(self) -> None:
        self._held: dict[str, bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        if bucket.key in self._held:
            bucket.bytecode_from_string(self._held[bucket.key])

    def dump_bytecode(self, bucket: Bucket) -> None:
        self._held[bucket.key] = bucket.bytecode_to_string()


COMPILED = _Compiled()


def open_room(
    user: LaunchUser = PROFESSIONAL, *, child: Child = CHILD, people: tuple[SupportFigure, ...] | None = None,
    ehr: MemoryEhr | None = None, banner: bool = True, language: str = "nl", granted: tuple[str, ...] | None = None,
) -> Room:  # fmt: skip
    """Open the app for somebody on the record of a child."""
    if ehr is None:
        ehr = MemoryEhr(behaviour=Behaviour(types=TYPES), clock=lambda: NOW)
        for body in record(child, people):
            ehr.add(body)
    issuer = Issuer(key="test", iss=ehr.base_url, organisation="Oefenpraktijk", client_id="app")
    settings = Settings(
        public_url="http://localhost",
        issuers=(issuer,),
        encryption_keys=(bytes(32),),
        database_url="sqlite://",
        limits=RateLimits(requests_per_minute=100_000),
    )
    app = create_app(settings, clock=NOW.timestamp, session=lambda _issuer: memory_session(ehr))
    app.config["CLOCK"] = lambda: NOW
    app.jinja_env.bytecode_cache = COMPILED
    client = app.test_client()
    launch_id, secret = secrets.token_hex(16), secrets.token_urlsafe(16)
    facts = LaunchFacts(
        id=launch_id, issuer_key="test", patient_id=child.id, user=user, need_patient_banner=banner,
        language="en" if language == "en" else "nl", created_at=NOW.timestamp(),
        scopes=issuer.scopes if granted is None else granted, requested_scopes=issuer.scopes,
    )  # fmt: skip
    app.extensions["steunfiguren.launcher"].store.add_launch(facts, Tokens(access="token"), secret)
    client.set_cookie(f"sf-l-{launch_id}", secret)
    return Room(app=app, ehr=ehr, client=client, facts=facts)


def by_label(room: Room, label: str) -> dict[str, Any]:
    """The person whom the family calls so."""
    for body in room.ehr.all("RelatedPerson"):
        for extension in body.get("extension", ()):
            if extension["url"] == Extensions.OWN_LABEL and extension["valueString"] == label:
                return body
    raise AssertionError(label)


def path_of(page: html.HtmlElement) -> str:
    """Where a page was found."""
    return str(page.get("data-path"))
