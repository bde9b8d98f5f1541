"""Bundles: full URLs, links, documents, messages and references within."""

from __future__ import annotations

import pytest

BASE = "https://epd.voorbeeld.nl/fhir"


def entry(kind, key, base=BASE, **body):
    return {"fullUrl": f"{base}/{kind}/{key}", "resource": {"resourceType": kind, "id": key, **body}}


def bundle(kind, *entries, **more):
    return {"resourceType": "Bundle", "type": kind, "entry": list(entries), **more}


def errors(validator, resource):
    return {(issue.code, issue.expression) for issue in validator.validate(resource).of("error", "fatal")}


PERSON = entry("RelatedPerson", "oom", patient={"reference": "Patient/kind"})
CHILD = entry("Patient", "kind")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"fullUrl": "Patient/kind"}, "bundle-full-url-relative"),
        ({"fullUrl": f"{BASE}/Patient/ander"}, "bundle-full-url-id"),
        ({"fullUrl": f"{BASE}/Patient/kind/_history/2"}, "bdl-8"),
    ],
)
def test_a_full_url_is_absolute_unversioned_and_names_the_resource(validator, change, code):
    assert (code, "Bundle.entry[0]") in errors(validator, bundle("collection", {**CHILD, **change}))


def test_an_entry_needs_a_full_url_except_in_a_transaction(validator):
    bare = {"resource": CHILD["resource"]}
    asked = {"request": {"method": "POST", "url": "Patient"}}
    assert errors(validator, bundle("collection", bare)) == {("bundle-full-url-missing", "Bundle.entry[0]")}
    assert errors(validator, bundle("transaction", {**bare, **asked})) == set()
    assert errors(validator, bundle("transaction", bare)) == {("bdl-3", "Bundle")}


def test_what_refers_to_something_needs_a_full_url_in_a_transaction_too(validator):
    asked = {"request": {"method": "POST", "url": "RelatedPerson"}}
    bare = {"resource": PERSON["resource"], **asked}
    missing = ("bundle-full-url-missing", "Bundle.entry[0]")
    relative = ("reference-without-full-url", "Bundle.entry[0].resource.patient")
    assert errors(validator, bundle("transaction", bare)) == {missing, relative}
    absolute = {**bare["resource"], "patient": {"reference": f"{BASE}/Patient/kind"}}
    assert errors(validator, bundle("batch", {**bare, "resource": absolute})) == {missing}
    answer = {"resource": bare["resource"], "response": {"status": "201"}}
    assert errors(validator, bundle("transaction-response", answer)) == set()


@pytest.mark.parametrize(("kind", "good"), [("collection", False), ("transaction", True), ("batch", True)])
def test_a_reference_by_a_search_is_for_who_carries_it_out(validator, kind, good):
    one = entry("RelatedPerson", "oom", patient={"reference": "Patient?identifier=a"})
    asked = {"request": {"method": "PUT", "url": "RelatedPerson/oom"}} if good else {}
    found = errors(validator, bundle(kind, {**one, **asked}))
    assert found == (set() if good else {("reference-conditional", "Bundle.entry[0].resource.patient")})


def test_the_same_version_twice_is_an_error(validator):
    assert errors(validator, bundle("collection", CHILD, CHILD, PERSON)) == {
        ("bdl-7", "Bundle"),
        ("reference-ambiguous", "Bundle.entry[2].resource.patient"),
    }


def test_a_target_in_the_bundle_decides_its_type(validator):
    wrong = {
        "fullUrl": "urn:uuid:05efabf0-4be2-4561-91ce-51548425acb9",
        "resource": {"resourceType": "Group", "type": "person", "actual": True},
    }
    person = entry("RelatedPerson", "oom", patient={"reference": wrong["fullUrl"]})
    assert errors(validator, bundle("collection", person, wrong)) == {
        ("reference-target", "Bundle.entry[0].resource.patient")
    }


def test_links_of_paging_do_not_belong_in_a_document(validator):
    links = [{"relation": "self", "url": BASE}, {"relation": "self", "url": BASE}, {"relation": "next", "url": BASE}]
    found = errors(validator, bundle("transaction", link=links))
    assert found == {
        ("bundle-link-repeated", "Bundle.link[1]"),
        ("bundle-link-paging", "Bundle.link[2].relation"),
        ("array-empty", "Bundle.entry"),
    }


def document(*entries, **composition):
    first = entry(
        "Composition", "c", status="final", type={"text": "x"}, date="2025", title="x",
        author=[{"reference": "Practitioner/p"}], **composition,
    )  # fmt: skip
    more = {"identifier": {"system": "urn:x:y", "value": "1"}, "timestamp": "2025-01-01T00:00:00Z"}
    return bundle("document", first, *entries, **more)


def test_a_document_holds_what_its_composition_refers_to(validator):
    section = [{"title": "x", "entry": [{"reference": "Observation/weg"}], "text": None}]
    section[0].pop("text")
    practitioner = entry("Practitioner", "p")
    assert errors(validator, document(practitioner)) == set()
    assert errors(validator, document(practitioner, section=section)) == {
        ("bundle-reference-missing", "Bundle.entry[0].resource.section[0].entry[0]")
    }


def test_an_entry_that_nothing_links_to_is_an_error_in_a_document(validator):
    found = errors(validator, document(entry("Practitioner", "p"), entry("Organization", "o", name="x")))
    assert found == {("bundle-entry-unlinked", "Bundle.entry[2]")}


def test_a_document_starts_with_a_composition_and_a_message_with_a_header(validator):
    more = {"identifier": {"system": "urn:x:y", "value": "1"}, "timestamp": "2025-01-01T00:00:00Z"}
    assert ("bdl-11", "Bundle") in errors(validator, bundle("document", CHILD, **more))
    assert ("bdl-12", "Bundle") in errors(validator, bundle("message", CHILD, **more))
