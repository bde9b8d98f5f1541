"""What is read back after a write: the same to the letter, another form of the same, or somebody's edit."""

from __future__ import annotations

from typing import Any

import pytest
from sync_desk import CONSENT, Desk, row

from fhir_plugin.mapping.changes import ResourceChange
from fhir_plugin.sync.records.arrival import as_sent

BODY = {"resourceType": "RelatedPerson", "patient": {"reference": "Patient/1"}, "gender": "female"}
NEW = ResourceChange(body=BODY, full_url="urn:uuid:1")
HELD = {**BODY, "id": "r1", "meta": {"versionId": "1", "lastUpdated": "2026-11-23T09:00:00Z", "source": "#x"}}


@pytest.mark.parametrize(
    ("held", "same"),
    [
        (HELD, True),
        ({**HELD, "gender": "male"}, False),
        ({**HELD, "active": True}, False),
        ({**HELD, "meta": {**HELD["meta"], "security": [{"code": "R"}]}}, False),
        ({**HELD, "id": "r2"}, False),
    ],
)
def test_a_record_is_as_sent_when_only_what_servers_fill_in_is_new(held: dict[str, Any], same: bool) -> None:
    assert as_sent([NEW], {"urn:uuid:1": "r1"}, [held]) is same


def test_references_to_what_was_new_are_followed_to_the_id_it_got() -> None:
    team = {"resourceType": "CareTeam", "participant": [{"member": {"reference": "urn:uuid:1"}}]}
    stored = {**team, "id": "t1", "participant": [{"member": {"reference": "RelatedPerson/r1"}}]}
    sent = [NEW, ResourceChange(body=team, full_url="urn:uuid:2")]
    ids = {"urn:uuid:1": "r1", "urn:uuid:2": "t1"}
    assert as_sent(sent, ids, [HELD, stored])
    stored["participant"] = [{"member": {"reference": "RelatedPerson/other"}}]
    assert not as_sent(sent, ids, [HELD, stored])


def edit_after_the_write(desk: Desk, kind: str, **changes: Any) -> None:
    """A professional edits in the moment between a write and its read-back."""

    def edit(method: str, path: str) -> None:
        if method == "POST" and desk.ehr.all("Provenance"):
            desk.ehr.after = None
            body = next(each for each in desk.ehr.all(kind) if not each["id"].startswith("m"))
            desk.edit(body, **changes)

    desk.ehr.after = edit


def test_an_edit_between_a_write_and_its_read_back_is_an_edit_and_is_never_overwritten(desk: Desk) -> None:
    edit_after_the_write(desk, "RelatedPerson", birthDate="1980-01-02")
    desk.sync([row(Geboortedatum="01-01-1980")])
    assert desk.figures()[0]["birthDate"] == "1980-01-02"
    plan = desk.plan([row(Geboortedatum="03-01-1980")])
    assert plan.totals.get("conflict") == 1
    desk.apply()
    assert desk.figures()[0]["birthDate"] == "1980-01-02"


def test_the_end_of_an_engagement_between_a_write_and_its_read_back_stands(desk: Desk) -> None:
    rows = [row(Betrokken_sinds="01-10-2026", Betrokken_tot="", **CONSENT)]
    desk.plan(rows)

    def edit(method: str, path: str) -> None:
        teams = desk.ehr.all("CareTeam")
        if method == "POST" and teams:
            desk.ehr.after = None
            participant = {**teams[0]["participant"][0], "period": {"start": "2026-10-01", "end": "2026-11-22"}}
            desk.edit(teams[0], participant=[participant])

    desk.ehr.after = edit
    desk.apply()
    later = [row(Betrokken_sinds="01-10-2026", Betrokken_tot="01-09-2027", **CONSENT)]
    assert desk.plan(later).totals.get("conflict") == 1
    desk.apply()
    (team,) = desk.ehr.all("CareTeam")
    assert team["participant"][0]["period"]["end"] == "2026-11-22"
