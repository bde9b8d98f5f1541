"""Wrong-patient safety as a model: whatever people do in several browsers and tabs, nothing ever mixes two children.

The real app with its real views stands before the sandbox EHR. Every word and id of a child carries its mark; every
action compares what is shown, what is asked of the EHR with which token, what is written, kept and logged with the
child of that launch. ``pytest -m nightly`` takes more than 10,000 actions.
"""

from __future__ import annotations

import pytest
from wrong_patient_machine import run
from wrong_patient_world import World


@pytest.fixture(scope="module")
def world() -> World:
    return World()


@pytest.mark.threat("two-tabs")
def test_nothing_ever_mixes_two_children(world: World) -> None:
    run(world, count=5, steps=40, derandomize=True)
    assert world.actions > 200
    assert world.writes > 3


@pytest.mark.nightly
@pytest.mark.threat("two-tabs")
def test_nothing_ever_mixes_two_children_in_ten_thousand_actions(world: World) -> None:
    before = world.actions
    run(world, count=130, steps=60)
    print(world.actions - before, "actions,", world.writes, "writes;", dict(world.seen))  # noqa: T201  the measure
    assert world.actions - before >= 10_000
    shown = {endpoint for endpoint, status in world.seen if status in (200, 303)}
    pages = {one.endpoint for one in world.app.url_map.iter_rules() if "launch_id" in one.arguments}
    assert pages - shown <= {"launch.look"}, "a page nobody opened: the visitor must learn to"
