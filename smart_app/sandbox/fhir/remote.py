"""Another FHIR R4 server as the store, with our scopes enforced in front of it.

The other server trusts us with everything; so nothing goes out to it, and nothing comes back from it, without being
judged. A write to something that exists is judged on what is there and on what it would become.
"""

from __future__ import annotations

import secrets
import threading
from collections import OrderedDict
from dataclasses import dataclass, replace
from typing import Any

import requests

from smart_app.sandbox.fhir.bundles import MAX_ENTRIES
from smart_app.sandbox.fhir.guard import Guard
from smart_app.sandbox.fhir.interaction import Answer, Entry, Interaction, Params
from smart_app.sandbox.fhir.outcome import FhirError, Json
from smart_app.sandbox.fhir.references import resolve
from smart_app.sandbox.fhir.remote_http import Wire, instant_millis, url_of
from smart_app.sandbox.fhir.remote_rights import Rights
from smart_app.sandbox.fhir.writes import checked, patched

__all__ = ["RemoteBackend"]

_PERMISSION = {"POST": "c", "PUT": "u", "PATCH": "u", "DELETE": "d"}
MAX_CURSORS = 500


@dataclass(frozen=True, slots=True)
class _Cursor:
    identity: str
    kind: str
    path: str


class RemoteBackend:
    """Interactions on another FHIR server.

    Args:
        base_url: our FHIR base, which clients see in every URL.
        remote: the other server's base.
    """

    def __init__(self, base_url: str, remote: str, session: requests.Session | None = None) -> None:
        self.base_url = base_url
        self._wire = Wire(remote.rstrip("/"), base_url, session or requests.Session())
        self._lock = threading.Lock()
        self._cursors: OrderedDict[str, _Cursor] = OrderedDict()

    def perform(self, interaction: Interaction, guard: Guard) -> Answer:
        """One interaction.

        Raises:
            FhirError: the other server refuses it, or the guard does not allow it.
        """
        rights = Rights(guard, self.base_url, self._fetch)
        if interaction.writes:
            safe = self._judged(interaction, rights)
            return self._wire.send(safe.method, url_of(safe), _conditions(safe), safe.body)
        if not interaction.id:
            return Answer(status=200, body=self._search(interaction, rights, guard.identity))
        return self._read(interaction, rights)

    def transaction(self, entries: list[Entry], guard: Guard) -> list[Answer]:
        """All entries in one transaction of the other server.

        Raises:
            FhirError: it refuses, or an entry is not allowed; nothing was changed.
        """
        if len(entries) > MAX_ENTRIES:
            raise FhirError(413, "too-long", f"A Bundle has at most {MAX_ENTRIES} entries here.")
        places = [f"{item.type}/{item.id or f'pending-{index}'}" for index, (_, item) in enumerate(entries)]
        bodies = self._literal(entries, places, Rights(guard, self.base_url, self._fetch))
        rights = Rights(guard, self.base_url, self._fetch, dict(zip(places, bodies, strict=True)))
        sent = []
        for index, (url, interaction) in enumerate(entries):
            judged = replace(interaction, body=bodies[index])
            try:
                safe = self._judged(judged, rights) if interaction.writes else self._judged_read(judged, rights)
            except FhirError as error:
                raise FhirError(error.status, error.code, f"Bundle.entry[{index}]: {error.diagnostics}") from None
            sent.append(_bundle_entry(url, replace(safe, body=interaction.body)))
        body = {"resourceType": "Bundle", "type": "transaction", "entry": sent}
        answered = (self._wire.send("POST", "", body=body).body or {}).get("entry", [])
        return [
            self._shown(_answer_of(item), interaction, rights)
            for item, (_, interaction) in zip(answered, entries, strict=True)
        ]

    def page(self, cursor: str, offset: int, guard: Guard) -> Json:  # noqa: ARG002  their pages carry their own offset
        """A further page of the other server's search.

        Raises:
            FhirError: 410, the search is forgotten or somebody else's.
        """
        with self._lock:
            kept = self._cursors.get(cursor)
        if kept is None or kept.identity != guard.identity:
            raise FhirError(410, "expired", "This page is no longer kept: search again.")
        found = self._wire.send("GET", kept.path).body or {}
        return self._filtered(found, kept.kind, Rights(guard, self.base_url, self._fetch), guard.identity)

    def capabilities(self) -> Json:
        """The other server's CapabilityStatement."""
        found = self._wire.send("GET", "metadata").body or {}
        found["rest"] = found.get("rest") or [{"mode": "server"}]
        found["rest"][0].setdefault("resource", [])
        found["rest"][0].setdefault("interaction", [])
        return found

    def _read(self, interaction: Interaction, rights: Rights) -> Answer:
        self._visible(interaction, rights)
        found = self._wire.send("GET", url_of(interaction), _conditions(interaction))
        if found.body is None or not (interaction.operation or interaction.version):
            return found
        return replace(found, body=self._versions(found.body, interaction.type, rights))

    @staticmethod
    def _versions(body: Json, kind: str, rights: Rights) -> Json:
        """Only versions that may be seen: what was deleted and made anew may have been in another record."""
        if body.get("resourceType") != "Bundle":
            if rights.sees(body, "r"):
                return body
            raise FhirError(404, "not-found", "There is no such version.")
        entries = [
            entry
            for entry in body.get("entry", [])
            if "resource" not in entry
            or entry["resource"].get("resourceType") != kind
            or rights.shows(entry["resource"])
        ]
        return {**body, "entry": entries, "total": len(entries)}

    def _visible(self, interaction: Interaction, rights: Rights) -> None:
        rights.grants(interaction.type, "r")
        current = self._fetch(interaction.type, interaction.id)
        if current is None or not rights.sees(current, "r"):
            raise FhirError(404, "not-found", f"There is no such {interaction.type}.")

    def _search(self, interaction: Interaction, rights: Rights, identity: str) -> Json:
        params = (*interaction.params, *rights.narrowing(interaction.type, "s"))
        return self._filtered(self._wire.form(interaction.type, params), interaction.type, rights, identity)

    def _filtered(self, bundle: Json, kind: str, rights: Rights, identity: str) -> Json:
        """Only what may be seen; a total that counted more is dropped; links lead through us."""
        entries = [entry for entry in bundle.get("entry", []) if isinstance(entry.get("resource"), dict)]
        kept = [entry for entry in entries if self._shows(entry, kind, rights)]
        found = {name: value for name, value in bundle.items() if name not in ("entry", "link")}
        if len(kept) < len(entries) or not rights.counts(kind):
            found.pop("total", None)
        following = [link["url"] for link in bundle.get("link", []) if link.get("relation") == "next"]
        link = [{"relation": "next", "url": self._keep(identity, kind, url)} for url in following[:1]]
        return {**found, **({"link": link} if link else {}), **({"entry": kept} if kept else {})}

    @staticmethod
    def _shows(entry: Json, kind: str, rights: Rights) -> bool:
        resource = entry["resource"]
        if resource.get("resourceType") == kind and entry.get("search", {}).get("mode", "match") == "match":
            return rights.sees(resource, "s")
        return resource.get("resourceType") == "OperationOutcome" or rights.shows(resource)

    def _keep(self, identity: str, kind: str, url: str) -> str:
        """Our link for their next page; a link to anywhere else is not followed."""
        if not url.startswith((f"{self.base_url}/", f"{self.base_url}?")):
            raise FhirError(502, "exception", "The next page of the FHIR server behind this one is elsewhere.")
        word = secrets.token_urlsafe(16)
        with self._lock:
            self._cursors[word] = _Cursor(identity, kind, url.removeprefix(self.base_url).lstrip("/"))
            while len(self._cursors) > MAX_CURSORS:
                self._cursors.popitem(last=False)
        return f"{self.base_url}?_page={word}&_offset=0"

    def _judged(self, interaction: Interaction, rights: Rights) -> Interaction:
        """The write as it may go out: its target found, seen and allowed, its conditions kept within the record."""
        permission = _PERMISSION[interaction.method]
        rights.grants(interaction.type, permission)
        narrow = rights.narrowing(interaction.type, permission)
        if interaction.method == "POST":
            self._may_become(checked(interaction.body, interaction.type), None, permission, rights)
            kept = interaction.if_none_exist
            return replace(interaction, if_none_exist=(*kept, *narrow)) if kept else interaction
        before = self._target(interaction, narrow, permission, rights)
        if interaction.method == "PUT":
            self._may_become(checked(interaction.body, interaction.type), before, permission, rights)
        if interaction.method == "PATCH" and before is not None:
            self._may_become(patched(before, interaction.body), before, permission, rights)
        return self._settled(interaction, before, narrow)

    @staticmethod
    def _settled(interaction: Interaction, before: Json | None, narrow: Params) -> Interaction:
        """A write to one place. A condition never goes out as it came: the other server would look in every record."""
        if before is not None:
            return replace(interaction, id=str(before["id"]), params=())
        if interaction.id:
            return interaction
        if interaction.method != "PUT" or interaction.body.get("id"):
            raise FhirError(404, "not-found", f"There is no such {interaction.type}.")
        criteria = (*interaction.params, *narrow)
        return replace(interaction, method="POST", params=(), if_none_exist=criteria)

    def _target(self, interaction: Interaction, narrow: Params, permission: str, rights: Rights) -> Json | None:
        if interaction.id:
            before = self._fetch(interaction.type, interaction.id)
        else:
            before = self._only(interaction.type, (*interaction.params, *narrow))
        if before is not None and not rights.sees(before, permission):
            raise FhirError(404, "not-found", f"There is no such {interaction.type}.")
        return before

    @staticmethod
    def _may_become(after: Json, before: Json | None, permission: str, rights: Rights) -> None:
        if not rights.sees(after, permission):
            kind = after["resourceType"]
            raise FhirError(403, "forbidden", f"The token does not allow this {kind}: it is in another record.")
        if before is not None and rights.owners(before) and rights.owners(before) != rights.owners(after):
            raise FhirError(422, "business-rule", "A resource cannot move to another patient's record.")

    def _judged_read(self, interaction: Interaction, rights: Rights) -> Interaction:
        if interaction.id:
            self._visible(interaction, rights)
            return interaction
        narrow = rights.narrowing(interaction.type, "s")
        return replace(interaction, params=(*interaction.params, *narrow))

    def _shown(self, answer: Answer, asked: Interaction, rights: Rights) -> Answer:
        """The answer of an entry of a transaction; a search in it filtered as any other."""
        if asked.writes or asked.id or answer.body is None:
            return answer
        return replace(answer, body=self._filtered(answer.body, asked.type, rights, ""))

    def _literal(self, entries: list[Entry], places: list[str], rights: Rights) -> list[Any]:
        """The bodies with every reference between entries, and every conditional one, made literal."""
        by_url = {url: place for (url, _), place in zip(entries, places, strict=True) if url}

        def find(kind: str, params: Params) -> str:
            found = self._only(kind, (*params, *rights.narrowing(kind, "s")))
            if found is None or not rights.sees(found, "s"):
                raise FhirError(412, "not-found", f"A conditional reference to {kind} means nothing.")
            return f"{kind}/{found['id']}"

        bodies = [interaction.body for _, interaction in entries]
        for body in bodies:
            resolve(body, by_url, find)
        return bodies

    def _only(self, kind: str, params: Params) -> Json | None:
        if not params:
            raise FhirError(412, "required", "A condition without search parameters would mean everything.")
        entries = self._wire.form(kind, (*params, ("_count", "2"))).get("entry", [])
        matches = [entry["resource"] for entry in entries if entry.get("search", {}).get("mode", "match") == "match"]
        if len(matches) > 1:
            raise FhirError(412, "multiple-matches", f"The condition means more than one {kind}.")
        return matches[0] if matches else None

    def _fetch(self, kind: str, identity: str) -> Json | None:
        try:
            return self._wire.send("GET", f"{kind}/{identity}").body
        except FhirError as error:
            if error.status in (404, 410):
                return None
            raise


