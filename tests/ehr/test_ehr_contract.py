"""One contract for every FHIR server the client talks to: in memory, the sandbox, and one no one here wrote."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from ehr_servers import Server

from fhir_plugin.ehr import Entry, FhirClient
from fhir_plugin.errors import EhrConflict, EhrError, EhrNotFound

Figure = Callable[..., dict[str, Any]]


def condition(body: dict[str, Any]) -> str:
    identifier = body["identifier"][0]
    return f"identifier={identifier['system']}|{identifier['value']}"


def test_the_server_says_it_speaks_r4(client: FhirClient) -> None:
    capabilities = client.capabilities()
    assert capabilities.fhir_version == "4.0.1"
    assert capabilities.software_name
    assert capabilities.supports("RelatedPerson", "create")


def test_what_was_created_is_read_back(client: FhirClient, figure_body: Figure) -> None:
    written = client.create(figure_body())
    body = client.read("RelatedPerson", written.id)
    assert body["name"] == [{"text": "tante Sam"}]
    assert body["meta"]["versionId"] == written.version


def test_reading_an_unknown_id_is_not_found(client: FhirClient) -> None:
    with pytest.raises(EhrNotFound):
        client.read("RelatedPerson", "does-not-exist")


def test_an_update_with_the_current_version_makes_a_new_one(client: FhirClient, figure_body: Figure) -> None:
    first = client.create(figure_body())
    second = client.update({**figure_body(), "id": first.id, "active": False}, if_match=first.version)
    assert second.version != first.version
    assert client.read("RelatedPerson", first.id)["active"] is False


def test_an_update_with_a_stale_version_is_a_conflict_and_changes_nothing(
    client: FhirClient, figure_body: Figure
) -> None:
    first = client.create(figure_body())
    client.update({**figure_body(), "id": first.id, "name": [{"text": "Sam"}]}, if_match=first.version)
    with pytest.raises(EhrConflict):
        client.update({**figure_body(), "id": first.id, "active": False}, if_match=first.version)
    assert client.read("RelatedPerson", first.id)["name"] == [{"text": "Sam"}]


def test_a_conditional_create_makes_one_resource_however_often_it_is_sent(
    client: FhirClient, figure_body: Figure
) -> None:
    body = figure_body()
    first = client.create(body, if_none_exist=condition(body))
    second = client.create(body, if_none_exist=condition(body))
    assert (first.status, second.status) == (201, 200)
    assert second.id == first.id


def test_a_conditional_create_that_meets_two_is_a_conflict(client: FhirClient, figure_body: Figure) -> None:
    body = figure_body()
    client.create(body)
    client.create(body)
    with pytest.raises(EhrConflict):
        client.create(body, if_none_exist=condition(body))


def test_a_search_gives_every_page(client: FhirClient, patient: str, figure_body: Figure) -> None:
    made = {client.create(figure_body(f"f-{number}")).id for number in range(7)}
    found = [body["id"] for body in client.search("RelatedPerson", {"patient": patient, "_count": "2"})]
    assert sorted(found) == sorted(made)


def test_a_private_search_finds_by_identifier_without_a_query_string(client: FhirClient, figure_body: Figure) -> None:
    body = figure_body()
    written = client.create(body)
    value = condition(body).removeprefix("identifier=")
    found = list(client.search("RelatedPerson", {"identifier": value}, private=True))
    assert [item["id"] for item in found] == [written.id]


def test_a_private_search_takes_several_identifiers_at_once(client: FhirClient, figure_body: Figure) -> None:
    bodies = [figure_body("a"), figure_body("b"), figure_body("c")]
    ids = [client.create(body).id for body in bodies]
    both = ",".join(condition(body).removeprefix("identifier=") for body in bodies[:2])
    found = client.search("RelatedPerson", {"identifier": both, "_count": "50"}, private=True)
    assert {item["id"] for item in found} == set(ids[:2])


def test_a_batch_answers_each_entry_by_itself(client: FhirClient, figure_body: Figure) -> None:
    written = client.create(figure_body())
    good, bad = client.batch([Entry.get(f"RelatedPerson/{written.id}"), Entry.get("RelatedPerson/does-not-exist")])
    assert good.ok
    assert good.body is not None
    assert good.body["id"] == written.id
    assert bad.status == 404


def test_a_search_in_a_batch_is_paged_like_any_other(client: FhirClient, patient: str, figure_body: Figure) -> None:
    made = {client.create(figure_body(f"f-{number}")).id for number in range(5)}
    (answer,) = client.batch([Entry.get(f"RelatedPerson?patient={patient}&_count=2")])
    assert {body["id"] for body in client.pages(answer.body)} == made


def test_a_transaction_ties_new_resources_together(client: FhirClient, patient: str, figure_body: Figure) -> None:
    figure = "urn:uuid:5cb9f0a1-9b1e-4d6d-8e0f-3a3f7f2f1c11"
    team = {
        "resourceType": "CareTeam",
        "status": "active",
        "subject": {"reference": patient},
        "participant": [{"member": {"reference": figure}}],
    }
    person, group = client.transaction([Entry.post(figure_body(), full_url=figure), Entry.post(team)])
    member = client.read("CareTeam", group.id)["participant"][0]["member"]["reference"]
    assert member.endswith(f"RelatedPerson/{person.id}")


def test_a_transaction_with_one_stale_part_writes_nothing(
    client: FhirClient, patient: str, figure_body: Figure
) -> None:
    first = client.create(figure_body("kept"))
    client.update({**figure_body("kept"), "id": first.id}, if_match=first.version)
    stale = Entry.put({**figure_body("kept"), "id": first.id, "active": False}, if_match=first.version)
    with pytest.raises(EhrConflict):
        client.transaction([Entry.post(figure_body("new")), stale])
    found = list(client.search("RelatedPerson", {"patient": patient}))
    assert [body["active"] for body in found] == [True]


def test_a_conditional_create_inside_a_transaction_does_not_multiply(
    client: FhirClient, patient: str, figure_body: Figure
) -> None:
    body = figure_body()
    entry = Entry.post(body, full_url="urn:uuid:0d2c9a8e-6f0b-4c9c-9a57-5d7f2b0c4e21", if_none_exist=condition(body))
    (first,) = client.transaction([entry])
    (second,) = client.transaction([entry])
    assert first.id == second.id
    assert len(list(client.search("RelatedPerson", {"patient": patient}))) == 1


def test_elements_and_extensions_of_others_come_back_as_they_were(client: FhirClient, figure_body: Figure) -> None:
    foreign = {"url": "https://example.nl/ext/score", "valueDecimal": 1.5}
    written = client.create(figure_body(extension=[foreign], language="nl"))
    body = client.read("RelatedPerson", written.id)
    assert body["extension"] == [foreign]
    assert body["language"] == "nl"


def test_an_earlier_version_can_be_read(server: Server, client: FhirClient, figure_body: Figure) -> None:
    server.needs("history")
    first = client.create(figure_body())
    client.update({**figure_body(), "id": first.id, "active": False}, if_match=first.version)
    assert client.read("RelatedPerson", first.id, version=first.version)["active"] is True


def test_changes_since_a_moment_are_found(client: FhirClient, patient: str, figure_body: Figure) -> None:
    written = client.create(figure_body())
    since = client.read("RelatedPerson", written.id)["meta"]["lastUpdated"]
    found = client.search("RelatedPerson", {"patient": patient, "_lastUpdated": f"ge{since}"})
    assert [body["id"] for body in found] == [written.id]


def test_something_that_is_no_resource_is_refused_with_an_error_of_the_tree(client: FhirClient) -> None:
    with pytest.raises(EhrError) as caught:
        client.create({"resourceType": "Nonsense", "name": "de Vries"})
    assert "Vries" not in str(caught.value)
