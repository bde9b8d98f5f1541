"""The searches an EHR in memory answers: by id, identifier, patient, code and moment of change."""

from __future__ import annotations

import copy
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

__all__ = ["keys_of", "keys_wanted", "matches", "page_of"]

Json = dict[str, Any]

_CONTROL = frozenset({"_count", "_offset", "_sort", "_elements", "_format", "_total"})


def matches(body: Json, params: list[tuple[str, str]]) -> bool:
    """Whether a resource meets every parameter; a comma in a value means OR."""
    return all(
        any(_meets(body, name, value) for value in values.split(",")) for name, values in params if name not in _CONTROL
    )


def keys_of(body: Json) -> set[str]:
    """By what a resource can be found through an index: its id, its identifiers and the patient it is about."""
    held = body.get("identifier") or []
    listed = held if isinstance(held, list) else [held]
    patient = (body.get("patient") or body.get("subject") or {}).get("reference", "")
    return {
        f"_id {body['id']}",
        *(f"identifier {item['value']}" for item in listed if "value" in item),
        *([f"patient {patient.rpartition('/')[2]}"] if patient else []),
    }


def keys_wanted(params: list[tuple[str, str]]) -> list[str] | None:
    """Keys of which each resource that matches has one (``keys_of``); None when no parameter says so."""
    for name, values in params:
        if name in ("_id", "identifier", "patient", "subject"):
            last = {"_id": "", "identifier": "|"}.get(name, "/")
            kind = "patient" if name == "subject" else name
            return [f"{kind} {value.rpartition(last)[2] if last else value}" for value in values.split(",")]
    return None


def page_of(found: list[Json], params: list[tuple[str, str]], url: str, page_size: int) -> Json:
    """A searchset with one page of what was found, and a link to the next."""
    given = dict(params)
    size = min(int(given.get("_count", page_size)), page_size)
    offset = int(given.get("_offset", 0))
    if given.get("_sort") == "-_lastUpdated":
        found = sorted(found, key=lambda item: str(item["meta"]["lastUpdated"]), reverse=True)
    wanted = [_only(item, given.get("_elements", "")) for item in found[offset : offset + size]]
    entries = [{"resource": copy.deepcopy(item), "search": {"mode": "match"}} for item in wanted]
    bundle: Json = {"resourceType": "Bundle", "type": "searchset", "total": len(found), "entry": entries}
    if offset + size < len(found):
        query = urlencode({**given, "_offset": str(offset + size)})
        bundle["link"] = [{"relation": "next", "url": f"{url}?{query}"}]
    return bundle


def _only(body: Json, elements: str) -> Json:
    wanted = {"resourceType", *elements.split(",")}
    return {name: value for name, value in body.items() if name in wanted} if elements else body


def _meets(body: Json, name: str, value: str) -> bool:
    match name:
        case "_id":
            return bool(body["id"] == value)
        case "identifier":
            system, _, code = value.rpartition("|")
            held = body.get("identifier") or []
            listed = held if isinstance(held, list) else [held]
            return any(item.get("value") == code and item.get("system", system) == system for item in listed)
        case "patient" | "subject" | "target":
            return _refers(body, name, value)
        case "code":
            held = (body.get("code") or {}).get("coding") or ()
            return any(value in (f"{item.get('system', '')}|{item.get('code')}", item.get("code")) for item in held)
        case "_lastUpdated":
            return _changed(body, value)
    return False


def _refers(body: Json, name: str, value: str) -> bool:
    if name == "target":
        held = [item.get("reference", "") for item in body.get("target", ())]
    else:
        held = [(body.get("patient") or body.get("subject") or {}).get("reference", "")]
    return any(reference == value or reference.endswith(f"/{value}") for reference in held)


def _changed(body: Json, value: str) -> bool:
    prefix, moment = value[:2], datetime.fromisoformat(value[2:])
    changed = datetime.fromisoformat(body["meta"]["lastUpdated"])
    return {"ge": changed >= moment, "gt": changed > moment, "le": changed <= moment, "lt": changed < moment}[prefix]
