"""Searching: criteria, includes, sorting, pages (https://hl7.org/fhir/R4/search.html)."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest
from sandbox_support import BASE, Ehr, ids


@pytest.fixture(scope="module")
def open_ehr():
    """One for all tests here: they only read."""
    return Ehr(open_access=True)


def found(ehr, path):
    answer = ehr.fhir("GET", path)
    assert answer.status_code == 200, answer.text
    return set(ids(answer))


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("Patient?_id=noor,daan", {"noor", "daan"}),
        ("Patient?name=yilm", {"noor"}),
        ("Patient?name=VAN DEN BERG", {"daan"}),
        ("Patient?name:exact=noor", {"noor"}),
        ("Patient?name:contains=erg", {"daan"}),
        ("Patient?family=van den Berg&given=Daan", {"daan"}),
        ("Patient?family=van den Berg&given=Noor", set()),
        ("Patient?birthdate=lt2009", {"sem"}),
        ("Patient?birthdate=ge2017&gender=female", {"noor"}),
        ("Patient?identifier=http://fhir.nl/fhir/NamingSystem/bsn|&_id=noor", {"noor"}),
        ("RelatedPerson?patient=bram", {"bram-moeder", "bram-vader"}),
        ("RelatedPerson?patient=Patient/bram", {"bram-moeder", "bram-vader"}),
        (f"RelatedPerson?patient={BASE}/fhir/Patient/bram", {"bram-moeder", "bram-vader"}),
        ("RelatedPerson?patient=bram&relationship=FTH", {"bram-vader"}),
        ("RelatedPerson?patient=bram&relationship:not=FTH", {"bram-moeder"}),
        ("RelatedPerson?patient=bram&relationship:not=FTH,MTH", set()),
        ("RelatedPerson?patient.name=bram", {"bram-moeder", "bram-vader"}),
        ("RelatedPerson?patient:Patient.birthdate=gt2017&relationship=FTH", {"noor-vader"}),
        ("RelatedPerson?telecom:missing=true&patient=noor", {"noor-vader", "noor-turnjuf"}),
        ("RelatedPerson?phone=%2B31612345601", {"noor-tante-sam"}),
        ("CareTeam?participant=RelatedPerson/noor-tante-sam", {"noor-netwerk"}),
        ("CareTeam?participant=noor-tante-sam", {"noor-netwerk"}),
        ("CareTeam?status=active&patient=noor", {"noor-netwerk"}),
        ("CareTeam?identifier=https://w3id.org/steunfiguren/fhir/NamingSystem/support-network|noor", {"noor-netwerk"}),
        ("Consent?patient=daan&status=active", {"daan-coach-youssef-toestemming-1", "daan-opa-henk-toestemming-1"}),
        ("Consent?actor=RelatedPerson/daan-opa-henk", {"daan-opa-henk-toestemming-1"}),
        ("Observation?focus=RelatedPerson/lotte-nicht-eva", {"lotte-nicht-eva-band-1"}),
        ("Observation?patient=yara&code=tie", {"yara-maatje-inge-band-1"}),
        ("Provenance?target=RelatedPerson/yara-maatje-inge", {"yara-maatje-inge-herkomst"}),
        ("Person?link=RelatedPerson/mila-steungezin", {"anja-de-wit"}),
        ("PractitionerRole?practitioner=petra-groen", {"petra-groen"}),
        ("RelatedPerson?patient=bram,Patient/noor&relationship=FTH", {"bram-vader", "noor-vader"}),
        ("RelatedPerson?relationship=FTH,MTH&_id=bram-vader,noor-vader,bram", {"bram-vader", "noor-vader"}),
        ("Patient?name=yilm,van den", {"noor", "daan"}),
    ],
)  # fmt: skip
def test_a_search_finds_what_meets_every_criterion(open_ehr, query, expected):
    assert found(open_ehr, query) == expected


@pytest.mark.parametrize(
    "query",
    [
        "Patient?nickname=x",
        "Patient?name:phonetic=x",
        "RelatedPerson?patient:not=noor",
        "Patient?birthdate=yesterday",
        "Patient?name=",
        "Patient?_count=many",
        "Patient?_sort=shoe-size",
        "Patient?_include=RelatedPerson",
        "Patient?_include=RelatedPerson:nobody",
        "Patient?_summary=text",
        "RelatedPerson?patient:missing=perhaps",
        "RelatedPerson?name.family=x",
        "?name=x",
    ],
)
def test_a_search_that_is_not_understood_is_refused_instead_of_widened(open_ehr, query):
    answer = open_ehr.fhir("GET", query)
    assert answer.status_code == 400
    assert answer.json["resourceType"] == "OperationOutcome"


def test_a_lenient_client_may_have_unknown_parameters_passed_over(open_ehr):
    answer = open_ehr.fhir("GET", "Patient?nickname=x&_id=noor", Prefer="handling=lenient")
    assert ids(answer) == ["noor"]


def test_post_search_finds_the_same_and_keeps_criteria_out_of_links(open_ehr):
    bsn = open_ehr.fhir("GET", "Patient/noor").json["identifier"][0]["value"]
    answer = open_ehr.browser().post(
        "/fhir/Patient/_search", data={"identifier": f"http://fhir.nl/fhir/NamingSystem/bsn|{bsn}"}
    )
    assert ids(answer) == ["noor"]
    assert answer.json["link"] == []


def test_last_updated_finds_what_changed_since(make_ehr):
    open_ehr = make_ehr(open_access=True)
    open_ehr.clock.forward(minutes=5)
    open_ehr.fhir("PUT", "Patient/noor", body={**open_ehr.fhir("GET", "Patient/noor").json, "active": False})
    assert found(open_ehr, "Patient?_lastUpdated=gt2026-06-15T10:02:00Z") == {"noor"}


def test_includes_bring_what_is_referred_to_and_what_refers(open_ehr):
    answer = open_ehr.fhir(
        "GET",
        "CareTeam?patient=noor&_include=CareTeam:participant&_include=CareTeam:patient&_revinclude=Provenance:target",
    )
    modes = {entry["resource"]["id"]: entry["search"]["mode"] for entry in answer.json["entry"]}
    assert modes.pop("noor-netwerk") == "match"
    assert set(modes.values()) == {"include"}
    assert set(modes) == {"noor", "noor-tante-sam", "noor-buurvrouw-ria", "joke-de-vries"}
    assert answer.json["total"] == 1


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("Patient?identifier=urn:one|1", {"Patient/a"}),
        ("Patient?identifier=urn:two|1", {"Patient/b"}),
        ("Patient?identifier=urn:three|1", set()),
        ("Patient?identifier=|1", set()),
        ("Patient?identifier=1", {"Patient/a", "Patient/b"}),
        ("Observation?patient=a", set()),
        ("Observation?patient:missing=true", {"Observation/o"}),
        ("Observation?subject=Group/a", {"Observation/o"}),
        ("CareTeam?participant=Patient/a", set()),
        ("CareTeam?participant=Practitioner/a&_include=CareTeam:participant", {"CareTeam/t", "Practitioner/a"}),
        ("Practitioner?_id=a&_revinclude=CareTeam:participant", {"CareTeam/t", "Practitioner/a"}),
        ("Patient?_id=a&_revinclude=CareTeam:participant", {"Patient/a"}),
    ],
)
def test_one_id_of_two_types_and_one_number_of_two_systems_are_told_apart(store, query, expected):
    for identity, system in (("a", "urn:one"), ("b", "urn:two")):
        store.fhir("PUT", f"Patient/{identity}", body=named("Patient", identity, system))
    store.fhir("PUT", "Practitioner/a", body=named("Practitioner", "a", "urn:one"))
    store.fhir("PUT", "Observation/o", body=about("Observation", "o", "Group/a"))
    team = about("CareTeam", "t", "Patient/b") | {"participant": [{"member": {"reference": "Practitioner/a"}}]}
    store.fhir("PUT", "CareTeam/t", body=team)
    found = [entry["resource"] for entry in store.fhir("GET", query).json.get("entry", [])]
    assert {f"{body['resourceType']}/{body['id']}" for body in found} == expected


@pytest.mark.parametrize(
    ("query", "status"),
    [
        (f"Patient?name={','.join('abc' * 100)}&family={','.join('abc' * 100)}", 200),
        (f"Patient?_id={','.join('abc' * 1000)}&gender={','.join('abc' * 1000)}", 200),
        (f"Patient?name={','.join('abc' * 1000)}", 400),
        (f"Patient?identifier={','.join(f'urn:{number}|1' for number in range(2000))}", 400),
        (f"Patient?{'&'.join(['gender=male'] * 2000)}", 400),
    ],
    ids=range(5),
)
def test_a_search_of_more_conditions_than_the_database_takes_is_refused(store, query, status):
    assert store.fhir("GET", query).status_code == status


def named(kind, identity, system):
    return {"resourceType": kind, "id": identity, "identifier": [{"system": system, "value": "1"}]}


def about(kind, identity, subject):
    return {"resourceType": kind, "id": identity, "subject": {"reference": subject}}


def test_an_iterating_include_goes_on(open_ehr):
    answer = open_ehr.fhir(
        "GET", "CareTeam?patient=noor&_include=CareTeam:participant&_include:iterate=PractitionerRole:practitioner"
    )
    kinds = {entry["resource"]["resourceType"] for entry in answer.json["entry"]}
    assert "Practitioner" in kinds


def test_sorting_goes_both_ways(open_ehr):
    up = ids(open_ehr.fhir("GET", "Patient?_sort=birthdate"))
    down = ids(open_ehr.fhir("GET", "Patient?_sort=-birthdate"))
    assert up[0] == down[-1] == "sem"
    assert up == down[::-1]


def test_pages_hold_everything_once_even_when_somebody_writes_in_between(make_ehr):
    open_ehr = make_ehr(open_access=True)
    seen, url = [], "Patient?_count=3&_sort=birthdate"
    while url:
        answer = open_ehr.fhir("GET", url)
        seen += ids(answer)
        assert answer.json["total"] == 8
        following = [link["url"] for link in answer.json["link"] if link["relation"] == "next"]
        url = following[0].removeprefix(f"{BASE}/fhir") if following else ""
        if len(seen) == 3:
            assert set(parse_qs(urlsplit(following[0]).query)) == {"_page", "_offset"}
            open_ehr.fhir("POST", "Patient", body={"resourceType": "Patient", "birthDate": "2001-01-01"})
    assert sorted(seen) == ["bram", "daan", "finn", "lotte", "mila", "noor", "sem", "yara"]


def test_a_page_that_nobody_asked_for_is_gone(open_ehr):
    assert open_ehr.fhir("GET", "?_page=made-up&_offset=3").status_code == 410


def test_a_count_alone_has_no_entries(open_ehr):
    for query in ("Patient?_summary=count", "Patient?_count=0"):
        bundle = open_ehr.fhir("GET", query).json
        assert bundle["total"] == 8
        assert "entry" not in bundle


def test_a_summary_may_be_the_whole_resource(open_ehr):
    whole, summary = (open_ehr.fhir("GET", f"Patient?_id=noor&_summary={value}").json for value in ("false", "true"))
    assert [entry["resource"] for entry in summary["entry"]] == [entry["resource"] for entry in whole["entry"]]


def test_a_subset_of_elements_is_marked_as_such(open_ehr):
    [entry] = open_ehr.fhir("GET", "Patient?_id=noor&_elements=birthDate").json["entry"]
    assert set(entry["resource"]) == {"resourceType", "id", "meta", "birthDate"}
    assert entry["resource"]["meta"]["tag"][0]["code"] == "SUBSETTED"


def test_values_are_bound_and_never_sql(open_ehr):
    for value in ("x' OR '1'='1", "%", "_", "x\\,y", "') --"):
        assert found(open_ehr, f"Patient?name={value}") == set()
        assert found(open_ehr, f"Patient?_id={value}") == set()
