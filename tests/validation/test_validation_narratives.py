"""Narratives: basic HTML of which every link leads somewhere."""

from __future__ import annotations

import pytest
from definitions_asked import errors

from fhir_plugin.validation import Validator

XHTML = "http://www.w3.org/1999/xhtml"


def test_an_image_in_a_narrative_that_is_within_the_resource_is_there():
    div = f'<div xmlns="{XHTML}">Kaart <img src="#kaart" alt="kaart"/></div>'
    patient = {"resourceType": "Patient", "text": {"status": "additional", "div": div}}
    assert errors(Validator.load(), patient) == [("narrative-dead-link", "Patient.text.div")]
    picture = {"resourceType": "Binary", "id": "kaart", "contentType": "image/png", "data": "aGVsbG8="}
    patient |= {"contained": [picture], "photo": [{"url": "#kaart"}]}
    assert ("narrative-dead-link", "Patient.text.div") not in errors(Validator.load(), patient)


@pytest.mark.parametrize(
    ("inside", "code"),
    [
        ('<a href="urn:uuid:1">a</a>', "narrative-link-scheme"),
        ('<a href="https://example.com">a</a>', ""),
        ('<a href="tel:0201234567">a</a>', ""),
        ('<p idref="b">a</p>', "txt-1"),
        ('<pre xml:space="preserve">a</pre>', ""),
        ('<a href="">a</a>', "narrative-link"),
        ('a<img src="b c.png"/>', "narrative-link"),
        ('<a href="https://example.com" target="_blank">a</a>', "txt-1"),
    ],
)
def test_links_in_a_narrative_can_be_followed(validator, inside, code):
    patient = {
        "resourceType": "Patient",
        "text": {"status": "generated", "div": f'<div xmlns="{XHTML}">{inside}</div>'},
    }
    assert [one for one, _ in errors(validator, patient)] == ([code] if code else [])


@pytest.mark.parametrize(
    ("inside", "code"),
    [
        ("<ul><li>a</li><li><div>b<ul><li>c</li></ul></div></li></ul>", ""),
        ("<table><caption>a</caption><thead><tr><th>b</th></tr></thead><tbody><tr><td/></tr></tbody></table>", ""),
        ("<p>a</p><table><tr><td><p>b <b>c</b> <i>d</i></p></td></tr></table>", ""),
        ("<span>a<span>b</span></span>", ""),
        ("<li>a</li>", "narrative-nesting"),
        ("<ul>a<li>b</li></ul>", "narrative-nesting"),
        ("<ul><li>a</li>b</ul>", "narrative-nesting"),
        ("<ul><ul><li>a</li></ul></ul>", "narrative-nesting"),
        ("<table><p>a</p></table>", "narrative-nesting"),
        ("<table><tr>a</tr></table>", "narrative-nesting"),
        ("<p>a<br/><span><blockquote><table><tr><td>b</td></tr></table></blockquote></span></p>", "narrative-nesting"),
        ("<p>a <span>b <p>c</p></span></p>", "narrative-nesting"),
        ("<span>a</span><b>a <i>b <b>c</b></i></b>", "narrative-nesting"),
        ("<dl><dd><div>a</div></dd></dl>", "narrative-nesting"),
        ("<br>a</br>", "narrative-nesting"),
        ("<hr><b>a</b></hr>", "narrative-nesting"),
        ("<del>a</del>", "txt-1"),
        ("<u>a</u>", "txt-1"),
        ('<ol><li value="2">a</li></ol>', "txt-1"),
    ],
)
def test_a_narrative_is_basic_html_with_everything_in_its_place(validator, inside, code):
    div = f'<div xmlns="{XHTML}">{inside}</div>'
    patient = {"resourceType": "Patient", "text": {"status": "generated", "div": div}}
    assert list(dict.fromkeys(one for one, _ in errors(validator, patient))) == ([code] if code else [])


def test_a_contained_picture_is_used_by_the_narrative_that_shows_it(validator):
    picture = {"resourceType": "Binary", "id": "a", "contentType": "image/png"}
    patient = {
        "resourceType": "Patient",
        "contained": [picture],
        "text": {"status": "generated", "div": f'<div xmlns="{XHTML}"><img src="#a" alt="a"/></div>'},
    }
    assert errors(validator, patient) == []
