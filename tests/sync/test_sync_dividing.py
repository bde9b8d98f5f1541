"""What is left to a person opens nothing for anybody, however long the place in the team would last."""

from __future__ import annotations

from typing import Any

import pytest

from fhir_plugin.ehr.abilities import Abilities
from fhir_plugin.ehr.answers import Written
from fhir_plugin.sync.applying.ways.choosing import Route, TypeWay
from fhir_plugin.sync.applying.ways.dividing import divide, ends_only
from fhir_plugin.sync.applying.ways.tasks import Task

ENDS: list[dict[str, Any]] = [{}, {"period": {"end": "2027-06-01"}}]


def write(_: Task) -> Written:
    raise AssertionError("nothing is written here")


def route(*kinds: str) -> Route:
    way = TypeWay(create=write, update=write)
    return Route(abilities=Abilities(), together=False, ways=dict.fromkeys(kinds, way))


def team(*participants: dict[str, Any], id_: str = "") -> dict[str, Any]:
    body = {"resourceType": "CareTeam", "status": "active", "participant": list(participants)}
    return {**body, "id": id_} if id_ else body


def place(member: str, **more: Any) -> dict[str, Any]:
    return {"member": {"reference": member}, **more}


def consent(actor: str) -> dict[str, Any]:
    provision = {"actor": [{"reference": {"reference": actor}}]}
    return {"resourceType": "Consent", "status": "active", "provision": provision}


@pytest.mark.parametrize("period", ENDS)
def test_nobody_gets_a_place_before_the_consent_that_waits_for_a_person(period: dict[str, Any]) -> None:
    before = team(id_="t1")
    opens = Task(body=team(place("RelatedPerson/1", **period), id_="t1"), before=before, version="1")
    divided = divide([Task(body=consent("RelatedPerson/1")), opens], route("CareTeam"))
    assert divided.send == ()
    assert {task.type for task in divided.left} == {"Consent", "CareTeam"}


@pytest.mark.parametrize("period", ENDS)
def test_somebody_who_is_not_in_the_record_gets_no_place(period: dict[str, Any]) -> None:
    person = Task(body={"resourceType": "RelatedPerson"}, full_url="urn:uuid:1")
    divided = divide([person, Task(body=team(place("urn:uuid:1", **period)))], route("CareTeam"))
    assert divided.send == ()


@pytest.mark.parametrize("held", ENDS)
def test_the_end_of_a_place_is_sent_whatever_waits(held: dict[str, Any]) -> None:
    before = team(place("RelatedPerson/1", **held), place("RelatedPerson/2"), id_="t1")
    ended = place("RelatedPerson/1", period={"end": "2026-11-23"})
    after = team(ended, place("RelatedPerson/2"), place("RelatedPerson/3"), id_="t1")
    task = Task(body=after, before=before, version="1")
    waits = [Task(body=consent("RelatedPerson/1")), Task(body=consent("RelatedPerson/3"))]
    (sent,) = divide([*waits, task], route("CareTeam")).send
    assert sent.body["participant"] == [ended, place("RelatedPerson/2")]
    ends = ends_only(task)
    assert ends is not None
    assert ends.body["participant"] == [ended, place("RelatedPerson/2")]
