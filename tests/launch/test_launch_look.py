"""The EHR's look is applied only where it cannot harm or hinder."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from launch_fakes import Browser, FakeEhr

from smart_app.launch.look import stylesheet


def test_colours_font_and_radius_become_custom_properties() -> None:
    found = stylesheet(
        {
            "color_background": "#fffdf8",
            "color_text": "#222",
            "color_highlight": "#17595E",
            "font_family_body": "'Segoe UI', Arial",
            "dim_border_radius": "6px",
        }
    )
    for line in ("--paper: #fffdf8;", "--ink: #222222;", "--accent: #17595e;", "--radius: 6px;"):
        assert line in found
    assert "--font: 'Segoe UI', Arial, sans-serif;" in found


@pytest.mark.parametrize(
    "style",
    [
        {"color_text": "#cccccc"},
        {"color_background": "#000000"},
        {"color_highlight": "yellow"},
        {"color_text": "#222; } body { display: none"},
        {"color_text": "url(https://elders.example.nl/x)"},
        {"font_family_body": "x; background: url(//elders)"},
        {"font_family_body": "'half"},
        {"dim_border_radius": "99px"},
        {"dim_border_radius": "calc(1px)"},
        {"color_text": 7},
        [],
        "x",
        None,
    ],
    ids=str,
)
def test_what_is_unreadable_or_no_plain_value_is_left_out(style: Any) -> None:
    assert stylesheet(style) == ""


@pytest.mark.rule("context-style")
@settings(max_examples=50)
@given(st.dictionaries(st.sampled_from(["color_text", "font_family_body", "dim_border_radius"]), st.text(max_size=30)))
def test_no_style_breaks_out_of_its_declaration(style: dict[str, str]) -> None:
    found = stylesheet(style)
    assert not set(found) & set("<>\\()@")
    assert found.count("{") == found.count("}") <= 1


@pytest.mark.rule("context-style")
def test_the_page_of_a_launch_gets_the_look_of_its_own_ehr_and_asks_for_it_once(browser: Browser, ehr: FakeEhr) -> None:
    ehr.token["smart_style_url"] = f"{ehr.base}/style.json"
    ehr.mock.get(f"{ehr.base}/style.json", body=json.dumps({"color_text": "#101010"}))
    path = browser.launch(ehr)
    for _ in range(2):
        answer = browser.get(f"{path}look.css")
        assert answer.mimetype == "text/css"
        assert "--ink: #101010" in answer.text
    assert sum(call.request.url.endswith("style.json") for call in ehr.mock.calls) == 1


@pytest.mark.parametrize("url", ["https://elders.example.nl/style.json", "http://169.254.169.254/", "javascript:x"])
def test_a_style_on_a_foreign_server_is_not_asked_for(browser: Browser, ehr: FakeEhr, url: str) -> None:
    ehr.token["smart_style_url"] = url
    path = browser.launch(ehr)
    before = len(ehr.mock.calls)
    assert browser.get(f"{path}look.css").text == ""
    assert len(ehr.mock.calls) == before


@pytest.mark.parametrize("answer", [{"status": 500}, {"body": "<html>"}, {"body": b"x" * 1_100_000}])
def test_a_style_server_that_fails_delays_and_breaks_nothing(
    browser: Browser, ehr: FakeEhr, answer: dict[str, Any]
) -> None:
    ehr.token["smart_style_url"] = f"{ehr.base}/style.json"
    ehr.mock.get(f"{ehr.base}/style.json", **answer)
    path = browser.launch(ehr)
    found = browser.get(f"{path}look.css")
    assert (found.status_code, found.text) == (200, "")
    ehr.mock.replace("GET", f"{ehr.base}/style.json", body=json.dumps({"color_text": "#101010"}))
    healed = browser.get(f"{path}look.css").text
    assert ("--ink: #101010" in healed) == (answer != {"body": "<html>"}), "only an answer is kept, whatever it says"
