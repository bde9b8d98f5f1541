"""Small random damage to good resources, of every kind that a validator must judge.

Elements are dropped, doubled, renamed, retyped, emptied, recoded, swapped and moved; extensions, ``_field``s, contained
resources, references, dates, narratives and profiles are added or changed.
"""

from __future__ import annotations

import copy
import random
from collections.abc import Callable, Iterator
from typing import Any

Json = dict[str, Any]
Place = tuple[Any, Any]
"""A container (object or list) and a key or index in it."""

_CODES = ("zzz", "active", "official", "M", "unknown", "proposed", "final")
_DATES = ("2020", "2020-02", "2020-02-30", "2020-02-28", "2020-02-28T10:00:00", "2020-02-28T10:00:00Z", "0000-01-01",
          "2020-02-28T24:00:00Z", "2020-02-28T10:00:60+01:00", "2020-02-28T10:00Z", "28-02-2020", "2020-2-8",
          "2020-02-28T10:00:00.123456789Z", "2020-02-28T10:00:00+14:30", "10:00:00", "9999-12-31")  # fmt: skip
_REFERENCES = ("Patient/1", "Practitioner/2", "Organization/3/_history/4", "Nothing/1", "#nothing", "#", "1", "Patient",
               "http://a.example/fhir/Patient/1", "urn:uuid:5d9588d8-3cd6-4b32-8fb7-ad13694e069d", "urn:uuid:5",
               "urn:oid:1.2.3", "Patient?name=a", "Group/1 ", "https://a.example/fhir/Location/1")  # fmt: skip
_URLS = ("http://hl7.org/fhir/StructureDefinition/data-absent-reason", "http://hl7.org/fhir/StructureDefinition/nothing",
         "http://a.example/own", "relative", "http://hl7.org/fhir/StructureDefinition/patient-birthPlace",
         "http://hl7.org/fhir/StructureDefinition/humanname-own-prefix")  # fmt: skip
_VALUES = ({"valueCode": "unknown"}, {"valueString": "a"}, {"valueBoolean": True}, {}, {"valueNothing": 1},
           {"valueString": "a", "valueCode": "b"}, {"valueAddress": {"city": "A"}},
           {"valueCode": "nothing"})  # fmt: skip
_NARRATIVES = ('<div xmlns="http://www.w3.org/1999/xhtml">a</div>', "<div>a</div>", "a", "",
               '<div xmlns="http://www.w3.org/1999/xhtml"><script>a</script></div>',
               '<div xmlns="http://www.w3.org/1999/xhtml"> </div>',
               '<div xmlns="http://www.w3.org/1999/xhtml"><p onclick="a">b</p></div>',
               '<div xmlns="http://www.w3.org/1999/xhtml"><p>a</div>',
               '<div xmlns="http://www.w3.org/1999/xhtml"><a href="#nothing">b</a></div>',
               '<div xmlns="http://www.w3.org/1999/xhtml"><p style="color:red">a &nbsp; b</p></div>',
               '<div xmlns="http://www.w3.org/1999/xhtml"><table><tr><td colspan="2">a</td></tr></table></div>',
               '<p xmlns="http://www.w3.org/1999/xhtml">a</p>')  # fmt: skip
_PROFILES = ("http://hl7.org/fhir/StructureDefinition/Patient", "http://hl7.org/fhir/StructureDefinition/vitalsigns",
             "http://hl7.org/fhir/StructureDefinition/Patient|4.0.1",
             "nothing", "http://hl7.org/fhir/StructureDefinition/bp")  # fmt: skip


