"""Checks of whole values by a profile: one that is unknown or broken, one of several, one on a nested resource."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fhir_plugin.validation.scope import Path, Scope

__all__ = ["any_profile", "broken", "entering", "resource_profiles", "resource_types", "unknown"]

Check = Callable[[Any, Any, Path, Scope], None]


def entering(below: Check) -> Check:
    """Checks inside a nested resource, where ``%resource`` is that resource."""

    def check(value: Any, extra: Any, path: Path, scope: Scope) -> None:
        if type(value) is dict:
            url = scope.bundle.full_url_of(value) if scope.bundle is not None else ""
            below(value, extra, path, scope.inside(value, path, contained=path[1] == "contained", full_url=url))

    return check


def unknown(canonical: str) -> Check:
    """Says that nobody defines a profile."""

    def check(_value: Any, _extra: Any, path: Path, scope: Scope) -> None:
        scope.error("profile-unknown", path, ("profile", canonical), ("reason", ""))

    return check


def broken(canonical: str, reason: str = "snapshot-malformed") -> Check:
    """Says that a profile cannot be used."""

    def check(_value: Any, _extra: Any, path: Path, scope: Scope) -> None:
        scope.error("profile-broken", path, ("profile", canonical), ("reason", reason))

    return check


def any_profile(profiles: tuple[str, ...], type_key: str, source: str) -> Check:
    """A value that must hold to one of some profiles."""

    def check(value: Any, _extra: Any, path: Path, scope: Scope) -> None:
        answers = [scope.engine.conforms(value, type_key, one, path, scope) for one in profiles]
        if not any(answers) and None not in answers:
            scope.error("no-profile-fits", path, ("profiles", ", ".join(profiles)), source=source)

    return check


def resource_profiles(profiles: tuple[str, ...], source: str) -> Check:
    """A whole resource that must hold to one of some profiles."""

    def check(value: Any, _extra: Any, path: Path, scope: Scope) -> None:
        engine = scope.engine
        actual = str(value.get("resourceType")) if type(value) is dict else ""
        kinds = [str((engine.definitions.structure(one) or {}).get("type", "")) for one in profiles]
        fitting = [
            one for one, kind in zip(profiles, kinds, strict=True) if not kind or engine.schema.is_a(actual, kind)
        ]
        if not fitting:
            scope.error("type-not-allowed", path, ("found", actual), ("allowed", ", ".join(kinds)), source=source)
        elif len(profiles) == 1:
            entering(engine.profiles.check(fitting[0]))(value, None, path, scope)
        else:
            any_profile(tuple(fitting), actual, source)(value, None, path, scope)

    return check


def resource_types(codes: tuple[str, ...], source: str) -> Check:
    """A whole resource of one of some types."""

    def check(value: Any, _extra: Any, path: Path, scope: Scope) -> None:
        actual = str(value.get("resourceType")) if type(value) is dict else ""
        if not any(name in codes for name in scope.engine.schema.ancestors(actual)):
            scope.error("type-not-allowed", path, ("found", actual), ("allowed", ", ".join(codes)), source=source)

    return check
