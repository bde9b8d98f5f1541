"""One answer against its question: type, options, bounds, units, attachments.

http://hl7.org/fhir/R4/questionnaire-definitions.html, http://hl7.org/fhir/R4/questionnaire-profiles.html (extensions)
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from fhir_plugin.validation.artifacts.reading import choice, extension_value, extension_values, items, text
from fhir_plugin.validation.attachments import decoded_size
from fhir_plugin.validation.bindings import says_otherwise
from fhir_plugin.validation.profile.compare import earliest, order, same
from fhir_plugin.validation.references import target_type
from fhir_plugin.validation.scope import Path, Scope

__all__ = ["check_answer", "check_exclusive"]

Json = dict[str, Any]

_CORE = "http://hl7.org/fhir/StructureDefinition/"
_SDC = "http://hl7.org/fhir/uv/sdc/StructureDefinition/sdc-questionnaire-"
_UCUM = "http://unitsofmeasure.org"
_OPTIONS = ("Coding", "date", "time", "integer", "string")
_TYPES: dict[str, tuple[str, ...]] = {
    "boolean": ("boolean",),
    "decimal": ("decimal",),
    "integer": ("integer",),
    "date": ("date",),
    "dateTime": ("dateTime",),
    "time": ("time",),
    "string": ("string",),
    "text": ("string",),
    "url": ("uri",),
    "attachment": ("Attachment",),
    "reference": ("Reference",),
    "quantity": ("Quantity",),
    "choice": _OPTIONS,
    "open-choice": _OPTIONS,
}
"""Type of a question → types of its answers."""


def check_answer(answer: Json, question: Json, path: Path, scope: Scope) -> None:
    """Report what is wrong with the value of an answer."""
    kind, value = choice(answer, "value")
    if not kind or value is None:
        return
    kind = _type_name(kind)
    place = (path, f"value.ofType({kind})", None)
    allowed = _TYPES.get(text(question, "type"), ())
    if allowed and kind not in allowed:
        scope.error("form-answer-type", place, ("found", kind), ("allowed", ", ".join(allowed)))
        return
    _check_options(kind, value, question, path, scope)
    _check_bounds(value, question, place, scope)
    check = _BY_TYPE.get(kind)
    if check is not None:
        check(value, question, place, scope)


def _type_name(suffix: str) -> str:
    """``Boolean`` of ``valueBoolean`` as the type ``boolean``."""
    lower = suffix[:1].lower() + suffix[1:]
    return lower if any(lower in names for names in _TYPES.values()) else suffix


def check_exclusive(question: Json, answers: list[tuple[Json, Path]], scope: Scope) -> None:
    """An exclusive option (``questionnaire-optionExclusive``) is the only answer."""
    exclusive = [
        choice(option, "value")[1]
        for option, _ in items(question, "answerOption", scope.path)
        if extension_value(option, f"{_CORE}questionnaire-optionExclusive") is True
    ]
    if len(answers) < 2 or not exclusive:
        return
    for answer, path in answers:
        if any(_same_option(one, choice(answer, "value")[1]) for one in exclusive):
            scope.error("form-option-exclusive", path)


def _same_option(option: Any, value: Any) -> bool:
    if type(option) is dict and type(value) is dict:
        return (option.get("system"), option.get("code")) == (value.get("system"), value.get("code"))
    return same(option, value)


def _check_options(kind: str, value: Any, question: Json, path: Path, scope: Scope) -> None:
    """The answer is one of the options, or in the value set of the options."""
    place = path if kind == "Coding" else (path, f"value.ofType({kind})", None)
    opened = text(question, "type") == "open-choice"
    options = [choice(one, "value") for one, _ in items(question, "answerOption", path)]
    if options:
        if opened and kind in ("string", "Coding"):
            return
        of_kind = [one for suffix, one in options if _type_name(suffix) == kind]
        if not of_kind:
            scope.error("form-options-type", path, ("type", kind))
        elif not any(_same_option(one, value) for one in of_kind):
            scope.error("form-option-unknown", place)
        return
    canonical = text(question, "answerValueSet")
    index = scope.engine.terminology.value_set(canonical) if canonical and not canonical.startswith("#") else None
    if index is None or kind not in ("Coding", "string") or (opened and kind == "string"):
        return
    if type(value) is dict:
        _check_display(value, path, scope)
    system, code = (value.get("system") or "", value.get("code")) if type(value) is dict else (None, value)
    if type(code) is str and index.contains(system, code) is False and not opened:
        scope.error("form-option-unknown", place)


def _check_display(value: Json, path: Path, scope: Scope) -> None:
    """Who answered saw the display: where it is another concept's, nobody can tell which of the two was meant."""
    system, code = text(value, "system"), text(value, "code")
    concept = scope.engine.terminology.concept(system, code) if system and code else None
    if concept is not None and says_otherwise(concept, value.get("display")):
        scope.error("form-option-display", path, ("code", code[:64]), ("display", concept.display[:80]))


