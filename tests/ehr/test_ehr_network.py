"""The gateway: one child's network, read in one round trip and written in one transaction, against every server."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from fhir_plugin.ehr.client import FhirClient
from fhir_plugin.ehr.memory import MemoryEhr
from fhir_plugin.ehr.memory_adapter import memory_session
from fhir_plugin.ehr.network import NetworkGateway
from fhir_plugin.errors import EhrConflict, EhrProtocolError, PermitRequired
from fhir_plugin.mapping.provenance import Author
from fhir_plugin.model.consent import Actor, ConsentRecord, Effect, Interval, Rule, Status
from fhir_plugin.model.dates import PartialDate, Period
from fhir_plugin.model.edit import add_figure, end_bond, end_engagement, new_urn, replace_figure
from fhir_plugin.model.figure import Designation, Engagement, SupportFigure
from fhir_plugin.model.identity import Coding, PersonName, Ref
from fhir_plugin.model.safety import SafetyBlock
from fhir_plugin.model.terms import ROL_VEKTIS, SNOMED, V3_PARTICIPATION, Designator, Extensions, Function

COACH = SupportFigure(
    own_label="de coach",
    engagement=Engagement(functions=(Function.COMPANY,)),
)


@pytest.fixture
def gateway(client):
    return NetworkGateway(client)


@pytest.fixture
def child(patient):
    return patient.split("/")[1]


@pytest.fixture
def author(patient):
    return Author(
        enterer=Ref(reference="Practitioner/wit"),
        designations=(Designation(by=Designator.CHILD, who=Ref(reference=patient)),),
    )


def test_a_new_figure_is_there_when_the_network_is_read_again(gateway, child, author):
    before = gateway.read(child).network
    gateway.commit(before, add_figure(before, COACH), author)
    (figure,) = gateway.read(child).network.figures
    assert figure.own_label == "de coach"
    assert figure.engagement.functions == (Function.COMPANY,)


def test_every_change_has_its_provenance(gateway, client, child, author):
    before = gateway.read(child).network
    done = gateway.commit(before, add_figure(before, COACH), author)
    figure = next(item for item in done.written if item.type == "RelatedPerson")
    provenance = client.read("Provenance", done.written[-1].id)
    targets = [target["reference"] for target in provenance["target"]]
    assert any(reference.startswith(f"RelatedPerson/{figure.id}") for reference in targets)


def test_an_edit_on_a_stale_version_is_refused_and_changes_nothing(gateway, child, author):
    empty = gateway.read(child).network
    gateway.commit(empty, add_figure(empty, COACH), author)
    mine = theirs = gateway.read(child).network
    (figure,) = mine.figures
    gateway.commit(theirs, replace_figure(theirs, replace(figure, name=PersonName(text="Kim"))), author)
    with pytest.raises(EhrConflict):
        gateway.commit(mine, replace_figure(mine, replace(figure, own_label="coach Kim")), author)
    (now,) = gateway.read(child).network.figures
    assert (now.name.text, now.own_label) == ("Kim", "de coach")


class Replying(MemoryEhr):
    """An EHR in memory that answers differently once it is told to."""

    reply = staticmethod(lambda body: body)

    def handle(self, *asked):
        status, body = super().handle(*asked)
        for entry in body.get("entry", ()):
            for each in (
                entry.get("resource", {}),
                *(held["resource"] for held in entry.get("resource", {}).get("entry", ())),
            ):
                self.reply(each)
        return status, body


@pytest.fixture
def replying():
    ehr = Replying()
    ehr.add({"resourceType": "Patient", "id": "p"})
    return ehr


def gateway_of(ehr):
    return NetworkGateway(FhirClient(ehr.base_url, session=memory_session(ehr)), ties="participant")


def test_another_patient_than_was_asked_for_is_never_opened(replying):
    replying.add({"resourceType": "Patient", "id": "q"})
    replying.reply = lambda body: body.update(id="q") if body.get("resourceType") == "Patient" else None
    with pytest.raises(EhrProtocolError) as raised:
        gateway_of(replying).read("p")
    assert raised.value.code == "wrong-patient"


def test_what_names_a_patient_of_another_server_is_left_out_and_the_rest_is_read(replying):
    for key in ("ours", "full", "theirs"):
        body = {"resourceType": "RelatedPerson", "id": key, "patient": {"reference": "Patient/p"}}
        replying.add(body | {"extension": [{"url": Extensions.OWN_LABEL, "valueString": key}]})
    servers = {"full": replying.base_url, "theirs": "https://other.example/fhir"}

    def named_in_full(body):
        if body.get("id") in servers:
            body["patient"] = {"reference": f"{servers[body['id']]}/Patient/p"}

    replying.reply = named_in_full
    mapped = gateway_of(replying).read("p")
    assert [figure.id for figure in mapped.network.figures] == ["ours", "full"]
    assert "other-patient" in [issue.code for issue in mapped.report]


def test_without_a_version_nothing_is_written_over_what_somebody_else_may_have_changed(replying):
    person = {"resourceType": "RelatedPerson", "id": "s", "patient": {"reference": "Patient/p"}}
    replying.add(person | {"extension": [{"url": Extensions.OWN_LABEL, "valueString": "tante Sam"}]})
    replying.reply = lambda body: body.get("meta", {}).pop("versionId", None)
    before = gateway_of(replying).read("p").network
    after = replace_figure(before, replace(before.figures[0], own_label="Sam"))
    with pytest.raises(EhrConflict) as raised:
        gateway_of(replying).commit(before, after, Author(enterer=Ref(reference="Practitioner/wit")))
    assert raised.value.code == "no-version"
    assert [body["meta"]["versionId"] for body in replying.all("RelatedPerson")] == ["1"]


def test_writing_no_change_writes_nothing(gateway, child, author):
    network = gateway.read(child).network
    assert gateway.commit(network, network, author).written == ()


def test_ending_an_engagement_keeps_the_person(gateway, child, author):
    empty = gateway.read(child).network
    gateway.commit(empty, add_figure(empty, COACH), author)
    before = gateway.read(child).network
    gateway.commit(before, end_engagement(before, before.figures[0].id, PartialDate(2026, 11, 23)), author)
    (figure,) = gateway.read(child).network.figures
    assert figure.active
    assert figure.engagement.period.end == PartialDate(2026, 11, 23)


def test_two_first_teams_in_the_same_moment_become_one_team_with_both_figures(gateway, client, child, author):
    before = gateway.read(child).network
    gateway.commit(before, add_figure(before, COACH), author)
    gateway.commit(before, add_figure(before, replace(COACH, own_label="oma")), author)
    network = gateway.read(child).network
    assert {figure.own_label for figure in network.figures} == {"de coach", "oma"}
    assert all(figure.engagement is not None for figure in network.figures)
    assert not [issue for issue in gateway.read(child).report if issue.code == "several-networks"]
    ended = [
        body for body in client.search("CareTeam", {"patient": f"Patient/{child}"}) if body["status"] == "inactive"
    ]
    assert all(body["period"]["end"] for body in ended if child in body["subject"]["reference"])


NAASTE = Engagement(functions=(Function.COMPANY,), access_roles=(Coding(system=SNOMED, code="125677006"),))


def test_a_role_that_carries_access_is_not_written_without_a_consent_that_permits_it(gateway, child, author):
    before = gateway.read(child).network
    with pytest.raises(PermitRequired):
        gateway.commit(before, add_figure(before, replace(COACH, engagement=NAASTE)), author)
    assert gateway.read(child).network.figures == ()


@pytest.fixture
def permitted(client, child, author):
    """A gateway, and the network of a child with a figure that has access by a consent."""
    authority = [{"coding": [{"system": ROL_VEKTIS, "code": "24"}]}]
    mother = {"resourceType": "RelatedPerson", "patient": {"reference": f"Patient/{child}"}, "relationship": authority}
    signer = Ref(reference=f"RelatedPerson/{client.create(mother).id}")
    gateway = NetworkGateway(client, clock=lambda: datetime(2026, 11, 23, 12, 0, tzinfo=UTC))
    before = gateway.read(child).network
    after = add_figure(before, replace(COACH, engagement=NAASTE))
    receiver = Actor(role=Coding(system=V3_PARTICIPATION, code="IRCP"), ref=after.figures[0].ref)
    year = Interval(start=datetime(2026, 1, 1, tzinfo=UTC), end=datetime(2027, 1, 1, tzinfo=UTC))
    consent = ConsentRecord(
        id=new_urn(),
        subject=before.child.ref,
        grantors=(signer, before.child.ref),
        root=Rule(effect=Effect.PERMIT, period=year, actors=(receiver,)),
    )
    gateway.commit(before, replace(after, consents=(consent,)), author)
    return gateway, gateway.read(child).network


def test_with_a_consent_in_the_same_transaction_the_role_is_written(permitted):
    _, network = permitted
    assert network.figures[0].engagement.access_roles == NAASTE.access_roles


def test_a_permit_that_got_old_before_the_write_opens_nothing(permitted, client, author):
    _, network = permitted
    figure = network.figures[0]
    more = (*NAASTE.access_roles, Coding(system=SNOMED, code="407542009"))
    after = replace_figure(network, replace(figure, engagement=replace(figure.engagement, access_roles=more)))
    moments = iter(datetime(2026, 11, 23, 12, minute, tzinfo=UTC) for minute in range(0, 60, 2))
    with pytest.raises(PermitRequired) as raised:
        NetworkGateway(client, clock=lambda: next(moments)).commit(network, after, author)
    assert raised.value.code == "permit-stale"
    (now,) = NetworkGateway(client).read(network.child.id).network.figures
    assert now.engagement.access_roles == NAASTE.access_roles


def withdrawn(network):
    return replace(network, consents=tuple(replace(one, status=Status.INACTIVE) for one in network.consents))


def bond_ended(network):
    return end_bond(network, network.figures[0].id, PartialDate(2026, 11, 22))


@pytest.mark.parametrize("ending", [withdrawn, bond_ended])
def test_access_ends_in_the_same_transaction_as_what_permitted_it(permitted, author, ending):
    gateway, network = permitted
    gateway.commit(network, ending(network), author)
    (figure,) = gateway.read(network.child.id).network.figures
    assert figure.engagement.access_roles == ()
    assert figure.engagement.functions == NAASTE.functions


def blocked(network, **said):
    block = SafetyBlock(
        id=new_urn(), period=Period(start=PartialDate(2026, 11, 1)), by=Ref(reference="Practitioner/wit"), why="Gevaar."
    )
    return replace(network, safety_blocks=(*network.safety_blocks, replace(block, **said)))


def test_a_safety_block_ends_all_access_in_the_same_transaction_and_lifting_gives_none_back(permitted, author):
    gateway, network = permitted
    gateway.commit(network, blocked(network), author)
    off = gateway.read(network.child.id).network
    if not off.safety_blocks:
        pytest.skip("this server keeps no Flag")
    assert off.sharing_is_off
    assert off.figures[0].engagement.access_roles == ()
    assert [consent.status for consent in off.consents] == [Status.ACTIVE]
    (block,) = off.safety_blocks
    lifted = replace(
        block, active=False, lifted_why="Veilig.", period=replace(block.period, end=PartialDate(2026, 11, 23))
    )
    gateway.commit(off, replace(off, safety_blocks=(lifted,)), author)
    on = gateway.read(network.child.id).network
    assert not on.sharing_is_off
    assert on.figures[0].engagement.access_roles == ()


def test_while_a_block_is_on_no_consent_opens_anything(permitted, author):
    gateway, network = permitted
    gateway.commit(network, blocked(network), author)
    off = gateway.read(network.child.id).network
    if not off.safety_blocks:
        pytest.skip("this server keeps no Flag")
    with pytest.raises(PermitRequired) as refused:
        gateway.commit(off, replace_figure(off, replace(off.figures[0], engagement=NAASTE)), author)
    assert refused.value.code == "consent-safety-block"


@pytest.mark.parametrize("status", [401, 403, 500, 503])
def test_where_blocks_cannot_be_seen_nothing_new_is_shared_and_nothing_is_taken_away(
    permitted, author, monkeypatch, client, status
):
    gateway, network = permitted
    batch = client.batch

    def refusing(entries):
        answers = list(batch(entries))
        answers[-1] = replace(answers[-1], status=status, body=None)
        return answers

    monkeypatch.setattr(client, "batch", refusing)
    mapped = gateway.read(network.child.id)
    assert mapped.network.sharing_is_off
    assert [issue.code for issue in mapped.report if issue.expression == "Flag"] == ["safety-unknown"]
    renamed = replace_figure(mapped.network, replace(mapped.network.figures[0], own_label="coach Kim"))
    gateway.commit(mapped.network, renamed, author)
    monkeypatch.undo()
    assert gateway.read(network.child.id).network.figures[0].engagement.access_roles == NAASTE.access_roles
