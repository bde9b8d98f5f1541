"""JSON in and out: no digit of somebody else's number is lost, whichever parser reads it."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_plugin.model.carried import Carried
from fhir_plugin.wire import dumps, loads

numbers = st.one_of(st.integers(-(2**63), 2**63 - 1), st.floats(allow_nan=False, allow_infinity=False))
texts = st.text(st.characters(codec="utf-8"), max_size=12)
values = st.recursive(
    st.one_of(st.none(), st.booleans(), numbers, texts),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(texts, inner, max_size=3)),
    max_leaves=8,
)


def exactly(raw: bytes) -> Any:
    """What the text says, every number as it was written."""
    return json.loads(raw, parse_float=Decimal, parse_int=Decimal)


@given(st.dictionaries(texts, values, max_size=4), st.sampled_from([None, 2]))
def test_what_was_read_is_written_with_every_digit_it_had(body: dict[str, Any], indent: int | None) -> None:
    raw = json.dumps(body, indent=indent, ensure_ascii=False).encode()
    assert exactly(dumps(loads(raw))) == exactly(raw)


@pytest.mark.parametrize(
    "written",
    ["1.10", "-0.50", "1e3", "1.0E-7", "123456789012345678.5", "-123456789012345678901", "9" * 5000],
    ids=range(7),
)
@pytest.mark.parametrize("place", ['{"value":%s}', '{"value" : %s }', '{"value":[1,%s]}', '{"value":[\n%s]}'])
def test_a_number_keeps_the_form_it_was_written_in(written: str, place: str) -> None:
    raw = (place % written).encode()
    assert exactly(dumps(loads(raw))) == exactly(raw)


def test_a_whole_number_of_64_bits_stays_one() -> None:
    edges = [-(2**63), 10**18, 2**64 - 1]
    assert loads(json.dumps(edges).encode()) == edges
    assert {type(number) for number in loads(json.dumps(edges).encode())} == {int}


def test_a_byte_order_mark_is_passed_over() -> None:
    assert loads('\ufeff{"a": "é"}'.encode()) == {"a": "é"}


TOO_DEEP, TOO_GREAT = b"[" * 100_000 + b"1.0" + b"]" * 100_000, b"[1e%d]" % 10**30


@pytest.mark.parametrize("raw", [b"", b"{", b'{"a":}', b"\xff", TOO_DEEP, TOO_GREAT], ids=range(6))
def test_what_is_no_json_is_an_error(raw: bytes) -> None:
    with pytest.raises(ValueError):
        loads(raw)


@pytest.mark.parametrize("value", ["text", Decimal("1.10")])
def test_a_carried_body_shares_nothing_with_what_it_was_made_of_or_gives_away(value: object) -> None:
    shared = {"value": value}
    given_ = {"resourceType": "Basic", "one": shared, "two": [shared]}
    carried = Carried(given_)
    shared["value"] = "changed"
    first = carried.body()
    first["one"]["value"] = "changed"
    assert carried.body() == {"resourceType": "Basic", "one": {"value": value}, "two": [{"value": value}]}
    assert first["two"] == [{"value": value}]
