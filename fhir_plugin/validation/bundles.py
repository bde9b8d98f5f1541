"""Bundle rules: full URLs, links, entries, documents and messages (http://hl7.org/fhir/R4/bundle.html)."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

from fhir_plugin.validation.scope import Path, Scope

__all__ = ["BundleIndex", "check_bundle"]

Json = dict[str, Any]

_ABSOLUTE = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*:\S+")
_RESTFUL = re.compile(r"(?P<base>https?://.*)/(?P<type>[A-Z][A-Za-z]+)/(?P<id>[A-Za-z0-9\-.]{1,64})")
_VERSION = re.compile(r"(.*)/_history/([A-Za-z0-9\-.]{1,64})")
_URL_OPTIONAL = frozenset({"transaction", "transaction-response", "batch", "batch-response"})
_ONCE = frozenset({"self", "first", "last", "next", "previous", "prev"})
_PAGING = frozenset({"first", "last", "next", "previous", "prev"})


class BundleIndex:
    """Entries of a Bundle by full URL and by type and id."""

    def __init__(self, bundle: Json) -> None:
        entries = bundle.get("entry")
        self.type = str(bundle.get("type", ""))
        self.entries: list[Json] = [one for one in entries if type(one) is dict] if type(entries) is list else []
        self._by_url: dict[str, list[Json]] = {}
        self._by_id: dict[tuple[str, str], list[Json]] = {}
        self._urls: dict[int, str] = {}
        self._bases: dict[str, str] = {}
        for entry in self.entries:
            resource, url = entry.get("resource"), entry.get("fullUrl")
            if type(resource) is not dict:
                continue
            if type(url) is str:
                self._by_url.setdefault(url, []).append(resource)
                self._urls[id(resource)] = url
            key = (str(resource.get("resourceType")), str(resource.get("id")))
            self._by_id.setdefault(key, []).append(resource)

    @property
    def needs_full_url(self) -> bool:
        """Whether a reference in an entry without fullUrl is an error: it may lead to another entry, or not."""
        return self.type not in ("batch-response", "transaction-response")

    @property
    def is_executed(self) -> bool:
        """Whether a server acts on the entries; it alone can turn a search into a reference."""
        return self.type in ("transaction", "batch")

    def full_url_of(self, resource: Json) -> str:
        """The full URL of an entry's resource; empty where it has none."""
        return self._urls.get(id(resource), "")

    def at_uuid(self, key: str) -> list[Json]:
        """Entries whose full URL is that UUID."""
        return self._by_url.get(f"urn:uuid:{key}", [])

    def matches(self, reference: str, full_url: str) -> list[Json]:
        """Entries a reference points to from a resource with the given full URL."""
        bare, version = _split_version(reference)
        if _ABSOLUTE.fullmatch(bare):
            found = self._by_url.get(bare, [])
        else:
            base = self._base(full_url)
            found = self._by_url.get(f"{base}/{bare}", []) if base else []
        if not version:
            return found
        return [one for one in found if (one.get("meta") or {}).get("versionId") == version]

    def _base(self, full_url: str) -> str:
        """The server's address in a full URL; empty where it is not RESTful."""
        known = self._bases.get(full_url)
        if known is None:
            match = _RESTFUL.fullmatch(full_url)
            known = self._bases[full_url] = match["base"] if match else ""
        return known

    def resolve(self, reference: str, full_url: str) -> Json | None:
        """The entry a reference points to; where full URLs do not help, the one of that type and id."""
        found = self.matches(reference, full_url)
        if not found and not _ABSOLUTE.match(reference):
            kind, _, key = _split_version(reference)[0].partition("/")
            found = self._by_id.get((kind, key), [])
        return found[0] if found else None


def _split_version(reference: str) -> tuple[str, str]:
    if "#" not in reference and "/_history/" not in reference:
        return reference, ""
    match = _VERSION.fullmatch(reference.partition("#")[0])
    return (match[1], match[2]) if match else (reference.partition("#")[0], "")


def check_bundle(scope: Scope) -> None:
    """Report what no element can see by itself."""
    index = scope.bundle
    if index is None:
        return
    _check_links(scope, index)
    _check_full_urls(scope, index)
    if index.type == "searchset":
        _check_search(scope, index)


def _check_links(scope: Scope, index: BundleIndex) -> None:
    links = scope.resource.get("link")
    if type(links) is not list:
        return
    seen: Counter[str] = Counter()
    for place, link in enumerate(links):
        relation = link.get("relation") if type(link) is dict else None
        if type(relation) is not str:
            continue
        seen[relation] += 1
        path = (scope.path, "link", place)
        if seen[relation] > 1 and relation in _ONCE:
            scope.error("bundle-link-repeated", path, ("relation", relation))
        elif relation in _PAGING and index.type in ("document", "message", "transaction", "batch"):
            scope.error("bundle-link-paging", (path, "relation", None), ("relation", relation))


def _check_full_urls(scope: Scope, index: BundleIndex) -> None:
    for place, entry in enumerate(index.entries):
        path = (scope.path, "entry", place)
        url = entry.get("fullUrl")
        if url is None:
            if index.type not in _URL_OPTIONAL:
                scope.error("bundle-full-url-missing", path)
        elif type(url) is str and url:
            _check_full_url(url, entry.get("resource"), path, scope)


def _check_full_url(url: str, resource: Any, path: Path, scope: Scope) -> None:
    if not _ABSOLUTE.fullmatch(url):
        scope.error("bundle-full-url-relative", path)
        return
    if not url.startswith("http") or type(resource) is not dict:
        return
    if url.endswith(f"/{resource.get('resourceType')}/{resource.get('id')}"):
        return
    match = _RESTFUL.fullmatch(url)
    if match is None or not scope.engine.schema.is_resource(match["type"]):
        return
    if (resource.get("resourceType"), resource.get("id")) != (match["type"], match["id"]):
        scope.error("bundle-full-url-id", path)


def _check_search(scope: Scope, index: BundleIndex) -> None:
    for place, entry in enumerate(index.entries):
        resource = entry.get("resource")
        if type(resource) is dict and "id" not in resource and resource.get("resourceType") != "OperationOutcome":
            scope.error("bundle-search-id", ((scope.path, "entry", place), "resource", None))
