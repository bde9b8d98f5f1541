"""What a run writes holds to our profiles."""

from __future__ import annotations

from typing import Any

from sync_desk import CONSENT, Desk, row

from fhir_plugin.model.issues import Severity
from fhir_plugin.model.terms import Profiles
from fhir_plugin.validation import Validator

NICTIZ = "http://nictiz.nl/"  # definitions of nl-core, which are a package of their own


def errors(validator: Validator, body: dict[str, Any]) -> list[tuple[str, str]]:
    found = validator.validate(body).of(Severity.ERROR, Severity.FATAL)
    return [(issue.code, issue.expression) for issue in found if not issue.param("url").startswith(NICTIZ)]


def test_everything_that_is_written_is_valid(desk: Desk) -> None:
    desk.sync([row(Opmerking="woont dichtbij", Geboortedatum="1980", **CONSENT), row(1002, "F2", **CONSENT)])
    desk.sync([row(Toestemming="ingetrokken"), row(1002, "F2", Betrokken_tot="01-11-2026", **CONSENT)])
    validator = Validator.load()
    for kind in ("RelatedPerson", "CareTeam", "Consent", "Provenance"):
        bodies = [body for body in desk.ehr.all(kind) if not body["id"].startswith("m")]
        assert bodies
        for body in bodies:
            assert errors(validator, body) == []
    assert all(Profiles.NETWORK in team["meta"]["profile"] for team in desk.ehr.all("CareTeam"))


def test_a_figure_whose_function_or_involvement_is_missing_is_known_but_not_in_the_team(desk: Desk) -> None:
    plan = desk.plan([row(Inzet="", **CONSENT)])
    desk.apply()
    assert plan.totals["incomplete"] == 1
    assert len(desk.figures()) == 1
    assert desk.ehr.all("CareTeam") == []
