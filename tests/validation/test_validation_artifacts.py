"""Reports, operations and definitions that must agree with something else, and narratives that a profile shapes."""

from __future__ import annotations

import json

import pytest

from fhir_plugin.validation import Validator

BASE = "https://example.com/"
CORE = "http://hl7.org/fhir/StructureDefinition/"
XHTML = "http://www.w3.org/1999/xhtml"


def loaded(folder, *definitions):
    for number, one in enumerate(definitions):
        (folder / f"{number}.json").write_text(json.dumps(one), encoding="utf-8")
    return Validator.load([folder] if definitions else [])


def errors(validator, resource, *profiles):
    return [
        (one.code, one.expression) for one in validator.validate(json.dumps(resource), profiles).of("error", "fatal")
    ]


def profile(name, *elements, of="Patient", **more):
    listed = [{"id": one["path"], **one} for one in ({"path": of}, *elements)]
    return {
        "resourceType": "StructureDefinition", "url": f"{BASE}StructureDefinition/{name}", "name": name.title(),
        "status": "active", "kind": "resource", "abstract": False, "type": of, "baseDefinition": CORE + of,
        "derivation": "constraint", "differential": {"element": listed}, **more,
    }  # fmt: skip


def code(value):
    return {"coding": [{"system": "https://example.com/codes", "code": value}]}


def measure(*populations, scoring="proportion"):
    criteria = {"language": "text/cql", "expression": "x"}
    system = "http://terminology.hl7.org/CodeSystem/measure-scoring"
    return {
        "resourceType": "Measure", "url": BASE + "Measure/m", "status": "active",
        "scoring": {"coding": [{"system": system, "code": scoring}]},
        "group": [{"population": [{"code": code(one), "criteria": criteria} for one in populations],
                   "stratifier": [{"code": code("age"), "criteria": criteria}]}],
    }  # fmt: skip


def report(*populations, stratifiers=("age",), **group):
    return {
        "resourceType": "MeasureReport", "status": "complete", "type": "summary", "measure": BASE + "Measure/m",
        "period": {"start": "2026"},
        "group": [{"population": [{"code": code(one), "count": 1} for one in populations],
                   "stratifier": [{"code": [code(one)]} for one in stratifiers], **group}],
    }  # fmt: skip


def test_a_report_reports_what_its_measure_defines(tmp_path):
    validator = loaded(tmp_path, measure("a", "b"))
    place = "MeasureReport.group[0]"
    assert errors(validator, report("a", "b")) == []
    assert errors(validator, report("a")) == [("measure-missing", place)]
    assert errors(validator, report("a", "b", "b")) == [("measure-repeated", f"{place}.population[2]")]
    assert errors(validator, report("a", "b", "c")) == [("measure-unknown", f"{place}.population[2]")]
    assert errors(validator, report("a", "b", stratifiers=("sex",))) == [
        ("measure-unknown", f"{place}.stratifier[0]"),
        ("measure-missing", place),
    ]


def test_a_cohort_has_no_score(tmp_path):
    score = {"measureScore": {"value": 1}}
    cohort, other = tmp_path / "cohort", tmp_path / "other"
    cohort.mkdir()
    other.mkdir()
    found = errors(loaded(cohort, measure("a", scoring="cohort")), report("a", **score))
    assert found == [("measure-score", "MeasureReport.group[0].measureScore")]
    assert errors(loaded(other, measure("a")), report("a", **score)) == []


