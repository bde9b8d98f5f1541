"""What cannot be done is a page that says why and what to do, and changes nothing."""

from __future__ import annotations

from typing import Any

import pytest
from views_record import Room


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
