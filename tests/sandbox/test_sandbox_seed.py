"""The synthetic clients: valid, as described, whatever day the sandbox starts."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import orjson
import pytest
from fhir.resources.R4B import get_fhir_model_class
from hypothesis import given, settings
from hypothesis import strategies as st
from sandbox_support import BASE, Ehr

from fhir_plugin.errors import InputError
from fhir_plugin.mapping.network import from_fhir
from fhir_plugin.model.dates import age_on, local_day
from fhir_plugin.model.issues import Severity
from fhir_plugin.model.terms import BSN_SYSTEMS, Profiles
from fhir_plugin.validation import Validator
from smart_app.sandbox.seed.clients import synthetic_resources
from smart_app.sandbox.seed.elements import born, bsn

SHARED = Path(__file__).resolve().parents[2].parent / "shared"
NL_CORE = SHARED / "data/nl-core/nictiz-zib2020-source.tgz"
AGES = {"noor": 8, "bram": 9, "mila": 10, "finn": 12, "daan": 13, "yara": 15, "lotte": 16, "sem": 17}
DAYS = (
    datetime(2026, 6, 15, 10, 0, tzinfo=UTC),
    datetime(2024, 2, 29, 12, 0, tzinfo=UTC),
    datetime(2028, 2, 29, 23, 30, tzinfo=UTC),
    datetime(2027, 3, 1, 0, 30, tzinfo=UTC),
    datetime(2026, 12, 31, 23, 59, tzinfo=UTC),
    datetime(2027, 1, 1, 0, 0, tzinfo=UTC),
)


def of_type(resources, kind):
    return [resource for resource in resources if resource["resourceType"] == kind]


@pytest.mark.parametrize("now", DAYS, ids=str)
def test_ages_are_as_described_on_any_day(now):
    patients = of_type(synthetic_resources(now), "Patient")
    today = local_day(now)
    assert {p["id"]: age_on(date.fromisoformat(p["birthDate"]), today) for p in patients} == AGES
    [sem] = [p for p in patients if p["id"] == "sem"]
    assert age_on(date.fromisoformat(sem["birthDate"]), today + timedelta(days=22)) == 18


@given(st.dates(date(2020, 1, 1), date(2060, 1, 1)), st.integers(1, 18), st.integers(-300, 300))
def test_a_birth_date_told_by_age_gives_that_age(today, years, days):
    age = age_on(born(today, years, days), today)
    assert age == (years if days >= 0 else years - 1)


@settings(max_examples=20)
@given(st.datetimes(datetime(2024, 1, 1), datetime(2032, 1, 1), timezones=st.just(UTC)))
def test_the_same_moment_gives_the_same_clients(now):
    assert synthetic_resources(now) == synthetic_resources(now)


@pytest.mark.parametrize("now", DAYS[:3], ids=str)
def test_every_resource_is_one_that_fhir_resources_reads(now):
    for resource in synthetic_resources(now):
        get_fhir_model_class(resource["resourceType"]).model_validate(resource)


@pytest.mark.skipif(not NL_CORE.exists(), reason="the nl-core package is not beside this checkout")
def test_every_resource_is_valid_against_what_it_claims():
    validator = Validator.load(packages=[NL_CORE])
    found = {
        (resource["id"], issue.code, issue.expression)
        for resource in synthetic_resources(DAYS[0])
        for issue in validator.validate(resource).issues
        if issue.severity in (Severity.ERROR, Severity.FATAL)
    }
    assert found == set()


def test_every_reference_leads_somewhere():
    resources = synthetic_resources(DAYS[0])
    there = {f"{resource['resourceType']}/{resource['id']}" for resource in resources}

    def references(node):
        if isinstance(node, dict):
            if isinstance(node.get("reference"), str):
                yield node["reference"]
            for value in node.values():
                yield from references(value)
        elif isinstance(node, list):
            for value in node:
                yield from references(value)

    assert set(references(resources)) <= there


def test_children_have_a_test_bsn_and_nobody_else_has_any():
    for resource in synthetic_resources(DAYS[0]):
        systems = {item["system"] for item in resource.get("identifier", [])}
        assert bool(systems & BSN_SYSTEMS) == (resource["resourceType"] == "Patient")


def test_bsns_pass_the_eleven_test_and_differ():
    numbers = [bsn(index) for index in range(20)]
    weights = (9, 8, 7, 6, 5, 4, 3, 2, -1)
    assert len(set(numbers)) == 20
    for number in numbers:
        assert len(number) == 9
        assert sum(w * int(d) for w, d in zip(weights, number, strict=True)) % 11 == 0


def network(name):
    resources = [
        resource
        for resource in synthetic_resources(DAYS[0])
        if resource["id"].split("-")[0] == name or resource["resourceType"] in ("Practitioner", "PractitionerRole")
    ]
    mapped = from_fhir(resources)
    assert not mapped.report.of(Severity.ERROR, Severity.FATAL)
    return mapped.network


def test_the_mapping_reads_every_client():
    counted = {name: len(network(name).figures) for name in AGES}
    assert counted == {"noor": 3, "bram": 0, "mila": 1, "finn": 1, "daan": 2, "yara": 1, "lotte": 3, "sem": 2}


def test_who_holds_authority_is_as_described():
    def holders(name):
        return {person.ref.id for person in network(name).people if person.holds_authority}

    assert holders("noor") == {"noor-moeder"}
    assert holders("daan") == {"daan-moeder", "daan-vader"}
    assert holders("sem") == {"sem-voogd"}


def test_consent_of_one_has_expired_and_of_others_has_not():
    today = local_day(DAYS[0]).isoformat()
    consents = of_type(synthetic_resources(DAYS[0]), "Consent")
    expired = {c["patient"]["reference"] for c in consents if c["provision"]["period"]["end"] < today}
    assert expired == {"Patient/yara"}


def test_figures_claim_the_profile_and_relatives_do_not():
    for resource in of_type(synthetic_resources(DAYS[0]), "RelatedPerson"):
        is_figure = Profiles.FIGURE in resource["meta"]["profile"]
        assert is_figure == any("designation" in item["url"] for item in resource.get("extension", []))


def test_files_from_outside_are_loaded(tmp_path):
    one = {"resourceType": "Patient", "id": "from-json"}
    (tmp_path / "deep").mkdir()
    (tmp_path / "one.json").write_bytes(orjson.dumps(one))
    bundle = {"resourceType": "Bundle", "entry": [{"resource": {"resourceType": "RelatedPerson", "id": "from-bundle"}}]}
    (tmp_path / "deep/bundle.json").write_bytes(orjson.dumps(bundle))
    lines = b"\n".join(orjson.dumps({"resourceType": "Patient", "id": f"line-{n}"}) for n in (1, 2))
    (tmp_path / "many.ndjson").write_bytes(lines + b"\n\n")
    (tmp_path / "notes.txt").write_text("not FHIR")
    (tmp_path / "other.json").write_text('{"resourceType": "SearchParameter"}')
    ehr = Ehr(load=(tmp_path,), seed=False, open_access=True)
    assert ehr.fhir("GET", "Patient?_id=from-json,line-1,line-2").json["total"] == 3
    assert ehr.fhir("GET", "RelatedPerson/from-bundle").status_code == 200


def test_a_file_that_is_not_json_is_named_with_its_line(tmp_path):
    (tmp_path / "bad.json").write_text('{\n"resourceType": }')
    with pytest.raises(InputError, match=r"bad\.json:2"):
        Ehr(load=(tmp_path,))


@pytest.mark.skipif(not SHARED.exists(), reason="the nl-core examples are not beside this checkout")
def test_the_nl_core_examples_are_kept_and_shown():
    ehr = Ehr(load=(SHARED / "data/nl-core/examples",), seed=False)
    ehr.sign_in()
    page = ehr.http.get("/children", base_url=BASE).text
    assert "van Putten-van der Giessen" in page
    stored = ehr.http.get("/children/nl-core-Patient-01/stored", base_url=BASE).text
    assert "nl-core-ContactPerson-01" in stored
