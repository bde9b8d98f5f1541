"""What two snapshot generators may say differently, and why; used by compare_snapshots.py.

First the conventions, which are taken away on both sides before comparing; then the reasons for what is left.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

Json = dict[str, Any]
WORDS = {"short", "definition", "comment", "requirements", "alias", "mapping", "example", "label", "code"}
R4 = "http://hl7.org/fhir/R4/"
LINK = re.compile(r"\]\((?!https?:|mailto:|#)([A-Za-z][\w./-]*\.html[^)]*)\)")
NAMES_OF_BINDINGS = ("elementdefinition-bindingName", "elementdefinition-isCommonBinding")
SETS = {"mapping", "alias", "condition", "constraint", "example", "extension", "code"}

CONVENTIONS = (
    "the order of constraints, conditions, aliases, mappings and extensions, and white space around texts",
    "relative links in texts, which the peer makes absolute",
    "`xpath` of constraints; `language` and trailing blanks of mappings",
    "`contentReference` with or without the url of its structure (`#Bundle.link`)",
    "`ordered: false`, `isSummary: false`, `isModifier: false`, `mustSupport: false` said or left out",
    "`fhir-type` of `Resource.id`, which the peer corrects from `string` to `id`",
    "the condition `ele-1`; extensions on `binding.valueSet`, which the peer's conversion to R5 and back loses",
    "the name of a binding (`bindingName`, `isCommonBinding`)",
    "numbers written as text in the nl-core source (`minValueQuantity.value`)",
    "`snapshot-source`, by which the peer marks where an extension came from",
    "the version of the core package (`|4.0.1`), which the peer adds to what a core definition refers to",
)


class Verdict(StrEnum):
    """Whose side the second peer takes in a difference between ours and the first peer's."""

    OURS = "as ours"
    HL7 = "as HL7"
    NEITHER = "neither"
    SILENT = "silent"


@dataclass(slots=True, kw_only=True)
class Difference:
    """One thing said differently: of an element its field, or the element itself (field ``element``)."""

    job: str
    element: str
    field: str
    ours: Any
    theirs: Any
    second: Verdict = Verdict.SILENT


def normal(field: str, value: Any) -> Any:
    """A value without what is convention."""
    if isinstance(value, str):
        value = LINK.sub(rf"]({R4}\1)", value).replace("\r\n", "\n").strip()
        value = value.removesuffix("|4.0.1") if field in ("valueSet", "contentReference") else value
        return value.partition("#")[2] or value if field == "contentReference" else value
    if field in ("isSummary", "isModifier", "mustSupport") and value is False:
        return None
    if field == "condition":
        value = [entry for entry in value or [] if entry != "ele-1"]
    if field == "slicing" and value:
        value = {key: entry for key, entry in value.items() if (key, entry) != ("ordered", False)}
    if field == "binding" and value:
        value = {key: normal(key, entry) for key, entry in value.items() if not key.startswith("_")}
        names = [entry for entry in value.get("extension") or [] if not entry["url"].endswith(NAMES_OF_BINDINGS)]
        value = {**value, "extension": names} if names else {k: v for k, v in value.items() if k != "extension"}
    if field.endswith("Quantity") and value and "value" in value:
        value = {**value, "value": float(value["value"])}
    if field == "type" and value:
        value = json.loads(json.dumps(value).replace('"valueUrl": "id"', '"valueUrl": "string"').replace("|4.0.1", ""))
    if field == "extension" and value:
        value = [
            {**entry, "extension": _unmarked(entry["extension"])} if "extension" in entry else entry for entry in value
        ]
    if field in SETS and isinstance(value, list):
        rows = [_row(entry) if isinstance(entry, dict) else entry for entry in value]
        value = sorted(rows, key=lambda row: json.dumps(row, sort_keys=True))
    return value or (None if value in ([], {}) else value)


def _unmarked(extensions: list[Json]) -> list[Json]:
    return [entry for entry in extensions if not entry["url"].endswith("/snapshot-source")]


def _row(entry: Json) -> Json:
    return {key: normal("", value) for key, value in entry.items() if key not in ("xpath", "language")}


def _without_sources(value: Any) -> Any:
    rows = [{key: entry for key, entry in row.items() if key != "source"} for row in value or []]
    return normal("constraint", rows)


def _walked_reference(difference: Difference) -> bool:
    return difference.field in ("contentReference", "type") and (difference.ours is None) != (difference.theirs is None)


def _tighter(difference: Difference) -> bool:
    ours, theirs = difference.ours, difference.theirs
    if difference.field == "min":
        return int(ours or 0) > int(theirs or 0)
    return difference.field == "max" and ours != "*" and (theirs == "*" or int(ours) < int(theirs))


def _official(difference: Difference) -> bool:
    return difference.job.startswith(("r4b/", "r5/"))


