"""Invariants that run on nearly every element, in plain Python; keyed by the text of their expression.

Each gives the same answer as the FHIRPath interpreter: a property test in ``tests/validation`` compares them on
generated elements. Where a value has the wrong shape a predicate may raise ``TypeError`` or ``AttributeError``: the
walk has reported the shape, and the invariant says nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from fhir_plugin.validation import references
from fhir_plugin.validation.fhirpath.values import Moment, compare_moments
from fhir_plugin.validation.scope import Scope

__all__ = ["NATIVE"]

Json = dict[str, Any]
Predicate = Callable[[Any, Any, Scope], bool]


def _exists(value: Json, name: str) -> bool:
    if name in value:
        found = value[name]
        if type(found) is list:
            return bool(found)
        if found is not None:
            return True
    return value.get(f"_{name}") is not None


def _choice_exists(value: Json, stem: str) -> bool:
    return any(name.startswith((stem, f"_{stem}")) and one is not None for name, one in value.items())


def _contained(resource: Json) -> Iterator[Json]:
    return (one for one in resource.get("contained") or () if type(one) is dict)


def _extension_or_value(value: Any, _extra: Any, _scope: Scope) -> bool:
    has_value = False
    for name in value:
        if name.startswith(("value", "_value")) and value[name] is not None:
            has_value = True
            break
    return has_value != _exists(value, "extension")


def _period(value: Any, _extra: Any, _scope: Scope) -> bool:
    start, end = value.get("start"), value.get("end")
    if start is None or end is None:
        return True
    if start <= end and len(start) == len(end) and (len(start) <= 10 or start[-6:] == end[-6:]):
        return True  # of one precision and zone the order of the texts is that of the moments
    one, other = Moment.parse(start), Moment.parse(end)
    if one is None or other is None:
        return True  # not dates at all: reported as such
    return compare_moments(one, other) in (-1, 0)


def _local_reference(value: Any, _extra: Any, scope: Scope) -> bool:
    reference = value.get("reference")
    if type(reference) is not str or not reference.startswith("#") or reference == "#":
        return True
    return references.resolve(reference, scope) is not None


def _no_nested(value: Any, _extra: Any, _scope: Scope) -> bool:
    return "contained" not in value or not any(_exists(one, "contained") for one in _contained(value))


def _contained_meta(*names: str) -> Predicate:
    def holds(value: Any, _extra: Any, _scope: Scope) -> bool:
        if "contained" not in value:
            return True
        metas = [one["meta"] for one in _contained(value) if type(one.get("meta")) is dict]
        return not any(_exists(meta, name) for meta in metas for name in names)

    return holds


def _narrative(value: Any, _extra: Any, _scope: Scope) -> bool:
    text = value.get("text")
    return type(text) is dict and _exists(text, "div")


def _subject_for(_code: str) -> Predicate:
    """``ppc-2`` to ``ppc-5``: the published system is ``something``, which nobody uses (see fhir-profiles, trap 4)."""

    def holds(value: Any, _extra: Any, _scope: Scope) -> bool:
        if _exists(value, "patient"):
            return True
        codings = (value.get("scope") or {}).get("coding") or ()
        return not any(one.get("system") == "something" and one.get("code") == _code for one in codings)

    return holds


def _unversioned(value: Any, _extra: Any, _scope: Scope) -> bool:
    return "/_history/" not in (value.get("fullUrl") or "")


def _distinct_urls(value: Any, _extra: Any, _scope: Scope) -> bool:
    if value.get("type") == "history":
        return True
    seen = set()
    for entry in value.get("entry") or ():
        if entry.get("fullUrl") is not None:
            meta = (entry.get("resource") or {}).get("meta") or {}
            key = f"{entry['fullUrl']}{meta.get('versionId') or ''}"
            if key in seen:
                return False
            seen.add(key)
    return True


def _searched(value: Any, _extra: Any, _scope: Scope) -> bool:
    return value.get("type") == "searchset" or not any(_exists(one, "search") for one in value.get("entry") or ())


def _computable_name(value: Any, _extra: Any, _scope: Scope) -> bool:
    name = value.get("name")
    return _NAME(name) is not None if name is not None else not _exists(value, "name")


def _root_without_uuid(value: Any, _extra: Any, _scope: Scope) -> bool:
    kind = value.get("kind")
    if kind != "root" and _exists(value, "kind"):
        return True
    return all(one.get("type", "uuid") != "uuid" for one in value.get("uniqueId") or ())


def _one_preferred(value: Any, _extra: Any, _scope: Scope) -> bool:
    """``nsd-2``: one preferred identifier of each type."""
    kinds = [one["type"] for one in value.get("uniqueId") or () if one.get("preferred") is True and "type" in one]
    return len(set(kinds)) == len(kinds)


def _components_differ(value: Any, _extra: Any, scope: Scope) -> bool:
    """``obs-7``: with a value of its own no component has a code of the Observation."""
    if not _choice_exists(value, "value"):
        return True
    codings = (scope.resource.get("code") or {}).get("coding") or ()
    return not any(
        one in codings
        for component in value.get("component") or ()
        for one in (component.get("code") or {}).get("coding") or ()
    )


def _in_every_entry(name: str, *kinds: str) -> Predicate:
    """``bdl-3`` and ``bdl-4``: every entry has a request (response) exactly in the types that ask for one."""

    def holds(value: Any, _extra: Any, _scope: Scope) -> bool:
        entries = [one for one in value.get("entry") or () if type(one) is dict]
        kind = value.get("type")
        return not entries or (kind is not None and all(_exists(one, name) == (kind in kinds) for one in entries))

    return holds


_NAME = re.compile(r"[A-Z]([A-Za-z0-9_]){0,254}\n?").fullmatch

NATIVE: dict[str, Predicate] = {
    "extension.exists() != value.exists()": _extension_or_value,
    "start.hasValue().not() or end.hasValue().not() or (start <= end)": _period,
    (
        "reference.startsWith('#').not() or "
        "(reference.substring(1).trace('url') in %rootResource.contained.id.trace('ids'))"
    ): _local_reference,
    "contained.contained.empty()": _no_nested,
    "contained.meta.versionId.empty() and contained.meta.lastUpdated.empty()": _contained_meta(
        "versionId", "lastUpdated"
    ),
    "contained.meta.security.empty()": _contained_meta("security"),
    "text.`div`.exists()": _narrative,
    **{
        f"patient.exists() or scope.coding.where(system='something' and code='{code}').exists().not()": _subject_for(
            code
        )
        for code in ("patient-privacy", "research", "adr", "treatment")
    },
    (
        "entry.all(request.exists() = "
        "(%resource.type = 'batch' or %resource.type = 'transaction' or %resource.type = 'history'))"
    ): _in_every_entry("request", "batch", "transaction", "history"),
    (
        "entry.all(response.exists() = (%resource.type = 'batch-response' or "
        "%resource.type = 'transaction-response' or %resource.type = 'history'))"
    ): _in_every_entry("response", "batch-response", "transaction-response", "history"),
    "fullUrl.contains('/_history/').not()": _unversioned,
    "(type = 'history') or entry.where(fullUrl.exists()).select(fullUrl&resource.meta.versionId).isDistinct()": (
        _distinct_urls
    ),
    "entry.search.empty() or (type = 'searchset')": _searched,
    "name.matches('[A-Z]([A-Za-z0-9_]){0,254}')": _computable_name,
    "kind != 'root' or uniqueId.all(type != 'uuid')": _root_without_uuid,
    "uniqueId.where(preferred = true).select(type).isDistinct()": _one_preferred,
    "value.empty() or component.code.where(coding.intersect(%resource.code.coding).exists()).empty()": (
        _components_differ
    ),
}
