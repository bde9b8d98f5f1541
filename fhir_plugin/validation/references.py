"""References: form, kind of target, and the target itself where it is at hand (http://hl7.org/fhir/R4/references.html)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from fhir_plugin.validation.schema import Field, canonical_url
from fhir_plugin.validation.scope import Path, Scope
from fhir_plugin.validation.snapshots import FHIR

if TYPE_CHECKING:
    from fhir_plugin.validation.bundles import BundleIndex
    from fhir_plugin.validation.engine import Engine

__all__ = ["allowed_types", "checks_for", "resolve", "target_check", "target_type"]

Json = dict[str, Any]
Check = Callable[[Any, Any, Path, Scope], None]

_RESTFUL = re.compile(
    r"(?:(?P<base>[A-Za-z][A-Za-z0-9+.\-]*:.*)/)?(?P<type>[A-Z][A-Za-z]+)/(?P<id>[A-Za-z0-9\-.]{1,64})"
    r"(?:/_history/(?P<version>[A-Za-z0-9\-.]{1,64}))?(?:#.*)?"
)
_ORDINARY = re.compile(r"([A-Z][A-Za-z]+)/([A-Za-z0-9\-.]{1,64})")
"""How most references look."""
_UUID = re.compile(r"urn:uuid:[0-9a-f\-]+")
_ABSOLUTE = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*:\S+")
_SPACE = re.compile(r"\s")
_CONDITIONAL = re.compile(r"[A-Z][A-Za-z]+\?\S+")


def checks_for(spec: Field) -> list[Check]:
    """Checks of an element of type Reference: nothing for canonicals."""
    if spec.type_use.code != "Reference":
        return []
    targets = spec.type_use.targets

    def check(value: Any, _extra: Any, path: Path, scope: Scope) -> None:
        if type(value) is not dict:
            return
        reference = value.get("reference")
        if type(reference) is str:
            if "type" not in value and _plainly_good(reference, targets, scope):
                return
            _check_form(reference, path, scope)
        stated = value.get("type")
        if type(reference) is str or type(stated) is str:
            _check_target(value, targets, path, scope)

    return [check]


def _plainly_good(reference: str, targets: tuple[str, ...], scope: Scope) -> bool:
    """Whether a reference is one to a type that the element allows, and to nothing or one thing in the Bundle."""
    match = _ORDINARY.fullmatch(reference)
    bundle = scope.bundle
    if bundle is not None and scope.full_url:
        found = bundle.matches(reference, scope.full_url)
        if len(found) > 1 or (match is None and not (found and _UUID.fullmatch(reference))):
            return False
        kind = str(found[0].get("resourceType")) if found else match[1] if match else ""
        if match and (kind != match[1] or bundle.at_uuid(match[2])):
            return False
    elif match is None or bundle is not None or scope.outer is not None:
        return False
    else:
        kind = match[1]
    allowed = allowed_types(scope.engine, targets)
    return kind in allowed or not allowed


def _check_form(reference: str, path: Path, scope: Scope) -> None:
    if reference == "#" and not scope.contained:
        scope.error("reference-dangling", path)
    if reference.startswith("#"):
        return
    is_homeless = scope.bundle is not None and not scope.full_url and _lacks_full_url(scope, scope.bundle)
    if not _ABSOLUTE.fullmatch(reference):
        _check_relative(reference, path, scope, is_homeless=is_homeless)


def _check_relative(reference: str, path: Path, scope: Scope, *, is_homeless: bool) -> None:
    if _CONDITIONAL.fullmatch(reference):
        if scope.bundle is not None and scope.full_url and not scope.bundle.is_executed:
            scope.error("reference-conditional", path)
        return
    if _SPACE.search(reference):
        scope.error("reference-format", path)
    elif not _RESTFUL.fullmatch(reference):
        report = scope.error if scope.bundle is not None else scope.warn
        report("reference-format", path)
    elif is_homeless:
        scope.error("reference-without-full-url", path)
    elif scope.bundle is not None and scope.bundle.type != "history":
        if len(scope.bundle.matches(reference, scope.full_url)) > 1:
            scope.error("reference-ambiguous", path)
        _check_uuid(reference, path, scope, scope.bundle)
    elif scope.bundle is None and scope.outer is not None:
        _check_in_parameters(reference, path, scope)


def _lacks_full_url(scope: Scope, bundle: BundleIndex) -> bool:
    """Whether the entry around a reference must have a full URL and has none, which is reported."""
    entry = scope.entry
    if entry is None or not bundle.needs_full_url:
        return False
    scope.error("bundle-full-url-missing", entry)
    return True


def _check_uuid(reference: str, path: Path, scope: Scope, bundle: BundleIndex) -> None:
    """``Practitioner/x`` beside an entry ``urn:uuid:x`` that is no Practitioner."""
    stated, _, key = reference.partition("/")
    for one in bundle.at_uuid(key):
        found = str(one.get("resourceType"))
        if found != stated:
            scope.error("reference-type-mismatch", path, ("stated", stated), ("found", found))


def _check_target(value: Json, targets: tuple[str, ...], path: Path, scope: Scope) -> None:
    stated = str(value.get("type", "")).removeprefix(FHIR)
    found = target_type(value.get("reference"), scope)
    if stated and found and stated != found:
        scope.error("reference-type-mismatch", path, ("stated", stated), ("found", found))
    allowed = allowed_types(scope.engine, targets)
    actual = found or stated
    if allowed and actual and actual not in allowed:
        scope.error("reference-target", path, ("found", actual), ("allowed", ", ".join(sorted(allowed))))


def target_check(targets: tuple[str, ...], source: str) -> Check:
    """What a profile asks of the target of a reference: its type, and its profile where the target is at hand."""
    profiles = tuple(one for one in targets if not canonical_url(one).startswith(FHIR) or not _is_base(one))

    def check(value: Any, _extra: Any, path: Path, scope: Scope) -> None:
        if type(value) is not dict:
            return
        engine = scope.engine
        reference = value.get("reference")
        stated = str(value.get("type", "")).removeprefix(FHIR)
        actual = target_type(reference, scope) or stated
        allowed = allowed_types(engine, targets)
        if allowed and actual and actual not in allowed:
            scope.error(
                "reference-target", path, ("found", actual), ("allowed", ", ".join(sorted(allowed))), source=source
            )
            return
        target = resolve(reference, scope) if type(reference) is str and profiles else None
        if target is None or (len(profiles) < len(targets) and _fits_base(engine, actual, targets)):
            return
        answers = [engine.conforms(target, actual, one, path, scope) for one in profiles]
        for canonical in [one for one, answer in zip(profiles, answers, strict=True) if answer is None]:
            reason = engine.definitions.broken.get(canonical, "")
            code = "profile-broken" if reason else "profile-unknown"
            scope.warn(code, path, ("profile", canonical), ("reason", reason), source=source)
        if not any(answers) and None not in answers:
            scope.error("reference-target-profile", path, ("profiles", ", ".join(profiles)), source=source)

    return check


def _is_base(canonical: str) -> bool:
    return canonical_url(canonical).removeprefix(FHIR).isalpha() and canonical[len(FHIR) : len(FHIR) + 1].isupper()


def _fits_base(engine: Engine, actual: str, targets: tuple[str, ...]) -> bool:
    """Whether one of the targets is the plain resource type."""
    return any(
        canonical_url(one) == FHIR + actual or canonical_url(one) == FHIR + "Resource" for one in targets
    ) and engine.schema.is_resource(actual)


def allowed_types(engine: Engine, targets: tuple[str, ...]) -> frozenset[str]:
    """Resource types that target profiles allow; empty where anything goes or a profile is unknown."""
    found = engine.target_types.get(targets)
    if found is None:
        found = engine.target_types[targets] = _types_of(engine, targets)
    return found


def _types_of(engine: Engine, targets: tuple[str, ...]) -> frozenset[str]:
    found: set[str] = set()
    for canonical in targets:
        bare = canonical_url(canonical)
        name = bare.removeprefix(FHIR)
        if bare.startswith(FHIR) and engine.schema.kind(name) == "resource":
            type_name = name
        else:
            structure = engine.definitions.structure(canonical)
            type_name = str(structure.get("type", "")) if structure else ""
        if type_name in ("", "Resource", "DomainResource"):
            return frozenset()
        found.add(type_name)
    return frozenset(found)


def target_type(reference: Any, scope: Scope) -> str:
    """Type of the target: of the resource where it is at hand, else as the URL says it; empty when unknown."""
    if type(reference) is not str:
        return ""
    resource = resolve(reference, scope)
    if resource is not None:
        return str(resource.get("resourceType", ""))
    match = _RESTFUL.fullmatch(reference)
    if match is None:
        conditional = _CONDITIONAL.fullmatch(reference)
        return reference.partition("?")[0] if conditional else ""
    type_name = match["type"]
    return type_name if scope.engine.schema.is_resource(type_name) else ""


def resolve(reference: str, scope: Scope) -> Json | None:
    """The resource a reference points to, within the contained resources and the Bundle around it."""
    if reference.startswith("#"):
        return _contained(reference[1:], scope)
    found = scope.bundle.resolve(reference, scope.full_url) if scope.bundle is not None else None
    if found is None and scope.outer is not None and scope.bundle is None:
        return _in_parameters(reference, scope)
    return found


def _contained(fragment: str, scope: Scope) -> Json | None:
    root = scope.root
    if not fragment:
        return root.resource if scope.contained else None
    if root.contained_by_id is None:
        held = root.resource.get("contained")
        named = [one for one in held if type(one) is dict] if type(held) is list else []
        root.contained_by_id = {key: one for one in reversed(named) if type(key := one.get("id")) is str}
    return root.contained_by_id.get(fragment)


def _check_in_parameters(reference: str, path: Path, scope: Scope) -> None:
    """Parameters have no full URLs: where they bring resources of a type, a reference to that type means one."""
    kind = reference.partition("/")[0]
    if kind in {str(one.get("resourceType")) for one in _parameters(scope)} and resolve(reference, scope) is None:
        scope.error("reference-dangling", path)


def _in_parameters(reference: str, scope: Scope) -> Json | None:
    """Resources in one Parameters see each other by type and id."""
    match = _RESTFUL.fullmatch(reference)
    if match is None or match["base"]:
        return None
    wanted = match["type"], match["id"]
    return next((one for one in _parameters(scope) if (one.get("resourceType"), one.get("id")) == wanted), None)


def _parameters(scope: Scope) -> Iterator[Json]:
    """Resources in the Parameters around a scope."""
    outermost = scope
    while outermost.outer is not None:
        outermost = outermost.outer
    if outermost.resource.get("resourceType") != "Parameters":
        return
    for one in outermost.resource.get("parameter", ()):
        resource = one.get("resource") if type(one) is dict else None
        if type(resource) is dict:
            yield resource
