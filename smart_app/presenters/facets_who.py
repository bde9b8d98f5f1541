"""Who the figure is: own label, name, relation, adult, contact details."""

from __future__ import annotations

from dataclasses import replace

import phonenumbers

from fhir_plugin.model.figure import SupportFigure
from fhir_plugin.model.identity import Coding, NameOrder, PersonName, Telecom, TelecomUse
from fhir_plugin.model.names import display_name, split_prefix
from fhir_plugin.model.terms import ROL_NICTIZ, ROL_VEKTIS, Adult
from smart_app.i18n import msg
from smart_app.presenters.facets import Facet, some
from smart_app.presenters.forms import Answers, Field, FormContext, Option, enum_options
from smart_app.presenters.words import RELATION_CHOICES, coding_word, joined, word

__all__ = ["ADULT", "CONTACT", "LABEL", "NAME", "RELATION", "phone_text"]


def _read_name(figure: SupportFigure) -> dict[str, tuple[str, ...]]:
    name = figure.name
    own = " ".join(part for part in (name.own_prefix, name.own_name) if part)
    partner = " ".join(part for part in (name.partner_prefix, name.partner_name) if part)
    known = name.call_name or name.given or name.initials or own or partner
    return some(
        first_name=name.call_name or " ".join(name.given) or ("" if known else name.text),
        family_name=own,
        given_names=" ".join(name.given) if name.call_name else "",
        initials="".join(name.initials),
        partner_name=partner,
        name_order=name.order or "",
    )


def _write_name(figure: SupportFigure, answers: Answers) -> SupportFigure:
    own_prefix, own_name = split_prefix(answers.text("family_name"))
    partner_prefix, partner_name = split_prefix(answers.text("partner_name"))
    name = PersonName(
        call_name=answers.text("first_name"),
        given=tuple(answers.text("given_names").split()),
        initials=tuple(f"{one}." for one in answers.text("initials").replace(".", " ").split()),
        own_prefix=own_prefix,
        own_name=own_name,
        partner_prefix=partner_prefix,
        partner_name=partner_name,
        order=answers.code("name_order", NameOrder),
    )
    return replace(figure, name=name)


LABEL = Facet(
    name="label",
    title=msg("What the family calls this person"),
    fields=(
        Field(
            name="own_label",
            label=msg("What do you call this person?"),
            kind="text",
            hint=msg("The family's own word, such as “Auntie Sam” or “coach”. It comes first everywhere."),
        ),
    ),
    read=lambda figure: some(own_label=figure.own_label),
    write=lambda figure, answers: replace(figure, own_label=answers.text("own_label")),
    show=lambda figure, _context: figure.own_label,
)

NAME = Facet(
    name="name",
    title=msg("Name"),
    fields=(
        Field(name="first_name", label=msg("First name"), kind="text"),
        Field(
            name="family_name",
            label=msg("Family name"),
            kind="text",
            hint=msg("With the prefix in front, such as “van der Berg”."),
        ),
        Field(name="given_names", label=msg("Official first names"), kind="text", more=True),
        Field(name="initials", label=msg("Initials"), kind="text", more=True, short=True),
        Field(name="partner_name", label=msg("Partner's family name"), kind="text", more=True),
        Field(
            name="name_order",
            label=msg("Which name comes first?"),
            kind="select",
            options=enum_options((NameOrder.OWN, NameOrder.PARTNER, NameOrder.PARTNER_OWN, NameOrder.OWN_PARTNER)),
            more=True,
        ),
    ),
    read=_read_name,
    write=_write_name,
    show=lambda figure, _context: display_name(figure.name),
)


def _relation_options(context: FormContext) -> tuple[Option, ...]:
    return tuple(
        Option(value=f"{system}|{code}", text=context.t(message))
        for (system, code), message in RELATION_CHOICES.items()
    )  # fmt: skip


def _first_relation(figure: SupportFigure) -> Coding | None:
    return next((one for one in (*figure.relations, *figure.roles) if one.key in RELATION_CHOICES), None)


def _read_relation(figure: SupportFigure) -> dict[str, tuple[str, ...]]:
    first = _first_relation(figure)
    return some(relation=f"{first.system}|{first.code}" if first else "")


