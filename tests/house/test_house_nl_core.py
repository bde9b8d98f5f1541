"""Real records through the whole product: the nl-core examples loaded into the sandbox, launched, shown in the app."""

from __future__ import annotations

from pathlib import Path

import pytest

from smart_app.app import create_app
from smart_app.demo_settings import demo_settings
from smart_app.launch.testing import open_launch, session_to
from smart_app.sandbox import SandboxSettings, create_sandbox

EXAMPLES = Path(__file__).resolve().parents[3] / "shared" / "data" / "nl-core" / "examples"
pytestmark = pytest.mark.skipif(not EXAMPLES.is_dir(), reason="the nl-core examples are not beside this checkout")


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """The network page of the examples' patient, served by the app from a sandbox that holds the examples."""
    ehr = create_sandbox(SandboxSettings(load=(EXAMPLES,), open_access=True, clients=()))
    settings = demo_settings(tmp_path_factory.mktemp("app"), ehr_url="http://localhost:8400")
    app = create_app(settings, session=session_to({"http://localhost:8400": ehr}))
    browser = app.test_client()
    path = open_launch(app, browser, patient_id="nl-core-Patient-01")
    answer = browser.get(path, base_url="http://localhost:8401")
    assert answer.status_code == 200, answer.text
    return answer.text


@pytest.mark.parametrize(
    "name", ["Netwerk van Jo", "J.P.M. van Putten-van der Giessen", "Pietersen", "Piet van Putten"]
)
def test_the_people_of_the_nl_core_examples_show_in_the_app(page, name):
    assert name in page


def test_a_contact_is_offered_as_a_candidate_and_is_no_support_figure(page):
    assert "Er is nog geen steunfiguur bekend" in page
    assert "Jan de Wit" in page.split("Ook in het dossier")[1]
