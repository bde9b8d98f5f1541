"""Lenses on extensions: single and repeating, simple and complex.

An extension with one of our urls that cannot be read (an unknown code, a missing part) is not decoded and so stays as
it is: another version of this product may know more than we do.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import TypeVar

from fhir_plugin.mapping.json import (
    Json,
    date_of,
    extension,
    extensions,
    listed,
    prune,
    reference_of,
    reference_to_json,
    text,
)
from fhir_plugin.mapping.lens import ItemLens, Lens, list_lens, merge_items
from fhir_plugin.model.dates import PartialDate
from fhir_plugin.model.identity import Ref

__all__ = [
    "code_list",
    "complex_item",
    "date_member",
    "flag_of",
    "on_of",
    "put_sub",
    "read_code",
    "ref_member",
    "ref_of",
    "repeating",
    "single",
    "single_code",
    "single_text",
    "sub",
    "text_member",
]

T = TypeVar("T")
E = TypeVar("E", bound=StrEnum)


def repeating(name: str, path: str, url: str, item: ItemLens[T]) -> Lens[tuple[T, ...]]:
    """All readable extensions with a url, in order."""
    return list_lens(name, path, "extension", _with_url(url, item))


def single(name: str, path: str, url: str, item: ItemLens[T]) -> Lens[T | None]:
    """The first readable extension with a url, or None."""
    bound = _with_url(url, item)

    def get(body: Json) -> T | None:
        for raw in extensions(body, url):
            value = item.decode(raw)
            if value is not None:
                return value
        return None

    def write(body: Json, value: T | None) -> None:
        merged = merge_items(listed(body, "extension"), () if value is None else (value,), bound)
        if merged:
            body["extension"] = merged
        else:
            body.pop("extension", None)

    def fill(body: Json, value: T | None) -> None:
        if value is not None:
            body["extension"] = [*listed(body, "extension"), bound.encode(value, None)]

    return Lens(name, path, get, write, fill=fill)


def code_list(name: str, path: str, url: str, enum: type[E]) -> Lens[tuple[E, ...]]:
    """Repeating extensions with a ``valueCode`` of one of our code systems."""
    return repeating(name, path, url, _code_item(enum))


def single_code(name: str, path: str, url: str, enum: type[E]) -> Lens[E | None]:
    """An extension with a ``valueCode`` of one of our code systems."""
    return single(name, path, url, _code_item(enum))


def single_text(name: str, path: str, url: str) -> Lens[str]:
    """An extension with a ``valueString``; an absent one reads as empty."""
    item: ItemLens[str] = ItemLens(
        decode=lambda raw: text(raw, "valueString") or None,
        encode=lambda value, base: {**(base or {}), "valueString": value},
    )
    inner = single(name, path, url, item)
    return Lens(
        name,
        path,
        lambda body: inner.get(body) or "",
        lambda body, value: inner.write(body, value or None),
        fill=inner.fill,
    )


def complex_item(decode: Callable[[Json], T | None], parts: Callable[[T], dict[str, Json]]) -> ItemLens[T]:
    """A complex extension; ``parts`` gives the ``value[x]`` member of each nested url, empty to remove it."""

    def encode(value: T, base: Json | None) -> Json:
        if not base:
            return prune({"extension": [{"url": url, **member} for url, member in parts(value).items() if member]})
        body = dict(base)
        for url, member in parts(value).items():
            put_sub(body, url, member)
        return body

    return ItemLens(decode=decode, encode=encode)


def put_sub(body: Json, url: str, member: Json) -> None:
    """Set, replace or (when ``member`` is empty) remove a nested extension; its siblings keep their place."""
    item: ItemLens[Json] = ItemLens(
        decode=lambda raw: raw if raw.get("url") == url else None,
        encode=lambda value, base: {
            **{key: kept for key, kept in (base or {"url": url}).items() if not key.startswith("value")},
            **value,
        },
    )
    merged = merge_items(listed(body, "extension"), (member,) if member else (), item)
    if merged:
        body["extension"] = merged
    else:
        body.pop("extension", None)


def read_code(value: str, enum: type[E]) -> E | None:
    """The member with this code, or None."""
    try:
        return enum(value)
    except ValueError:
        return None


def sub(raw: Json, url: str) -> Json | None:
    """The nested extension with this url, or None."""
    return extension(raw, url)


def on_of(raw: Json, url: str = "on", key: str = "valueDate") -> PartialDate | None:
    """The date in a nested extension."""
    found = extension(raw, url)
    return date_of(found.get(key)) if found else None


def ref_of(raw: Json, url: str) -> Ref | None:
    """The reference in a nested extension."""
    found = extension(raw, url)
    return reference_of(found.get("valueReference")) if found else None


def flag_of(raw: Json, url: str) -> bool | None:
    """The boolean in a nested extension."""
    found = extension(raw, url)
    value = found.get("valueBoolean") if found else None
    return value if isinstance(value, bool) else None


def date_member(value: PartialDate | None) -> Json:
    """``valueDate`` of a date, or nothing."""
    return {"valueDate": str(value)} if value else {}


def ref_member(value: Ref | None) -> Json:
    """``valueReference`` of a reference, or nothing."""
    return {"valueReference": reference_to_json(value)} if value and (value.reference or value.display) else {}


def text_member(value: str) -> Json:
    """``valueString`` of a text, or nothing."""
    return prune({"valueString": value})


def _code_item(enum: type[E]) -> ItemLens[E]:
    return ItemLens(
        decode=lambda raw: read_code(text(raw, "valueCode"), enum),
        encode=lambda value, base: {**(base or {}), "valueCode": value.value},
    )


def _with_url(url: str, item: ItemLens[T]) -> ItemLens[T]:
    return ItemLens(
        decode=lambda raw: item.decode(raw) if raw.get("url") == url else None,
        encode=lambda value, base: {"url": url, **item.encode(value, base)},
        replaces=item.replaces,
    )
