"""RelatedPerson ↔ SupportFigure: who somebody is, and the lasting bond.

Profile: https://w3id.org/steunfiguren/fhir/StructureDefinition/SupportFigure. The extensions' shapes are described in
:class:`fhir_plugin.model.terms.Extensions`.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from fhir_plugin.errors import MappingError
from fhir_plugin.mapping import extensions as ext
from fhir_plugin.mapping.contact import ADDRESSES, TELECOMS
from fhir_plugin.mapping.json import (
    Json,
    date_of,
    instant_of,
    objects,
    period_of,
    put_claim,
    put_period,
    put_text,
    text,
)
from fhir_plugin.mapping.json import reference_of as reference
from fhir_plugin.mapping.json import reference_to_json as reference_json
from fhir_plugin.mapping.lens import ItemLens, Lens, apply_lenses, list_lens, read_lenses
from fhir_plugin.mapping.names import NAME
from fhir_plugin.mapping.relationship import RELATIONSHIP, foreign_codings
from fhir_plugin.model.carried import Carried
from fhir_plugin.model.dates import PartialDate
from fhir_plugin.model.figure import (
    Agreement,
    BondOfTrust,
    Designation,
    Engagement,
    MandateFact,
    Note,
    SupportFigure,
    VogSeen,
)
from fhir_plugin.model.identity import Identifier, Ref
from fhir_plugin.model.terms import (
    BSN_SYSTEMS,
    FIGURE_TAG,
    Adult,
    CodeSystems,
    Designator,
    Extensions,
    LifeDomain,
    Mandate,
    NoteKind,
    ParentAccord,
    Profiles,
    Supports,
)

__all__ = ["FIGURE_LENSES", "figure_from", "figure_onto", "is_complete", "is_marked_as_figure"]


def _designation(raw: Json) -> Designation | None:
    by = ext.read_code(text(ext.sub(raw, "by"), "valueCode"), Designator)
    return Designation(by=by, who=ext.ref_of(raw, "who"), on=ext.on_of(raw)) if by else None


def _bond_of_trust(raw: Json) -> BondOfTrust | None:
    confirmed = ext.flag_of(raw, "confirmed")
    return None if confirmed is None else BondOfTrust(confirmed=confirmed, on=ext.on_of(raw))


def _mandate(raw: Json) -> MandateFact | None:
    kind = ext.read_code(text(ext.sub(raw, "kind"), "valueCode"), Mandate)
    return MandateFact(kind=kind, order=ext.ref_of(raw, "order")) if kind else None


def _agreement(raw: Json) -> Agreement | None:
    found = Agreement(
        agreed=ext.flag_of(raw, "agreed"),
        on=ext.on_of(raw),
        informed_on=ext.on_of(raw, "informedOn"),
        exception=text(ext.sub(raw, "exception"), "valueString"),
    )
    return None if found == Agreement() else found


def _vog(raw: Json) -> VogSeen | None:
    seen = ext.flag_of(raw, "seen")
    return None if seen is None else VogSeen(seen=seen, on=ext.on_of(raw))


def _note(raw: Json) -> Note | None:
    written = text(ext.sub(raw, "text"), "valueString")
    kind = ext.read_code(text(ext.sub(raw, "kind"), "valueCode"), NoteKind)
    if not written or kind is None:
        return None
    moment = text(ext.sub(raw, "on"), "valueDateTime")
    return Note(text=written, kind=kind, author=ext.ref_of(raw, "author"), at=instant_of(moment) or date_of(moment))


def _moment_member(at: datetime | PartialDate | None) -> Json:
    if at is None:
        return {}
    written = at.astimezone(UTC).isoformat() if isinstance(at, datetime) else str(at)
    return {"valueDateTime": written.replace("+00:00", "Z")}


def _flag_member(value: bool | None) -> Json:
    return {} if value is None else {"valueBoolean": value}


_DESIGNATION = ext.complex_item(
    _designation,
    lambda value: {
        "by": {"valueCode": value.by.value},
        "who": ext.ref_member(value.who),
        "on": ext.date_member(value.on),
    },
)
_BOND_OF_TRUST = ext.complex_item(
    _bond_of_trust,
    lambda value: {"confirmed": _flag_member(value.confirmed), "on": ext.date_member(value.on)},
)
_MANDATE = ext.complex_item(
    _mandate,
    lambda value: {"kind": {"valueCode": value.kind.value}, "order": ext.ref_member(value.order)},
)
_AGREEMENT = ext.complex_item(
    _agreement,
    lambda value: {
        "agreed": _flag_member(value.agreed),
        "on": ext.date_member(value.on),
        "informedOn": ext.date_member(value.informed_on),
        "exception": ext.text_member(value.exception),
    },
)
_VOG = ext.complex_item(_vog, lambda value: {"seen": _flag_member(value.seen), "on": ext.date_member(value.on)})
_NOTE = ext.complex_item(
    _note,
    lambda value: {
        "kind": {"valueCode": value.kind.value},
        "author": ext.ref_member(value.author),
        "on": _moment_member(value.at),
        "text": ext.text_member(value.text),
    },
)
_PROGRAMME: ItemLens[Ref] = ItemLens(
    decode=lambda raw: reference(raw.get("valueReference")),
    encode=lambda value, base: {**(base or {}), "valueReference": reference_json(value)},
)


def _identifier(raw: Json) -> Identifier | None:
    system, value = text(raw, "system"), text(raw, "value")
    return Identifier(system=system, value=value) if system and value and system not in BSN_SYSTEMS else None


def _write_birth_date(body: Json, value: PartialDate | None) -> None:
    put_text(body, "birthDate", str(value) if value else "")


def _write_active(body: Json, value: bool) -> None:
    body["active"] = value


_E, _S = Extensions, Supports
FIGURE_LENSES: tuple[Lens[Any], ...] = (
    list_lens(
        "identifiers",
        "identifier",
        "identifier",
        ItemLens(
            _identifier,
            lambda value, base: {**(base or {}), "system": value.system, "value": value.value},
            replaces=lambda old, new: old.system == new.system,
        ),
    ),
    Lens("active", "active", lambda body: body.get("active") is not False, _write_active),
    RELATIONSHIP,
    NAME,
    TELECOMS,
    Lens("gender", "gender", lambda body: text(body, "gender"), lambda body, value: put_text(body, "gender", value)),
    Lens("birth_date", "birthDate", lambda body: date_of(body.get("birthDate")), _write_birth_date),
    ADDRESSES,
    Lens(
        "bond",
        "period",
        lambda body: period_of(body, "period"),
        lambda body, value: put_period(body, "period", value),
    ),
    ext.single_text("own_label", f"extension('{_E.OWN_LABEL}')", _E.OWN_LABEL),
    ext.repeating("designations", f"extension('{_E.DESIGNATION}')", _E.DESIGNATION, _DESIGNATION),
    ext.single("bond_of_trust", f"extension('{_E.BOND_OF_TRUST}')", _E.BOND_OF_TRUST, _BOND_OF_TRUST),
    ext.single("mandate", f"extension('{_E.MANDATE}')", _E.MANDATE, _MANDATE),
    ext.code_list("supports", f"extension('{_E.SUPPORTS}')", _E.SUPPORTS, _S),
    ext.code_list("life_domains", f"extension('{_E.LIFE_DOMAIN}')", _E.LIFE_DOMAIN, LifeDomain),
    ext.single_code("adult", f"extension('{_E.ADULT}')", _E.ADULT, Adult),
    ext.single_code("parent_accord", f"extension('{_E.PARENT_ACCORD}')", _E.PARENT_ACCORD, ParentAccord),
    ext.single("agreement", f"extension('{_E.AGREEMENT}')", _E.AGREEMENT, _AGREEMENT),
    ext.single("vog_seen", f"extension('{_E.VOG_SEEN}')", _E.VOG_SEEN, _VOG),
    ext.single("programme", f"extension('{_E.PROGRAMME}')", _E.PROGRAMME, _PROGRAMME),
    ext.repeating("notes", f"extension('{_E.NOTE}')", _E.NOTE, _NOTE),
)
"""Every element of RelatedPerson this product owns; all others belong to the EHR."""


def figure_from(
    body: Json, *, figure_id: str = "", engagement: Engagement | None = None, carry: bool = True
) -> SupportFigure:
    """The figure a RelatedPerson describes; total over any JSON object.

    Args:
        body: the RelatedPerson.
        figure_id: its id where the body has none (a ``urn:uuid:`` fullUrl).
        engagement: what a CareTeam says of them.
        carry: whether the body goes along, for what others wrote in it.
    """
    values = read_lenses(FIGURE_LENSES, body)
    relationship = values.pop(RELATIONSHIP.name)
    return SupportFigure(
        id=text(body, "id") or figure_id,
        relations=relationship.relations,
        roles=relationship.roles,
        kinds=relationship.kinds,
        unmapped=foreign_codings(body),
        engagement=engagement,
        carried=Carried(body) if carry else None,
        **values,
    )


def figure_onto(figure: SupportFigure, patient: Ref) -> Json:
    """The RelatedPerson of a figure: the body it came from with only the elements that differ rewritten.

    Raises:
        MappingError: it must be marked as a figure, and its ``meta`` has no place for that.
    """
    body: Json = figure.carried.body() if figure.carried else {"resourceType": "RelatedPerson"}
    if "patient" not in body:
        body["patient"] = reference_json(patient)
    if figure.id and not figure.id.startswith("urn:"):
        body["id"] = figure.id
    changed = apply_lenses(FIGURE_LENSES, body, figure, new=figure.carried is None)
    if changed or figure.carried is None:
        body.setdefault("active", figure.active)
        put_claim(body, Profiles.FIGURE, holds=is_complete(figure))
    if not is_marked_as_figure(body):
        _tag(body)
    return body


def _tag(body: Json) -> None:
    """Mark a body that nothing else marks any more as a figure.

    Raises:
        MappingError: its ``meta`` has another shape than FHIR gives it; nothing is put in its place.
    """
    meta = body.setdefault("meta", {})
    tags = meta.setdefault("tag", []) if isinstance(meta, dict) else None
    if not isinstance(tags, list):
        raise MappingError(
            "The record's meta has a shape that FHIR does not know.",
            code="meta-shape",
            where="RelatedPerson.meta",
            remedy="Let the EHR's manager correct it; nothing was changed.",
        )
    tags.append(dict(FIGURE_TAG))


def is_complete(figure: SupportFigure) -> bool:
    """Whether the definition's required elements are all there; only then is the profile claimed (drafts are not)."""
    return bool(
        figure.designations
        and figure.bond_of_trust
        and figure.mandate
        and figure.supports
        and (figure.own_label or not figure.name.is_empty)
    )


def is_marked_as_figure(body: Json) -> bool:
    """Whether somebody recorded this RelatedPerson as a support figure: by profile, tag, kind or our extensions."""
    meta = body.get("meta")
    profiles = meta.get("profile") if isinstance(meta, dict) else None
    if isinstance(profiles, list) and Profiles.FIGURE in profiles:
        return True
    if any(text(tag, "system") == FIGURE_TAG["system"] for tag in objects(meta, "tag")):
        return True
    concepts = objects(body, "relationship")
    if any(text(item, "system") == CodeSystems.KIND for concept in concepts for item in objects(concept, "coding")):
        return True
    return any(text(item, "url") in _OURS for item in objects(body, "extension"))


_OURS = frozenset({_E.OWN_LABEL, _E.DESIGNATION, _E.BOND_OF_TRUST, _E.MANDATE, _E.SUPPORTS})
