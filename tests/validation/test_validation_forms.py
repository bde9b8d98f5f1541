"""Answers to a questionnaire: every rule of the form holds, and what does not apply is not answered."""

from __future__ import annotations

import json

import pytest

from fhir_plugin.validation import Validator

URL = "https://example.com/Questionnaire/form"
CORE = "http://hl7.org/fhir/StructureDefinition/"
SDC = "http://hl7.org/fhir/uv/sdc/StructureDefinition/sdc-questionnaire-"
GENDER = "http://hl7.org/fhir/administrative-gender"
UCUM = "http://unitsofmeasure.org"


def extension(url, **value):
    return {"url": url, **value}


def coding(code):
    return {"system": "https://example.com/codes", "code": code}


def kilo(value, unit="kg"):
    return {"value": value, "system": UCUM, "code": unit}


ITEMS = [
    {"linkId": "yes", "type": "boolean", "required": True},
    {"linkId": "why", "type": "string", "required": True, "maxLength": 10,
     "enableWhen": [{"question": "yes", "operator": "=", "answerBoolean": True}],
     "extension": [extension(CORE + "minLength", valueInteger=3), extension(CORE + "regex", valueString="[a-z ]+")]},
    {"linkId": "group", "type": "group", "item": [{"linkId": "inner", "type": "integer", "required": True,
     "extension": [extension(CORE + "minValue", valueInteger=1), extension(CORE + "maxValue", valueInteger=5)]}]},
    {"linkId": "pick", "type": "choice", "repeats": True,
     "answerOption": [{"valueCoding": coding("a")}, {"valueCoding": coding("b")},
                      {"valueCoding": coding("none"),
                       "extension": [extension(CORE + "questionnaire-optionExclusive", valueBoolean=True)]}]},
    {"linkId": "open", "type": "open-choice", "answerOption": [{"valueString": "a"}]},
    {"linkId": "code", "type": "choice", "answerValueSet": "http://hl7.org/fhir/ValueSet/administrative-gender"},
    {"linkId": "twice", "type": "date", "repeats": True,
     "extension": [extension(CORE + "questionnaire-minOccurs", valueInteger=2),
                   extension(CORE + "questionnaire-maxOccurs", valueInteger=3),
                   extension(CORE + "maxValue", valueDate="2022-06")]},
    {"linkId": "weight", "type": "quantity",
     "extension": [extension(SDC + "maxQuantity", valueQuantity=kilo(500)),
                   extension(CORE + "questionnaire-unitOption", valueCoding={"system": UCUM, "code": "kg"}),
                   extension(CORE + "questionnaire-unitOption", valueCoding={"system": UCUM, "code": "g"})]},
    {"linkId": "photo", "type": "attachment",
     "extension": [extension(CORE + "mimeType", valueCode="image/*"), extension(CORE + "maxSize", valueDecimal=3)]},
    {"linkId": "who", "type": "reference",
     "extension": [extension(CORE + "questionnaire-referenceResource", valueCode="Patient")]},
    {"linkId": "price", "type": "decimal", "extension": [extension(CORE + "maxDecimalPlaces", valueInteger=2)]},
    {"linkId": "hint", "type": "display"},
]  # fmt: skip


@pytest.fixture(scope="module")
def forms(tmp_path_factory):
    folder = tmp_path_factory.mktemp("forms")
    form = {"resourceType": "Questionnaire", "url": URL, "status": "active", "item": ITEMS}
    (folder / "form.json").write_text(json.dumps(form), encoding="utf-8")
    return Validator.load([folder])


def item(link, *answers, **more):
    return {"linkId": link, **({"answer": list(answers)} if answers else {}), **more}


GOOD = {
    "yes": item("yes", {"valueBoolean": False}),
    "group": item("group", item=[item("inner", {"valueInteger": 3})]),
    "twice": item("twice", {"valueDate": "2020"}, {"valueDate": "2022-06"}),
}


