"""The conformance table is complete, honest and in step with the tests."""

from __future__ import annotations

import re

import smart_conformance

THREATS = smart_conformance.ROOT / "docs" / "security.md"


def test_every_requirement_is_shown_by_a_test_or_explained() -> None:
    tests = smart_conformance.marked("requirement")
    for item in smart_conformance.requirements():
        assert tests.get(item.number) or item.reason, f"requirement {item.number} ({item.place})"
        assert not (tests.get(item.number) and item.reason), f"requirement {item.number} is tested and excused"


def test_no_test_names_a_requirement_that_does_not_exist() -> None:
    assert set(smart_conformance.marked("requirement")) <= {item.number for item in smart_conformance.requirements()}


def test_the_list_is_that_of_the_specification() -> None:
    found = smart_conformance.requirements()
    assert len(found) == len({item.number for item in found}) == 173
    assert sum(item.strength != "DEPRECATED" for item in found) == 164


def test_every_rule_of_our_own_list_is_shown_and_no_test_names_another() -> None:
    assert {rule.name for rule in smart_conformance.rules()} == set(smart_conformance.marked("rule"))


def test_the_document_is_what_the_tests_generate() -> None:
    assert smart_conformance.DOCUMENT.read_text(encoding="utf-8") == smart_conformance.document()


def test_every_row_of_the_threat_table_has_its_tests_and_no_test_names_another() -> None:
    rows = set(re.findall(r"^\| `([a-z-]+)` \|", THREATS.read_text(encoding="utf-8"), re.MULTILINE))
    assert rows == set(smart_conformance.marked("threat"))