REASONS: tuple[tuple[str, Callable[[Difference], bool]], ...] = (
    (
        "**words**: `short`, `definition` and the like of a slice or extension. The peer resets the words of an"
        " extension that more is said about (to `Extension`), or leaves general ones; ours keep the particular ones."
        " No validator looks at them",
        lambda d: d.field.removeprefix("_") in WORDS,
    ),
    (
        "**source**: the same constraint, attributed to another structure. Ours names the one that states it, as"
        " `ElementDefinition.constraint.source` asks (the original source); the peer names the profile's type",
        lambda d: d.field == "constraint" and _without_sources(d.ours) == _without_sources(d.theirs),
    ),
    (
        "**said of the element, repeated in its slices**: a binding or extension that a profile gives a sliced element"
        " is in ours also in its slices",
        lambda d: _official(d) and d.field in ("binding", "extension") and ":" in d.element and d.ours is not None,
    ),
    (
        "**minimum of a slice**: a slice for which no minimum is said need not be there; the peer copies the minimum of"
        " the element where the slicing is inside another slice",
        lambda d: _official(d) and d.field == "min" and ":" in d.element and d.ours == 0,
    ),
    (
        "**limit of an extension**: ours takes over the `max` of the extension's definition on every use; the peer only"
        " where the element had no slices before",
        lambda d: d.field == "max" and "xtension:" in d.element and d.theirs == "*",
    ),
    (
        "**children lost**: the peer loses the children that a profile gives a sliced element, for its last slice or in"
        " the profile derived from it",
        lambda d: d.field == "element" and d.theirs is None and (":" in d.element or d.job.startswith("nl/")),
    ),
    (
        "**type slice against its choice**: the peer makes a type slice required, or its slicing closed, while the"
        " choice still allows other types, which then could never be used",
        lambda d: "[x]" in d.element and d.field in ("min", "slicing") and d.job.startswith("nl/"),
    ),
    (
        "**walked contentReference**: once its children are said, ours gives the element their type; the peer keeps the"
        " reference beside the children",
        _walked_reference,
    ),
    (
        "**shape of a choice**: where one type is left, the choice itself or its only slice can carry what is said; the"
        " generators choose differently (also where a differential names the slice `Quantity` for `valueQuantity`)",
        lambda d: _official(d) and "[x]" in d.element,
    ),
    (
        "**cardinality only tightens**: ours never loosens what the base or the sliced element says; the peer reports"
        " it as an error of the profile and copies it",
        lambda d: _official(d) and _tighter(d),
    ),
    (
        "**order**: the peer lists a new type slice before those of the base, or sorts them by type; and it lists new"
        " children of a logical model after the next element, which R4 does not allow",
        lambda d: d.field == "order",
    ),
    (
        "**reason without modifier**: an ordinary extension in the place of a modifier extension; the peer says that it"
        " is none, and keeps the reason why it would be (against invariant eld-18)",
        lambda d: d.field == "isModifierReason" and d.ours is None,
    ),
    (
        "**slicing lost**: the peer drops the slicing of a slice that is sliced again, and of elements inside slices",
        lambda d: _official(d) and d.field == "slicing" and d.theirs is None,
    ),
    (
        "**obligation of the outer slice**: `mustSupport` of an element goes for what is sliced inside a slice of it",
        lambda d: _official(d) and d.field == "mustSupport" and d.element.count(":") > 1 and d.theirs is None,
    ),
    (
        "**rules of `Element`**: what specializes `Element` keeps its invariant `ele-1`; the peer drops it",
        lambda d: d.job.endswith("cdshooks-services") and d.field == "constraint",
    ),
    (
        "**conditions as published**: the peer moves conditions of `Composition.section` to another element",
        lambda d: d.job.endswith("reslicing-profile-child") and d.field == "condition",
    ),
    (
        "**inherited obligations**: an extension of R5 (`inherit-obligations`), not part of R4",
        lambda d: d.job.endswith("profile-patient-op3") and d.field in ("extension", "mustSupport"),
    ),
    (
        "**default values**: `defaultValue[x]` of a pre-R4 base, which ours hands on and the peer drops",
        lambda d: d.field.startswith("defaultValue"),
    ),
    (
        "**CDA**: logical models of HL7 v3 with choice groups, whose other members the peer forbids",
        lambda d: "ccda" in d.job,
    ),
    (
        "**broken or pre-R4 inputs** (`t16`, `t26`, `t37`, `sushi3`, `ihe2`, `nl-med`, `pas-org`, `ca-patient`): wrong"
        " ids or paths, slices out of order, STU3 types; each generator mends them in its own way",
        lambda d: d.job.partition("/")[2] in {"t16", "t26", "t37", "sushi3", "ihe2", "nl-med", "pas-org", "ca-patient"},
    ),
)


def reason(difference: Difference) -> str:
    """Why it is said differently, or an empty text."""
    return next((text for text, fits in REASONS if fits(difference)), "")