def errors(forms, status="completed", without=(), **changes):
    """Errors of a good response in which some items are other ones."""
    chosen = {**GOOD, **changes}
    order = [one["linkId"] for one in ITEMS]
    links = [link for link in order if link in chosen and link not in without]
    found = [one for link in links for one in (chosen[link] if type(chosen[link]) is list else [chosen[link]])]
    body = {"resourceType": "QuestionnaireResponse", "questionnaire": URL, "status": status, "item": found}
    report = forms.validate(json.dumps(body))
    return {(issue.code, issue.expression.removeprefix("QuestionnaireResponse")) for issue in report.of("error")}


def test_a_good_response_passes(forms):
    assert errors(forms) == set()


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"yes": item("yes", {"valueString": "ja"})},
         {("form-answer-type", ".item[0].answer[0].value.ofType(string)")}),
        ({"yes": item("yes", {"valueBoolean": True})}, {("form-answer-missing", "")}),
        ({"yes": item("yes", {"valueBoolean": False}, {"valueBoolean": False})},
         {("form-answer-repeated", ".item[0]")}),
        ({"yes": [GOOD["yes"], GOOD["yes"]]}, {("form-item-repeated", ".item[1]")}),
        ({"why": item("why", {"valueString": "abc"})}, {("form-not-enabled", ".item[1]")}),
        ({"group": item("group", {"valueInteger": 1})}, {("form-no-answers", ".item[1]"),
                                                         ("form-answer-missing", ".item[1]")}),
        ({"group": item("group", item=[item("inner", {"valueInteger": 6})])},
         {("value-above-maximum", ".item[1].item[0].answer[0].value.ofType(integer)")}),
        ({"pick": item("pick", {"valueCoding": coding("z")})}, {("form-option-unknown", ".item[2].answer[0]")}),
        ({"pick": item("pick", {"valueCoding": coding("a")}, {"valueCoding": coding("none")})},
         {("form-option-exclusive", ".item[2].answer[1]")}),
        ({"pick": item("pick", {"valueString": "a"})}, {("form-options-type", ".item[2].answer[0]")}),
        ({"open": item("open", {"valueString": "iets anders"})}, set()),
        ({"code": item("code", {"valueCoding": {"system": GENDER, "code": "male"}})}, set()),
        ({"code": item("code", {"valueCoding": {"system": "http://hl7.org/fhir/item-type", "code": "group"}})},
         {("form-option-unknown", ".item[2].answer[0]")}),
        ({"twice": item("twice", {"valueDate": "2020"})}, {("form-answers-min", ".item[2]")}),
        ({"twice": item("twice", *[{"valueDate": "2020"}] * 4)}, {("form-answers-max", ".item[2]")}),
        ({"twice": item("twice", {"valueDate": "2020"}, {"valueDate": "2022-06-30"})},
         {("value-above-maximum", ".item[2].answer[1].value.ofType(date)")}),
        ({"weight": item("weight", {"valueQuantity": kilo(400000, "g")})}, set()),
        ({"weight": item("weight", {"valueQuantity": kilo(600000, "g")})},
         {("value-above-maximum", ".item[3].answer[0].value.ofType(Quantity)")}),
        ({"weight": item("weight", {"valueQuantity": kilo(1, "m")})},
         {("form-unit", ".item[3].answer[0].value.ofType(Quantity)"),
          ("form-not-comparable", ".item[3].answer[0].value.ofType(Quantity)")}),
        ({"photo": item("photo", {"valueAttachment": {"contentType": "image/png", "data": "AAAA"}})}, set()),
        ({"photo": item("photo", {"valueAttachment": {"contentType": "text/plain", "data": "AAAAAA=="}})},
         {("form-attachment-type", ".item[3].answer[0]"), ("form-attachment-size", ".item[3].answer[0]")}),
        ({"photo": item("photo", {"valueAttachment": {"contentType": "image/png", "data": "AAAA", "size": 9}})},
         {("attachment-size", ".item[3].answer[0].value.ofType(Attachment)")}),
        ({"who": item("who", {"valueReference": {"reference": "Group/1"}})},
         {("reference-target", ".item[3].answer[0].value.ofType(Reference)")}),
        ({"price": item("price", {"valueDecimal": 1.234})},
         {("form-decimals", ".item[3].answer[0].value.ofType(decimal)")}),
        ({"hint": item("hint", {"valueBoolean": True})}, {("form-no-answers", ".item[3]")}),
        ({"yes": item("yes", item=[item("why", {"valueString": "abc"})])},
         {("form-no-items", ".item[0]"), ("form-answer-missing", ".item[0]")}),
    ],
)  # fmt: skip
def test_every_rule_of_a_form_is_kept(forms, change, expected):
    assert errors(forms, **change) == expected