def test_only_a_list_of_subjects_lists_subjects(tmp_path):
    given = report("a")
    given["group"][0]["population"][0]["subjectResults"] = {"display": "those"}
    assert errors(loaded(tmp_path), given) == [("measure-subjects", "MeasureReport.group[0].population[0]")]
    assert errors(loaded(tmp_path), given | {"type": "subject-list"}) == []


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, []),
        ({"min": 0}, ["operation-profile"]),
        ({"max": "*"}, ["operation-profile"]),
        ({"type": "Group"}, ["operation-profile"]),
        ({"use": "out"}, []),
    ],
)
def test_the_parameters_of_an_operation_agree_with_their_profile(tmp_path, change, expected):
    slicing = {"discriminator": [{"type": "value", "path": "name"}], "rules": "open"}
    own = "Parameters.parameter:who"
    shape = profile(
        "shape",
        {"id": "Parameters.parameter", "path": "Parameters.parameter", "slicing": slicing},
        {"id": own, "path": "Parameters.parameter", "sliceName": "who", "min": 1, "max": "1"},
        {"id": f"{own}.name", "path": "Parameters.parameter.name", "fixedString": "who"},
        {"id": f"{own}.resource", "path": "Parameters.parameter.resource", "type": [{"code": "Patient"}]},
        of="Parameters",
    )
    parameter = {"name": "who", "use": "in", "min": 1, "max": "1", "type": "Patient"} | change
    operation = {
        "resourceType": "OperationDefinition", "url": BASE + "OperationDefinition/o", "name": "O", "status": "draft",
        "kind": "operation", "code": "o", "system": True, "type": False, "instance": False,
        "inputProfile": shape["url"], "parameter": [parameter],
    }  # fmt: skip
    assert [code for code, _ in errors(loaded(tmp_path, shape), operation)] == expected


def test_a_profile_on_a_type_is_one_of_that_type(tmp_path):
    wrong = {"path": "Observation.value[x]", "type": [{"code": "Quantity", "profile": [CORE + "Count"]}]}
    place = "StructureDefinition.differential.element[1].type[0].profile[0]"
    assert errors(loaded(tmp_path), profile("p", wrong, of="Observation")) == [("type-profile-mismatch", place)]
    wrong["type"][0]["profile"] = [CORE + "SimpleQuantity"]
    assert errors(loaded(tmp_path), profile("p", wrong, of="Observation")) == []


@pytest.mark.parametrize(
    ("path", "good"),
    [("url", True), ("value", True), ("$this", True), ("extension('http://a.b/c.d').value", True), ("type", False)],
)
def test_a_discriminator_is_an_element_of_what_is_sliced(tmp_path, path, good):
    slicing = {"discriminator": [{"type": "value", "path": path}], "rules": "open"}
    given = profile("p", {"path": "Patient.extension", "slicing": slicing})
    place = "StructureDefinition.differential.element[1].slicing.discriminator[0]"
    assert errors(loaded(tmp_path), given) == ([] if good else [("discriminator-path", place)])


@pytest.mark.parametrize(
    ("expression", "code"),
    [("given.exists()", ""), ("givn.exists()", "invariant-element-unknown"), ("given.exists(", "invariant-syntax"),
     ("use.lowBoundary().exists()", "")],
)  # fmt: skip
def test_an_invariant_of_a_profile_is_fhirpath_about_elements_that_exist(tmp_path, expression, code):
    constraint = {"key": "c-1", "severity": "error", "human": "named", "expression": expression}
    given = profile("p", {"path": "Patient.name", "constraint": [constraint]})
    place = "StructureDefinition.differential.element[1].constraint[0]"
    assert errors(loaded(tmp_path), given) == ([(code, place)] if code else [])


@pytest.mark.parametrize(("kind", "good"), [("token", True), ("date", False)])
def test_a_server_says_of_a_search_parameter_what_its_definition_says(tmp_path, kind, good):
    parameter = {"name": "x", "definition": "http://hl7.org/fhir/SearchParameter/Patient-active|4.0.1", "type": kind}
    given = {
        "resourceType": "CapabilityStatement", "status": "active", "date": "2020", "kind": "instance",
        "fhirVersion": "4.0.1", "format": ["json"], "implementation": {"description": "x"},
        "rest": [{"mode": "server", "resource": [{"type": "Patient", "searchParam": [parameter]}]}],
    }  # fmt: skip
    place = "CapabilityStatement.rest[0].resource[0].searchParam[0]"
    assert errors(loaded(tmp_path), given) == ([] if good else [("search-type", place)])


