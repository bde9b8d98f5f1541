"""Two lists about one person: what a professional took out is not put back by the list that did not know of it."""

from __future__ import annotations

import pytest
from sync_desk import Desk, row


@pytest.fixture
def two(desk: Desk) -> Desk:
    """A figure that the first list brought with a birth date and a mobile number; a professional took both out."""
    desk.sync([row(Geboortedatum="01-02-1980", **{"E-mail": "samira@mail.example"})])
    [figure] = desk.figures()
    mail = [item for item in figure["telecom"] if item["system"] == "email"]
    desk.edit({name: value for name, value in figure.items() if name != "birthDate"} | {"telecom": mail})
    desk.source = "ract"
    return desk


def test_a_value_that_was_taken_out_is_a_conflict_for_the_other_list(two: Desk) -> None:
    rows = [row(key="R1", Geboortedatum="01-02-1980", Mobiel="", **{"E-mail": "samira@mail.example"})]
    plan = two.plan(rows)
    [figure] = next(plan.clients()).plan.figures
    assert [conflict.element for conflict in figure.conflicts] == ["birth_date"]
    two.apply()
    assert "birthDate" not in two.figures()[0]


def test_an_item_that_was_taken_out_is_not_added_again(two: Desk) -> None:
    two.sync([row(key="R1", **{"E-mail": "samira@mail.example"})])
    assert [item["value"] for item in two.figures()[0]["telecom"]] == ["samira@mail.example"]


def test_what_the_first_list_took_out_itself_the_other_may_bring(desk: Desk) -> None:
    desk.sync([row(Geboortedatum="01-02-1980", **{"E-mail": "samira@mail.example"})])
    desk.sync([row(Geboortedatum="", **{"E-mail": "samira@mail.example"})])
    assert "birthDate" not in desk.figures()[0]
    desk.source = "ract"
    desk.sync([row(key="R1", Geboortedatum="01-02-1981", **{"E-mail": "samira@mail.example"})])
    assert desk.figures()[0]["birthDate"] == "1981-02-01"
