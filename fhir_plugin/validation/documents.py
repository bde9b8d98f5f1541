"""Documents and messages: what the first entry refers to is in the Bundle, and every entry belongs to it.

http://hl7.org/fhir/R4/documents.html#content, http://hl7.org/fhir/R4/messaging.html
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from fhir_plugin.validation.bundles import BundleIndex
from fhir_plugin.validation.scope import Path, Scope

__all__ = ["check_first_entry"]

Json = dict[str, Any]

_COMPOSITION = ("subject", "author", "encounter", "custodian", "attester.party", "event.detail")


def check_first_entry(scope: Scope, index: BundleIndex) -> None:
    """Report references of the Composition or MessageHeader that lead nowhere, and entries nothing leads to."""
    first = index.entries[0].get("resource") if index.entries else None
    if type(first) is not dict:
        place = (scope.path, "entry", 0) if index.entries else scope.path
        code = "bundle-no-first-resource" if index.entries else "bundle-no-first-entry"
        scope.error(code, place, ("type", index.type))
        return
    path = ((scope.path, "entry", 0), "resource", None)
    url = index.full_url_of(first)
    found = list(_composition(first, path)) if index.type == "document" else list(_at(first, "focus", path))
    for reference, place in found:
        _check_present(reference, url, place, scope, index)
    _check_reachable(scope, index, first)


def _composition(resource: Json, path: Path) -> Iterator[tuple[str, Path]]:
    for name in _COMPOSITION:
        yield from _at(resource, name, path)
    yield from _sections(resource, path)


def _sections(holder: Json, path: Path) -> Iterator[tuple[str, Path]]:
    sections = holder.get("section")
    for place, section in enumerate(sections if type(sections) is list else ()):
        if type(section) is dict:
            here = (path, "section", place)
            for name in ("author", "focus", "entry"):
                yield from _at(section, name, here)
            yield from _sections(section, here)


def _at(holder: Json, name: str, path: Path) -> Iterator[tuple[str, Path]]:
    """References at a dotted name, with their places."""
    head, _, rest = name.partition(".")
    value = holder.get(head)
    items = list(enumerate(value)) if type(value) is list else [(None, value)]
    for place, item in items:
        if type(item) is dict:
            here = (path, head, place)
            if rest:
                yield from _at(item, rest, here)
            elif type(item.get("reference")) is str:
                yield item["reference"], here


def _check_present(reference: str, url: str, path: Path, scope: Scope, index: BundleIndex) -> None:
    if reference.startswith("#"):
        return
    found = index.matches(reference, url)
    if not found and reference.startswith(("http:", "https:")):
        scope.warn("bundle-reference-outside", path)
    elif not found:
        scope.error("bundle-reference-missing", path)


def _check_reachable(scope: Scope, index: BundleIndex, first: Json) -> None:
    """Every entry is linked with the first one, forward or backward; for a message that is only a warning."""
    resources = [one["resource"] for one in index.entries if type(one.get("resource")) is dict]
    links = {id(one): {id(target) for target in _targets(one, index)} for one in resources}
    reached: set[int] = set()
    waiting = [id(first)]
    while waiting:
        key = waiting.pop()
        if key not in reached:
            reached.add(key)
            waiting += links.get(key, ())
    grown = True
    while grown:
        fresh = {key for key, targets in links.items() if key not in reached and targets & reached}
        reached |= fresh
        grown = bool(fresh)
    for place, entry in enumerate(index.entries):
        resource = entry.get("resource")
        if type(resource) is dict and id(resource) not in reached:
            report = scope.error if index.type == "document" else scope.warn
            report("bundle-entry-unlinked", (scope.path, "entry", place), ("type", index.type))


def _targets(resource: Json, index: BundleIndex) -> Iterator[Json]:
    url = index.full_url_of(resource)
    for reference in _references(resource):
        yield from index.matches(reference, url)


def _references(value: Any) -> Iterator[str]:
    if type(value) is dict:
        for name, one in value.items():
            if name == "reference" and type(one) is str:
                yield one
            else:
                yield from _references(one)
    elif type(value) is list:
        for one in value:
            yield from _references(one)
