"""Numbers and addresses by nl-core: what is out of use is kept and not shown, a mobile is one however it is written."""

from __future__ import annotations

from typing import Any

import pytest

from fhir_plugin.mapping.contact import ADDRESSES, TELECOMS
from fhir_plugin.model.identity import Address, Telecom, TelecomUse

SPECIFICATION = "http://nictiz.nl/fhir/StructureDefinition/ext-CodeSpecification"
MOBILE = {
    "url": SPECIFICATION,
    "valueCodeableConcept": {
        "coding": [{"system": "http://terminology.hl7.org/CodeSystem/v3-AddressUse", "code": "MC"}]
    },
}
OLD_PHONE = {"system": "phone", "value": "0201234567", "use": "old"}
OLD_HOME = {"use": "old", "city": "Gouda", "line": ["Oude Gracht 1"]}


def test_an_old_number_or_address_is_not_shown_and_stays_where_it_is() -> None:
    body: dict[str, Any] = {
        "telecom": [OLD_PHONE, {"system": "phone", "value": "0612345678"}],
        "address": [OLD_HOME, {"use": "home", "city": "Delft"}],
    }
    assert TELECOMS.get(body) == (Telecom(system="phone", value="0612345678"),)
    assert ADDRESSES.get(body) == (Address(city="Delft"),)

    TELECOMS.put(body, (Telecom(system="phone", value="0687654321"),))
    ADDRESSES.put(body, ())
    assert body["telecom"] == [OLD_PHONE, {"system": "phone", "value": "0687654321"}]
    assert body["address"] == [OLD_HOME]


@pytest.mark.parametrize("marked", [{"use": "mobile"}, {"_system": {"extension": [MOBILE]}}])
def test_a_mobile_is_one_by_its_use_or_by_its_specification(marked: dict[str, Any]) -> None:
    (read,) = TELECOMS.get({"telecom": [{"system": "phone", "value": "0612345678", **marked}]})

    assert read.use is TelecomUse.MOBILE


def test_a_new_mobile_is_written_as_nl_core_has_it_and_becomes_a_home_number_without_a_trace() -> None:
    body: dict[str, Any] = {}
    TELECOMS.put(body, (Telecom(system="phone", value="0612345678", use=TelecomUse.MOBILE),))
    assert body["telecom"] == [{"system": "phone", "_system": {"extension": [MOBILE]}, "value": "0612345678"}]

    TELECOMS.put(body, (Telecom(system="phone", value="0612345678", use=TelecomUse.HOME),))
    assert body["telecom"] == [{"system": "phone", "value": "0612345678", "use": "home"}]


def test_a_number_of_another_kind_does_not_take_the_place_of_a_phone() -> None:
    body: dict[str, Any] = {"telecom": [{"system": "phone", "value": "0612345678", "rank": 1}]}
    TELECOMS.put(body, (Telecom(system="email", value="sam@example.nl"),))

    assert body["telecom"] == [{"system": "email", "value": "sam@example.nl"}]


@pytest.mark.parametrize(
    ("line", "parts"),
    [
        ("Dorpsstraat 5", ("Dorpsstraat", "5", "")),
        ("1e Oosterparkstraat 12-hs", ("1e Oosterparkstraat", "12", "hs")),
        ("Plein 1944 12 A", ("Plein 1944", "12", "A")),
        ("Postbus", ("Postbus", "", "")),
    ],
)
def test_a_line_without_parts_is_taken_apart_to_be_shown_and_kept_as_it_was(
    line: str, parts: tuple[str, str, str]
) -> None:
    body: dict[str, Any] = {"address": [{"line": [line], "city": "Delft"}]}
    (read,) = ADDRESSES.get(body)
    assert (read.street, read.house_number, read.addition) == parts

    ADDRESSES.put(body, (Address(street=parts[0], house_number=parts[1], addition=parts[2], city="Gouda"),))
    assert body["address"] == [{"line": [line], "city": "Gouda"}]