def _check_bounds(value: Any, question: Json, path: Path, scope: Scope) -> None:
    for name, sign in (("minValue", -1), ("maxValue", 1)):
        bound = extension_value(question, _CORE + name)
        found = order(earliest(value), earliest(bound)) if bound is not None else None
        if found is not None and found * sign > 0:
            code = "value-above-maximum" if sign > 0 else "value-below-minimum"
            scope.error(code, path, ("bound", str(bound)[:40]))


def _check_string(value: Any, question: Json, path: Path, scope: Scope) -> None:
    if type(value) is not str:
        return
    shortest, longest = extension_value(question, f"{_CORE}minLength"), question.get("maxLength")
    if type(shortest) is int and len(value) < shortest:
        scope.error("form-too-short", path, ("min", str(shortest)), ("found", str(len(value))))
    if type(longest) is int and len(value) > longest:
        scope.error("max-length", path, ("max", str(longest)), ("found", str(len(value))))
    pattern = extension_value(question, f"{_CORE}regex")
    if type(pattern) is str and _refuses(pattern, value):
        shown = extension_value(question, f"{_CORE}entryFormat") or pattern
        scope.error("form-format", path, ("format", str(shown)[:80]))


def _refuses(pattern: str, value: str) -> bool:
    """Whether an expression refuses a value; a bad or costly expression, or a long value, decides nothing."""
    if len(value) > 4096 or re.search(r"[+*}]\)[+*{]", pattern):
        return False
    try:
        return re.fullmatch(pattern, value) is None
    except re.error:
        return False


def _check_decimal(value: Any, question: Json, path: Path, scope: Scope) -> None:
    limit = extension_value(question, f"{_CORE}maxDecimalPlaces")
    if type(limit) is int and len(str(value).partition(".")[2]) > limit:
        scope.error("form-decimals", path, ("limit", str(limit)))


def _check_quantity(value: Any, question: Json, path: Path, scope: Scope) -> None:
    if type(value) is not dict:
        return
    if value.get("value") is not None:
        _check_decimal(value["value"], question, path, scope)
    for name, sign in (("minQuantity", -1), ("maxQuantity", 1)):
        bound = extension_value(question, _SDC + name)
        if type(bound) is dict:
            _check_amount(value, bound, sign, path, scope)
    units = list(extension_values(question, f"{_CORE}questionnaire-unitOption"))
    if units and not any(_same_option(one, value) for one in units):
        scope.error("form-unit", path)
    canonical = extension_value(question, f"{_CORE}questionnaire-unitValueSet")
    index = scope.engine.terminology.value_set(canonical) if type(canonical) is str else None
    if index is not None and index.contains(str(value.get("system") or ""), str(value.get("code") or "")) is False:
        scope.error("form-unit", path)


def _check_amount(value: Json, bound: Json, sign: int, path: Path, scope: Scope) -> None:
    """A bound on a quantity; without formal units, or with units of another kind, there is nothing to compare."""
    formal = all(one.get("system") == _UCUM and one.get("code") for one in (value, bound))
    found = order(value, bound) if formal else None
    if found is None:
        scope.error("form-not-comparable", path)
    elif found * sign > 0:
        code = "value-above-maximum" if sign > 0 else "value-below-minimum"
        scope.error(code, path, ("bound", f"{bound.get('value')} {bound.get('code')}"[:40]))


def _check_attachment(value: Any, question: Json, path: Path, scope: Scope) -> None:
    if type(value) is not dict:
        return
    kinds = [one for one in extension_values(question, f"{_CORE}mimeType") if type(one) is str]
    if kinds and not _fits_mime(str(value.get("contentType", "")), kinds):
        scope.error("form-attachment-type", path[0], ("allowed", ", ".join(kinds)[:120]))
    limit = extension_value(question, f"{_CORE}maxSize")
    size = decoded_size(value.get("data"))
    if limit is not None and size is not None and size > limit:
        scope.error("form-attachment-size", path[0], ("max", str(limit)), ("found", str(size)))


def _fits_mime(found: str, allowed: list[str]) -> bool:
    return any(found == one or (one.endswith("/*") and found.startswith(one[:-1])) for one in allowed)


def _check_reference(value: Any, question: Json, path: Path, scope: Scope) -> None:
    allowed = [one for one in extension_values(question, f"{_CORE}questionnaire-referenceResource") if type(one) is str]
    reference = value.get("reference") if type(value) is dict else None
    if type(reference) is not str:
        return
    found = target_type(reference, scope)
    if not found:
        named = _unknown_type(reference, scope)
        if named:
            scope.error("resource-type-unknown", path, ("type", named))
    elif allowed and found not in allowed:
        scope.error("reference-target", path, ("found", found), ("allowed", ", ".join(allowed)[:120]))


def _unknown_type(reference: str, scope: Scope) -> str:
    """The type that a RESTful address names, where there is no such type."""
    parts = reference.partition("/_history/")[0].rstrip("/").split("/")
    name = parts[-2] if len(parts) >= 2 else ""
    return name[:64] if name.isalpha() and name[:1].isupper() and not scope.engine.schema.is_resource(name) else ""


_BY_TYPE: dict[str, Callable[[Any, Json, Path, Scope], None]] = {
    "string": _check_string,
    "decimal": _check_decimal,
    "Quantity": _check_quantity,
    "Attachment": _check_attachment,
    "Reference": _check_reference,
}