def mutants(seeds: list[Json], count: int, seed: int = 20) -> Iterator[tuple[str, Json]]:
    """Pairs of what was done and the damaged resource; the same ones for the same seed."""
    rng = random.Random(seed)
    for number in range(count):
        resource = copy.deepcopy(seeds[number % len(seeds)])
        label = [f"{resource.get('resourceType')}/{resource.get('id')}"]
        for _ in range(rng.choice((1, 1, 1, 2))):
            change = rng.choice(_CHANGES)
            places = [one for one in _places(resource) if change not in _FITS or _FITS[change](*one)]
            if places:
                container, key = rng.choice(places)
                label.append(f"{change.__name__} {key}")
                change(rng, container, key)
            elif change in _WHOLE:
                label.append(change.__name__)
                change(rng, resource, "")
        yield "; ".join(label), resource


def _places(value: Any) -> Iterator[Place]:
    if isinstance(value, dict):
        for key in list(value):
            if key not in ("resourceType", "div", "text"):
                yield value, key
                yield from _places(value[key])
    elif isinstance(value, list):
        for index in range(len(value)):
            yield value, index
            yield from _places(value[index])


def drop(_rng: random.Random, container: Any, key: Any) -> None:
    del container[key]


def double(_rng: random.Random, container: Any, key: Any) -> None:
    if isinstance(container, list):
        container.insert(key, copy.deepcopy(container[key]))
    elif isinstance(container[key], list):
        container[key] += copy.deepcopy(container[key])
    else:
        container[key] = [container[key], copy.deepcopy(container[key])]


def rename(rng: random.Random, container: Any, key: Any) -> None:
    if isinstance(container, dict):
        container[rng.choice((key + "x", key[:1].upper() + key[1:], key[:-1] or "q"))] = container.pop(key)


def retype(rng: random.Random, container: Any, key: Any) -> None:
    value = container[key]
    options: list[Any] = ["text", 12, 1.5, True, {"value": "x"}, [value], None]
    container[key] = rng.choice([option for option in options if type(option) is not type(value)])


def empty(rng: random.Random, container: Any, key: Any) -> None:
    container[key] = rng.choice(("", {}, [], " ")) if not isinstance(container[key], str) else rng.choice(("", " "))


def recode(rng: random.Random, container: Any, key: Any) -> None:
    value = container[key]
    if isinstance(value, str):
        options = (rng.choice(_CODES), value.upper(), value + " x", f" {value}", value[:4], "2020-13-45", value[::-1])
        container[key] = rng.choice(options)
    elif isinstance(value, bool):
        container[key] = str(value).lower()
    elif isinstance(value, int | float):
        container[key] = rng.choice((-1, 0, 99999999999, 1.25, str(value)))


def swap(rng: random.Random, container: Any, key: Any) -> None:
    """Exchange the value with that of a sibling."""
    other = rng.choice(list(container) if isinstance(container, dict) else range(len(container)))
    if other != "resourceType":
        container[key], container[other] = container[other], container[key]


def redate(rng: random.Random, container: Any, key: Any) -> None:
    container[key] = rng.choice(_DATES)


def refer(rng: random.Random, container: Any, key: Any) -> None:
    container[key] = rng.choice(_REFERENCES)


def system(rng: random.Random, container: Any, key: Any) -> None:
    """Another code system, or none of it."""
    options = ("http://snomed.info/sct", "http://loinc.org", "urn:nothing", "nothing", "http://unitsofmeasure.org",
               "http://terminology.hl7.org/CodeSystem/v3-RoleCode",
               "http://hl7.org/fhir/administrative-gender")  # fmt: skip
    container[key] = rng.choice(options)


def extend(rng: random.Random, container: Any, key: Any) -> None:
    """An extension on an object."""
    name = rng.choice(("extension", "extension", "extension", "modifierExtension"))
    container[key].setdefault(name, []).append({"url": rng.choice(_URLS), **rng.choice(_VALUES)})


def shadow(rng: random.Random, container: Any, key: Any) -> None:
    """``_field`` beside or instead of a primitive."""
    extension = {"extension": [{"url": rng.choice(_URLS), **rng.choice(_VALUES)}]}
    options: list[Any] = [extension, {"id": "a"}, {}, None, [extension], [None], {"nothing": 1}]
    container[f"_{key}"] = copy.deepcopy(rng.choice(options))
    if rng.random() < 0.5:
        del container[key]