def test_a_logical_model_has_a_name_of_its_own(tmp_path):
    base = {"resourceType": "StructureDefinition", "url": BASE + "Foo", "name": "Foo", "status": "draft",
            "kind": "logical", "abstract": False, "type": BASE + "Foo", "baseDefinition": CORE + "Element",
            "derivation": "specialization", "differential": {"element": [{"id": "Foo", "path": "Foo"}]}}  # fmt: skip
    validator = loaded(tmp_path, base)
    element = {"id": "Boo", "path": "Boo", "definition": "A boo.", "min": 0, "max": "*"}
    boo = base | {"url": BASE + "Boo", "name": "Boo", "type": BASE + "Boo", "baseDefinition": BASE + "Foo",
                  "differential": {"element": [element]}}  # fmt: skip
    assert errors(validator, boo) == []
    assert errors(validator, boo | {"type": "Boo"}) == [("type-name", "StructureDefinition.type")]
    assert errors(validator, boo | {"type": BASE + "Foo"}) == [
        ("element-path", "StructureDefinition.differential.element[0]"),
        ("type-name", "StructureDefinition"),
    ]


def test_a_value_set_uses_only_parameters_that_it_has(tmp_path):
    def value_set(name):
        cqf = {"url": CORE + "cqf-expression", "valueExpression": {"language": "text/fhirpath", "expression": name}}
        one = {"property": "inactive", "op": "=", "_value": {"extension": [cqf]}}
        own = [{"url": "name", "valueCode": "p-old"}, {"url": "documentation", "valueMarkdown": "Old too?"}]
        parameter = {"url": "http://hl7.org/fhir/tools/StructureDefinition/valueset-parameter", "extension": own}
        compose = {"include": [{"system": BASE + "cs", "filter": [one]}]}
        return {"resourceType": "ValueSet", "status": "draft", "extension": [parameter], "compose": compose}

    place = "ValueSet.compose.include[0].filter[0].value.extension[0]"
    assert errors(loaded(tmp_path), value_set("%p-old")) == []
    assert errors(loaded(tmp_path), value_set("%p-new")) == [("expression-variable", place)]


@pytest.mark.parametrize(
    ("control", "inside", "expected"),
    [
        ("_yes", "all", "narrative-no-sections"),
        ("_yes", '<div lang="de">a</div>', None),
        ("_no", '<div lang="de">a</div>', "narrative-sections"),
        ("_no", "all", None),
        ("_resource", '<div lang="de">a</div>', "narrative-language-missing"),
        ("_resource", '<div lang="nl">a</div>', None),
        ("fr", '<div lang="nl">a</div>', "narrative-language-missing"),
    ],
)
def test_a_profile_may_ask_for_parts_of_a_narrative_by_language(tmp_path, control, inside, expected):
    asked = {"url": CORE + "narrative-language-control", "valueCode": control}
    shape = profile("p", {"path": "Patient.text", "extension": [asked]})
    text = {"status": "generated", "div": f'<div xmlns="{XHTML}">{inside}</div>'}
    patient = {"resourceType": "Patient", "language": "nl", "text": text}
    found = errors(loaded(tmp_path, shape), patient, shape["url"])
    assert found == ([(expected, "Patient.text")] if expected else [])


@pytest.mark.parametrize(("source", "good"), [("generated", True), ("red original", True), ("red", False), ("", False)])
def test_a_profile_may_ask_where_a_narrative_came_from(tmp_path, source, good):
    asked = {"url": CORE + "narrative-source-control", "valueCode": "error"}
    shape = profile("p", {"path": "Patient.text", "extension": [asked]})
    text = {"status": "generated", "div": f'<div xmlns="{XHTML}"><p class="{source}">a <b>b</b></p></div>'}
    found = errors(loaded(tmp_path, shape), {"resourceType": "Patient", "text": text}, shape["url"])
    assert found == ([] if good else [("narrative-source", "Patient.text")])


