"""What a quick test accepts, the full check has nothing to say about."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fhir_plugin.validation import html, narrative
from fhir_plugin.validation.plain import NEVER, PLAIN, learning
from fhir_plugin.validation.primitives import PRIMITIVES
from fhir_plugin.validation.scope import Scope

TELLING = [
    "", " ", " x", "x ", "a b", "a\tb", "x\n", "\n", "<b>x</b>", "a < b", "x\x00", "x\x0b", "\u00e9", "2020", "2020-02",
    "2020-02-28", "2020-02-30", "2021-02-29", "2020-13-01", "0000-01-01", "2020-01-01T00:00:00Z",
    "2020-01-01T24:00:00Z", "2020-01-01T00:00:60Z", "2020-01-01T00:00:00", "2020-01-01T00:00:00+14:00",
    "2020-01-01T00:00:00.123+01:00",
    "\u0662\u0660\u0662\u0660-01-01", "urn:uuid:5", "urn:uuid:c757873d-ec9a-4326-a141-556f43239520", "urn:oid:1.2.3",
    "urn:oid:1.02", "oid:1", "uuid:x", "http://x.nl", "http://x.nl/a b", "Patient/1", "#x", "x" * 64, "x" * 65, "A-1.b",
    "AAAA", "AA==", "AAA", "A===", "AA==AAAA", "AA A=",
]  # fmt: skip
SOME_TEXT = st.sampled_from(TELLING) | st.text(max_size=8) | st.builds(str.__add__, st.sampled_from(TELLING), st.text())


@pytest.mark.parametrize("type_name", PLAIN)
@settings(max_examples=300, deadline=None)
@given(value=SOME_TEXT)
def test_a_text_that_is_plainly_good_is_good(validator, type_name, value):
    if PLAIN[type_name](value):
        scope = Scope(validator.engine, [], {"resourceType": "Basic"}, (None, "Basic", None))
        assert PRIMITIVES[type_name](value) is None
        if type_name == "string":
            html.check(value, None, scope.path, scope)
        assert scope.findings == []


@pytest.mark.parametrize(
    ("type_name", "value"),
    [("string", "de Vries"), ("code", "female"), ("uri", "http://x.nl/a"), ("date", "2012-05-04"), ("id", "kind-1"),
     ("canonical", "http://x.nl/a|1"), ("dateTime", "2012-05-04T10:00:00+02:00"), ("markdown", "a *b*")],
)  # fmt: skip
def test_an_ordinary_text_is_accepted_at_once(type_name, value):
    assert PLAIN[type_name](value)


@settings(max_examples=60, deadline=None)
@given(values=st.lists(st.sampled_from(["male", "female", "man", "", " male"]), max_size=6))
def test_only_a_text_in_which_nothing_was_found_is_remembered(validator, values):
    slot = validator.engine.base.slot("Patient", "gender", "Patient")
    for value in values:
        scope = Scope(validator.engine, [], {"resourceType": "Patient"}, (None, "Patient", None))
        slot.check(value, {"gender": value}, scope.path, scope)
        assert not (scope.findings and slot.fits(value))


def test_no_more_texts_are_remembered_than_fit():
    check, known = learning(lambda _value, _extra, _path, _scope: None)
    scope = Scope(None, [], {}, (None, "x", None))
    for number in range(5000):
        check(f"code-{number}", None, scope.path, scope)
    assert known("code-1")
    assert not known("code-4999")


def test_a_slot_with_rules_of_the_element_is_always_checked(validator):
    base = validator.engine.base
    assert base.slot("Patient", "birthDate", "Patient").fits is PLAIN["date"]
    assert base.slot("HumanName", "id", "HumanName").fits is NEVER
    assert base.slot("Identifier", "value", "Identifier").fits is NEVER


@pytest.mark.parametrize(
    ("extra", "found"),
    [({"id": "a"}, []), ({}, ["object-empty"]), ([{}], ["array-unexpected", "object-expected"]),
     ({"extension": [{"url": "http://x.nl/a", "valueCode": "x"}]}, ["extension-unknown"])],
)  # fmt: skip
@pytest.mark.parametrize("first", ["birthDate", "_birthDate"])
def test_what_stands_beside_a_good_value_is_checked_in_any_order(validator, extra, found, first):
    pair = {"birthDate": "2012-05-04", "_birthDate": extra}
    second = next(name for name in pair if name != first)
    patient = {"resourceType": "Patient", "text": {"status": "generated", "div": DIV}, first: pair[first]}
    report = validator.validate({**patient, second: pair[second]})
    assert [issue.code for issue in report] == found


DIV = '<div xmlns="http://www.w3.org/1999/xhtml">x</div>'


PIECES = [
    "<p>",
    "</p>",
    "<b>",
    "</b>",
    "<br/>",
    "<br />",
    "<table>",
    "</table>",
    "<p/>",
    "x",
    " ",
    "\u00a0",
    "&amp;",
    "&nbsp;",
    "&#160;",
    "&#32;",
    "&x;",
    "<!-- x -->",
    "<![CDATA[x]]>",
    "<?x y?>",
    '<a href="#x">',
    '<a href=" javascript:x">',
    "</a>",
    '<img src="x"/>',
    "<img/>",
    '<span class="x" style="y">',
    "</span>",
    '<span onclick="x">',
    "<script>",
    "</script>",
    '<x:b xmlns:x="y">',
    '<b xmlns="y">',
    "<pre>",
    "</pre>",
    "<P>",
    "</P>",
    '<td colspan="2">',
    "</td>",
    ">",
    "<",
    "<ul>",
    "<li>x</li>",
    "</ul>",
    "<ul><li>",
    "</li></ul>",
    "<tr>",
    "<td/>",
    "<td>x</td>",
    "</tr>",
    "<table>",
    "</table>",
    "<i>",
    "</i>",
    "<span>",
    "</span>",
    "<div>",
    "<hr/>",
    "<br>",
    "</br>",
    "<dl><dt>x</dt></dl>",
    "<blockquote>",
    "</blockquote>",
    "\x00",
    "]]>",
    '<td class="a" class="b">',
    '</td class="a">',
    "</td/>",
    "<td/>",
    "\ufffe",
    "\udc00",
]
ROOTS = st.sampled_from(
    ['<div xmlns="http://www.w3.org/1999/xhtml">', "<div>", '<div xmlns="http://www.w3.org/1999/xhtml" class="x">',
     ' <div xmlns="http://www.w3.org/1999/xhtml">', '<div xmlns="http://www.w3.org/1999/xhtml" onload="x">',
     '<div xmlns="http://www.w3.org/1999/xhtml"/>', '<p xmlns="http://www.w3.org/1999/xhtml">']
)  # fmt: skip


@settings(max_examples=600, deadline=None)
@given(root=ROOTS, inside=st.lists(st.sampled_from(PIECES), max_size=7).map("".join))
def test_a_narrative_that_is_plainly_good_is_good(root, inside):
    text = f"{root}{inside}</div>"
    if narrative.plainly_good(text):
        assert narrative.problems_of(text) == ()


@pytest.mark.parametrize("inside", ["<p>Kees <b>de Vries</b></p><br/>", "<p>a</p><table><tr><td>b</td></tr></table>"])
def test_an_ordinary_narrative_is_accepted_at_once(inside):
    assert narrative.plainly_good(f'<div xmlns="http://www.w3.org/1999/xhtml">{inside}</div>')