def contain(rng: random.Random, resource: Any, _key: Any) -> None:
    """A contained resource, used or not, named or not."""
    name = rng.choice(("a", "a", "a.b", "a b", "#a", None))
    one: Json = {"resourceType": rng.choice(("Patient", "Patient", "Organization", "Nothing"))}
    if name is not None:
        one["id"] = name
    resource.setdefault("contained", []).append(one)
    used = [place for place in _places(resource) if _is_reference(*place)]
    if used and rng.random() < 0.6:
        container, key = rng.choice(used)
        container[key] = "#a"


def narrate(rng: random.Random, resource: Any, _key: Any) -> None:
    resource["text"] = {"status": rng.choice(("generated", "empty", "nothing")), "div": rng.choice(_NARRATIVES)}


def claim(rng: random.Random, resource: Any, _key: Any) -> None:
    """A profile in ``meta.profile``."""
    meta = resource.setdefault("meta", {})
    if isinstance(meta, dict):
        meta["profile"] = [rng.choice(_PROFILES)]


def bundle(rng: random.Random, resource: Any, _key: Any) -> None:
    """The resource in a Bundle."""
    inner = dict(resource)
    kind, identity = inner.get("resourceType", "Patient"), inner.get("id", "a")
    urls = (f"http://a.example/fhir/{kind}/{identity}", "urn:uuid:5d9588d8-3cd6-4b32-8fb7-ad13694e069d",
            f"{kind}/{identity}", f"http://a.example/fhir/{kind}/other", None)  # fmt: skip
    url = rng.choice(urls)
    entry: Json = {"resource": inner} if url is None else {"fullUrl": url, "resource": inner}
    if rng.random() < 0.5:
        entry["request"] = {"method": rng.choice(("PUT", "POST", "put")), "url": f"{kind}/{identity}"}
    if rng.random() < 0.3:
        entry["search"] = {"mode": "match"}
    resource.clear()
    kinds = ("collection", "searchset", "transaction", "batch", "history", "document", "message", "batch-response")
    entries = [entry, copy.deepcopy(entry)] if rng.random() < 0.2 else [entry]
    resource.update({"resourceType": "Bundle", "type": rng.choice(kinds), "entry": entries})


def _is_reference(container: Any, key: Any) -> bool:
    return isinstance(container, dict) and key == "reference" and isinstance(container[key], str)


def _is_string(container: Any, key: Any) -> bool:
    return isinstance(container[key], str)


def _is_date(container: Any, key: Any) -> bool:
    value = container[key]
    return isinstance(value, str) and value[:4].isdigit() and value[4:5] in ("", "-")


def _is_system(container: Any, key: Any) -> bool:
    return isinstance(container, dict) and key == "system" and isinstance(container[key], str)


def _is_object(container: Any, key: Any) -> bool:
    return isinstance(container[key], dict) and "resourceType" not in container[key]


def _is_named_primitive(container: Any, key: Any) -> bool:
    return isinstance(container, dict) and isinstance(container[key], str | int | float | bool) and key != "url"


def _never(_container: Any, _key: Any) -> bool:
    return False


_WHOLE = frozenset({contain, narrate, claim, bundle})
"""Changes of the resource as such."""
_FITS: dict[Callable[..., None], Callable[[Any, Any], bool]] = {
    redate: _is_date,
    refer: _is_reference,
    system: _is_system,
    extend: _is_object,
    shadow: _is_named_primitive,
    **dict.fromkeys(_WHOLE, _never),
}
"""Where a change makes sense; elsewhere it has no place."""
_CHANGES: tuple[Callable[[random.Random, Any, Any], None], ...] = (
    *(drop, double, rename, retype, empty, recode, swap),
    *(drop, recode, redate, refer, system, extend, shadow, contain, narrate, claim, bundle),
)
