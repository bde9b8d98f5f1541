"""What cannot be done is a page that says why and what to do, and changes nothing."""

from __future__ import annotations

from typing import Any

import pytest
from views_record import Room

from fhir_plugin.ehr.network import NetworkGateway
from fhir_plugin.errors import MappingError, PermitRequired, SteunfigurenError, UsageError


def _consent_of_sam(room: Room) -> dict[str, Any]:
    draft = room.begin("figure/sam/change/consent")
    answers = {"share": "yes", "share_what": ["progress"], "share_signers": ["Patient/noor"], "share_until": "1-6-2027"}
    room.post(f"{draft}/consent", answers)
    room.post(f"{draft}/check")
    (consent,) = room.ehr.all("Consent")
    return dict(consent)


def test_a_consent_is_only_taken_back_at_the_figure_it_is_about(room: Room) -> None:
    consent = _consent_of_sam(room)
    path, sent = f"consent/{consent['id']}/withdraw", {"version": consent["meta"]["versionId"], "by": "Patient/noor"}
    assert "gaat over iemand anders" in room.get(f"figure/opa/{path}", status=404).text_content()
    room.post(f"figure/opa/{path}", sent, status=404)
    assert room.ehr.all("Consent") == [consent]
    room.get(f"figure/sam/{path}")


def test_a_consent_that_was_taken_back_cannot_be_taken_back_again(room: Room) -> None:
    consent = _consent_of_sam(room)
    path = f"figure/sam/consent/{consent['id']}/withdraw"
    room.post(path, {"version": consent["meta"]["versionId"], "by": "Patient/noor"})
    (ended,) = room.ehr.all("Consent")
    assert ended["status"] == "inactive"
    room.get(path, status=404)
    for by in ("Patient/noor", "all"):
        room.post(path, {"version": ended["meta"]["versionId"], "by": by}, status=404)
    assert room.ehr.all("Consent") == [ended]


@pytest.mark.parametrize(
    ("error", "status", "said"),
    [
        (PermitRequired("x", code="no-permit"), 409, ("Leg eerst de toestemming vast", "“Leg toestemming vast”")),
        (UsageError("x", code="consent-not-active"), 400, ("Dit kan hier niet", "Ga terug")),
        (MappingError("x"), 500, ("Dit kan niet in het dossier", "helpdesk")),
    ],
    ids=["no permit", "not possible", "no FHIR"],
)
def test_what_the_gateway_refuses_is_said_with_what_to_do(
    room: Room, monkeypatch: pytest.MonkeyPatch, error: SteunfigurenError, status: int, said: tuple[str, ...]
) -> None:
    def refuse(*_given: object) -> None:
        raise error

    monkeypatch.setattr(NetworkGateway, "commit", refuse)
    draft = room.begin("add")
    room.post(f"{draft}/who", {"own_label": "Juf Ans"})
    text = room.post(f"{draft}/check", status=status).text_content()
    for part in (*said, "Er is niets opgeslagen"):
        assert part in text, part