def _conditions(interaction: Interaction) -> dict[str, str]:
    found = {}
    if interaction.if_match is not None:
        found["If-Match"] = f'W/"{interaction.if_match}"'
    if interaction.if_none_match is not None:
        star = interaction.if_none_match == "*"
        found["If-None-Match"] = "*" if star else f'W/"{interaction.if_none_match}"'
    if interaction.if_none_exist is not None:
        found["If-None-Exist"] = url_of(Interaction(method="", params=interaction.if_none_exist)).lstrip("?")
    return found


def _bundle_entry(url: str, interaction: Interaction) -> Json:
    names = {"If-Match": "ifMatch", "If-None-Match": "ifNoneMatch", "If-None-Exist": "ifNoneExist"}
    conditions = {names[header]: value for header, value in _conditions(interaction).items()}
    request = {"method": interaction.method, "url": url_of(interaction), **conditions}
    found: Json = {"request": request}
    if url:
        found["fullUrl"] = url
    if interaction.body is not None:
        found["resource"] = interaction.body
    return found


def _answer_of(entry: Json) -> Answer:
    response = entry.get("response", {})
    place = str(response.get("location", ""))
    return Answer(
        status=int(str(response.get("status", "200"))[:3]),
        body=entry.get("resource"),
        etag=str(response.get("etag", "")).removeprefix("W/").strip('"'),
        location="/".join(place.split("/")[-4:]) if "/_history/" in place else place,
        last_modified=instant_millis(response.get("lastModified")),
    )