def test_a_slice_may_be_like_an_element_of_another_profile(tmp_path):
    slicing = {"discriminator": [{"type": "pattern", "path": "code"}], "rules": "closed"}
    sections = {"id": "Composition.section", "path": "Composition.section", "slicing": slicing}
    library = profile(
        "library",
        sections,
        {"id": "Composition.section:plan", "path": "Composition.section", "sliceName": "plan"},
        {"id": "Composition.section:plan.title", "path": "Composition.section.title", "min": 1},
        {"id": "Composition.section:plan.code", "path": "Composition.section.code", "min": 1,
         "patternCodeableConcept": code("plan")},
        of="Composition",
    )  # fmt: skip
    inner = {"url": CORE + "elementdefinition-profile-element", "valueString": "Composition.section:plan"}
    use = {"code": "BackboneElement", "profile": [library["url"]], "_profile": [{"extension": [inner]}]}
    shape = profile(
        "shape",
        sections,
        {"id": "Composition.section:own", "path": "Composition.section", "sliceName": "own", "min": 1, "type": [use]},
        of="Composition",
    )
    validator = loaded(tmp_path, library, shape)

    def letter(**section):
        text = {"status": "generated", "div": f'<div xmlns="{XHTML}">a</div>'}
        return {"resourceType": "Composition", "status": "final", "type": {"text": "letter"}, "date": "2026",
                "author": [{"display": "A"}], "title": "T", "section": [{"text": text, **section}]}  # fmt: skip

    assert errors(validator, letter(code=code("plan"), title="Plan"), shape["url"]) == []
    assert errors(validator, letter(code=code("plan")), shape["url"]) == [("cardinality-min", "Composition.section[0]")]
    found = errors(validator, letter(code=code("other"), title="Plan"), shape["url"])
    assert ("slice-min", "Composition") in found


def test_an_answer_whose_text_is_that_of_another_option_is_refused(tmp_path):
    question = {"linkId": "1", "type": "choice", "answerValueSet": "http://hl7.org/fhir/ValueSet/item-type"}
    form = {"resourceType": "Questionnaire", "url": BASE + "Questionnaire/q", "status": "active", "item": [question]}
    validator = loaded(tmp_path, form)

    def response(display):
        answer = {"valueCoding": {"system": "http://hl7.org/fhir/item-type", "code": "string", "display": display}}
        return {"resourceType": "QuestionnaireResponse", "questionnaire": form["url"], "status": "completed",
                "item": [{"linkId": "1", "answer": [answer]}]}  # fmt: skip

    assert errors(validator, response("String")) == []
    place = "QuestionnaireResponse.item[0].answer[0]"
    assert errors(validator, response("Boolean")) == [("form-option-display", place)]


@pytest.mark.parametrize(("html", "data", "dead"), [("a", "#b", []), ("x", "#b", ["x"]), ("a", "#x", ["x"])])
def test_a_link_between_narrative_and_data_has_two_ends(tmp_path, html, data, dead):
    parts = [{"url": "htmlid", "valueString": html}, {"url": "data", "valueUri": data}]
    text = {
        "status": "generated",
        "div": f'<div xmlns="{XHTML}"><p id="a">a</p></div>',
        "extension": [{"url": CORE + "textLink", "extension": parts}],
    }
    patient = {"resourceType": "Patient", "text": text, "name": [{"id": "b", "text": "B"}]}
    assert errors(loaded(tmp_path), patient) == [("narrative-dead-link", "Patient.text")] * len(dead)


@pytest.mark.parametrize(("value", "good"), [("true", True), ("false", True), ("1", False), ("yes", False)])
def test_whether_a_code_may_be_chosen_is_true_or_false(tmp_path, value, good):
    one = {"property": "notSelectable", "op": "=", "value": value}
    compose = {"include": [{"system": BASE + "cs", "filter": [one]}]}
    found = errors(loaded(tmp_path), {"resourceType": "ValueSet", "status": "draft", "compose": compose})
    assert found == ([] if good else [("filter-value", "ValueSet.compose.include[0].filter[0]")])


def test_obligations_come_from_profiles_of_obligations_with_the_same_base(tmp_path):
    flag = [{"url": CORE + "obligation-profile-flag", "valueBoolean": True}]
    given = [profile("base"), profile("plain"), profile("other", extension=flag), profile("good", extension=flag)]
    given[3]["baseDefinition"] = given[0]["url"]
    inherited = [{"url": CORE + "inherit-obligations", "valueCanonical": one["url"]} for one in given[1:]]
    own = profile("own", extension=inherited) | {"baseDefinition": given[0]["url"]}
    found = [one for one in errors(loaded(tmp_path, *given), own) if one[0].startswith("obligations")]
    assert found == [
        ("obligations-none", "StructureDefinition.extension[0]"),
        ("obligations-base", "StructureDefinition.extension[1]"),
    ]