def _write_relation(figure: SupportFigure, answers: Answers) -> SupportFigure:
    """Put the chosen relation in the place of the one that was shown; further ones stay."""
    chosen = next(iter(answers.raw("relation")), "")
    system, _, code = chosen.rpartition("|")
    if chosen and (system, code) not in RELATION_CHOICES:
        answers.fail("relation", "code")
        return figure
    old = _first_relation(figure)
    relations = tuple(one for one in figure.relations if one != old)
    roles = tuple(one for one in figure.roles if one != old)
    if not chosen:
        return replace(figure, relations=relations, roles=roles)
    coding = Coding(system=system, code=code)
    if system in (ROL_VEKTIS, ROL_NICTIZ):
        return replace(figure, relations=relations, roles=(coding, *(one for one in roles if one != coding)))
    return replace(figure, relations=(coding, *(one for one in relations if one != coding)), roles=roles)


RELATION = Facet(
    name="relation",
    title=msg("Relation"),
    fields=(Field(name="relation", label=msg("What is the relation?"), kind="select", options=_relation_options),),
    read=_read_relation,
    write=_write_relation,
    show=lambda figure, context: joined(
        [coding_word(one, context.t) for one in (*figure.relations, *figure.roles)], context.t
    ),
)

ADULT = Facet(
    name="adult",
    title=msg("An adult"),
    fields=(
        Field(
            name="adult",
            label=msg("Is this person an adult?"),
            kind="choice",
            hint=msg("A birth date is not needed."),
            unsaid=False,
            options=enum_options(Adult),
        ),
    ),
    read=lambda figure: some(adult=figure.adult or ""),
    write=lambda figure, answers: replace(figure, adult=answers.code("adult", Adult)),
    show=lambda figure, context: word(figure.adult, context.t) if figure.adult else "",
)


def _held(figure: SupportFigure, system: str) -> Telecom | None:
    return next((one for one in figure.telecoms if one.system == system), None)


def phone_text(value: str) -> str:
    """A phone number as people in the Netherlands write it."""
    try:
        number = phonenumbers.parse(value, "NL")
    except phonenumbers.NumberParseException:
        return value
    style = phonenumbers.PhoneNumberFormat
    return phonenumbers.format_number(number, style.NATIONAL if number.country_code == 31 else style.INTERNATIONAL)


def _read_contact(figure: SupportFigure) -> dict[str, tuple[str, ...]]:
    phone, email = _held(figure, "phone"), _held(figure, "email")
    return some(phone=phone_text(phone.value) if phone else "", email=email.value if email else "")


def _write_contact(figure: SupportFigure, answers: Answers) -> SupportFigure:
    """Replace the first number and the first address; further ones stay."""
    telecoms = list(figure.telecoms)
    for system, value in (("phone", answers.phone("phone")), ("email", answers.email("email"))):
        old = _held(figure, system)
        if old is not None and value in (old.value, phone_text(old.value)):
            continue
        new = Telecom(system=system, value=value, use=_use(value) if system == "phone" else TelecomUse.UNKNOWN)
        place = telecoms.index(old) if old is not None else len(telecoms)
        telecoms[place : place + (old is not None)] = [new] if value else []
    return replace(figure, telecoms=tuple(telecoms))


def _use(value: str) -> TelecomUse:
    try:
        number = phonenumbers.parse(value, "NL")
    except phonenumbers.NumberParseException:
        return TelecomUse.UNKNOWN
    mobile = phonenumbers.number_type(number) == phonenumbers.PhoneNumberType.MOBILE
    return TelecomUse.MOBILE if mobile else TelecomUse.UNKNOWN


CONTACT = Facet(
    name="contact",
    title=msg("Contact details"),
    fields=(
        Field(name="phone", label=msg("Phone number"), kind="tel"),
        Field(name="email", label=msg("E-mail address"), kind="email"),
    ),
    read=_read_contact,
    write=_write_contact,
    show=lambda figure, _context: ", ".join(
        phone_text(one.value) if one.system == "phone" else one.value for one in figure.telecoms
    ),
)