@pytest.mark.parametrize(
    ("text", "code"), [("ab", "form-too-short"), ("abcdefghijkl", "max-length"), ("ABC", "form-format")]
)
def test_a_text_has_the_length_and_the_form_that_are_asked(forms, text, code):
    found = errors(forms, yes=item("yes", {"valueBoolean": True}), why=item("why", {"valueString": text}))
    assert found == {(code, ".item[1].answer[0].value.ofType(string)")}


def test_a_required_answer_may_be_missing_while_the_form_is_being_filled_in(forms):
    assert errors(forms, status="in-progress", without=("yes",)) == set()
    assert ("form-answer-missing", "") in errors(forms, without=("yes",))


def test_an_expression_that_backtracks_without_end_decides_nothing(tmp_path):
    slow = {"linkId": "a", "type": "string", "extension": [extension(CORE + "regex", valueString="(a+)+b")]}
    form = {"resourceType": "Questionnaire", "url": URL, "status": "active", "item": [slow]}
    (tmp_path / "form.json").write_text(json.dumps(form), encoding="utf-8")
    body = {"resourceType": "QuestionnaireResponse", "questionnaire": URL, "status": "completed",
            "item": [item("a", {"valueString": "a" * 4000})]}  # fmt: skip
    assert not Validator.load([tmp_path]).validate(json.dumps(body)).has_errors


def test_of_a_question_that_repeats_the_nearest_answer_decides(tmp_path):
    inner = [
        {"linkId": "yes", "type": "boolean"},
        {
            "linkId": "why",
            "type": "string",
            "enableWhen": [{"question": "yes", "operator": "exists", "answerBoolean": True}],
        },
    ]
    form = {"resourceType": "Questionnaire", "url": URL, "status": "active",
            "item": [{"linkId": "group", "type": "group", "repeats": True, "item": inner}]}  # fmt: skip
    (tmp_path / "form.json").write_text(json.dumps(form), encoding="utf-8")
    yes, why = item("yes", {"valueBoolean": True}), item("why", {"valueString": "a"})
    body = {"resourceType": "QuestionnaireResponse", "questionnaire": URL, "status": "completed",
            "item": [item("group", item=[yes, why]), item("group", item=[why])]}  # fmt: skip
    report = Validator.load([tmp_path]).validate(json.dumps(body))
    # the answer in the first group also reaches the second: there is no nearer one
    assert [issue.code for issue in report.of("error")] == []


@pytest.mark.parametrize(
    ("question", "code"),
    [("self", "form-condition-self"), ("below", "form-condition-inner"), ("zzz", "form-condition-unknown")],
)
def test_a_condition_depends_on_an_earlier_question(validator, question, code):
    one = {"linkId": "self", "type": "boolean", "item": [{"linkId": "below", "type": "boolean"}],
           "enableWhen": [{"question": question, "operator": "exists", "answerBoolean": True}]}  # fmt: skip
    form = {"resourceType": "Questionnaire", "status": "active", "item": [one]}
    assert [(issue.code, issue.expression) for issue in validator.validate(form).of("error")] == [
        (code, "Questionnaire.item[0]")
    ]


def test_a_form_in_xml_among_loose_resources_is_known(tmp_path):
    (tmp_path / "form.xml").write_text(
        f'<Questionnaire xmlns="http://hl7.org/fhir"><url value="{URL}"/><status value="active"/>'
        '<item><linkId value="a"/><type value="boolean"/></item></Questionnaire>',
        encoding="utf-8",
    )
    (tmp_path / "other.xml").write_text("<other/>", encoding="utf-8")
    body = {"resourceType": "QuestionnaireResponse", "questionnaire": URL, "status": "completed",
            "item": [item("zzz", {"valueBoolean": True})]}  # fmt: skip
    report = Validator.load([tmp_path]).validate(json.dumps(body))
    assert [issue.code for issue in report.of("error")] == ["form-link-unknown"]
