"""Whoever a plan passes over has rows and a record as they were left: whatever happens in between, in any order.

Lists that change, professionals who edit, runs that are planned and not applied, or applied late, time that passes:
each plan is held against one that passes over nobody.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule
from sync_desk import CONSENT, Desk, make_desk, row

from fhir_plugin.sync.plans.planfile import PlanReader

PATIENTS = ("p1001", "p1002", "p1003")
GIVEN = {**CONSENT, "Toestemming van": "ouders en jongere"}
PHONES = ("06-12345601", "06-12345602", "06-12345603")
SPANS = (timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=2), timedelta(days=1))


class PassedOver(RuleBasedStateMachine):
    """A list of three clients and their records."""

    clients = st.integers(0, 2)

    @initialize()
    def begin(self) -> None:
        self.folder = Path(tempfile.mkdtemp())
        self.desk = make_desk(self.folder)
        self.desk.ehr.clock = lambda: self.desk.now
        names = ("Samira", "Henk", "Loes")
        self.rows = [row(1001 + n, f"F{n}", **GIVEN, Voornaam=name) for n, name in enumerate(names)]
        self.listed = {0, 1, 2}
        self.desk.sync(self.rows)

    def teardown(self) -> None:
        shutil.rmtree(self.folder)

    @rule(client=clients, phone=st.sampled_from(PHONES), consent=st.sampled_from(("ja", "ingetrokken")))
    def the_list_changes(self, client: int, phone: str, consent: str) -> None:
        self.rows[client] = self.rows[client] | {"Mobiel": phone, "Toestemming": consent}

    @rule(client=clients)
    def a_client_leaves_the_list_or_comes_back(self, client: int) -> None:
        self.listed ^= {client}

    @rule(client=clients, year=st.integers(1980, 1982))
    def somebody_edits_a_figure(self, client: int, year: int) -> None:
        for body in self.desk.figures(PATIENTS[client]):
            self.desk.edit(body, birthDate=f"{year}-01-01")

    @rule(client=clients, status=st.sampled_from(("active", "inactive")))
    def somebody_changes_the_consent(self, client: int, status: str) -> None:
        for body in self._of("Consent", PATIENTS[client]):
            self.desk.edit(body, status=status)

    @rule(client=clients)
    def somebody_empties_the_team(self, client: int) -> None:
        for body in self._of("CareTeam", PATIENTS[client]):
            self.desk.edit(body, participant=[])

    @rule(span=st.sampled_from(SPANS))
    def time_passes(self, span: timedelta) -> None:
        self.desk.now += span

    @rule()
    def a_plan_is_made(self) -> None:
        blind = self._by_one_that_passes_over_nobody()
        assert _due(self.desk.plan(self._list())) == blind

    @rule(client=clients, part=st.sampled_from(({"limit": 1}, {"limit": 9}, {"is_whole": False}, {"only": True})))
    def a_plan_of_a_part_is_made(self, client: int, part: dict[str, Any]) -> None:
        if "only" in part:
            self.desk.plan(self._list(), only=PATIENTS[client])
        else:
            self.desk.plan(self._list() if "limit" in part else [self.rows[client]], **part)

    @rule()
    def the_last_plan_is_applied(self) -> None:
        self.desk.apply()

    @rule()
    def a_run(self) -> None:
        self.a_plan_is_made()
        self.desk.apply()

    def _list(self) -> list[dict[str, str]]:
        return [self.rows[client] for client in sorted(self.listed)]

    def _of(self, kind: str, patient: str) -> list[dict[str, Any]]:
        found = self.desk.ehr.all(kind)
        return [b for b in found if (b.get("patient") or b["subject"])["reference"] == f"Patient/{patient}"]

    def _by_one_that_passes_over_nobody(self) -> list[Any]:
        """What a desk finds due that knows what was agreed, but not who was settled: it decides on everybody."""
        with tempfile.TemporaryDirectory() as folder:
            other = Desk(folder=Path(folder), ehr=self.desk.ehr, client=self.desk.client, now=self.desk.now)
            for file in self.folder.glob("journal*"):
                shutil.copy(file, other.folder)
            with other.journal() as journal:
                journal.unsettle(PATIENTS)
            return _due(other.plan(self._list()))


def _due(plan: PlanReader) -> list[Any]:
    """What there is to do, to ask or to say, client by client."""
    told = [json.loads(line) for line in plan.lines()]
    return [body for body in told if any(each["action"] != "none" or "notes" in each for each in body["figures"])]


_LIMITS = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}
PassedOver.TestCase.settings = settings(max_examples=5, stateful_step_count=12, **_LIMITS)  # type: ignore[arg-type]
TestPassedOver = PassedOver.TestCase


@pytest.mark.nightly
class TestPassedOverAtNight(PassedOver.TestCase):  # type: ignore[name-defined,misc]
    """The same, much longer."""

    settings = settings(max_examples=400, stateful_step_count=25, **_LIMITS)  # type: ignore[arg-type]
