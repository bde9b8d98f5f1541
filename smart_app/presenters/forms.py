"""What a person typed: fields, answers, and errors that say which field and what is wrong with it.

A form keeps raw answers (text as typed) until they are applied to the model, so a page can always show them back.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from hashlib import sha256
from typing import Literal, TypeVar

import phonenumbers

from fhir_plugin.model.bsn import holds_bsn, may_hold_bsn
from fhir_plugin.model.dates import PartialDate, age_on, local_day
from fhir_plugin.model.identity import Ref
from fhir_plugin.model.names import display_name
from fhir_plugin.model.network import Child, Person, Standing
from smart_app.i18n import Message, Translator, msg
from smart_app.presenters.dates import parse_date
from smart_app.presenters.words import hint, word

__all__ = [
    "ERRORS",
    "Answers",
    "Field",
    "FieldError",
    "FormContext",
    "Option",
    "Values",
    "asked_about",
    "enum_options",
    "kept_name",
    "normal",
    "seal_of",
]

Kind = Literal["text", "email", "tel", "date", "choice", "choices", "select", "area", "tick"]
Values = Mapping[str, tuple[str, ...]]
"""Raw answers by field name; several where several boxes are ticked."""
_Code = TypeVar("_Code", bound=StrEnum)
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s.]+")
MOST_TEXT = 4000

ERRORS: Mapping[str, Message] = {
    "bsn": msg("This looks like a BSN. Remove it, or say below that it is something else"),
    "code": msg("Choose one of the answers"),
    "consent-categories": msg("Choose what may be shared"),
    "consent-signers": msg("Choose who agrees with this"),
    "date": msg("Write a year, a month or a day, such as 2019, 5-2019 or 31-5-2019"),
    "date-far": msg("Choose a day within a year: then you look at it together again"),
    "date-future": msg("This date lies in the future"),
    "date-order": msg("The end lies before the beginning"),
    "date-past": msg("This date has already passed"),
    "email": msg("Write an e-mail address with an @, such as naam@voorbeeld.nl"),
    "function-first": msg("Choose what this person does. Only then can this person take part in the care"),
    "formal": msg("Choose formal: a guardian or a legal mentor is appointed by a court"),
    "name-or-label": msg("Write a name, or what the family calls this person. One of the two is enough"),
    "needs-day": msg("Write the day too, such as 31-5-2027"),
    "needs-text": msg("Write something here"),
    "phone": msg("Write a phone number, such as 06 12345678"),
    "phone-bsn": msg("This looks like a BSN. If this is a phone number, write it with 0 or +31"),
    "too-long": msg("Make this text shorter"),
    "trust-first": msg("First say whether there is a bond of trust"),
}
"""Error codes of forms and their texts."""


KEPT = "_is_no_bsn"


def kept_name(name: str) -> str:
    """The field in which somebody says of another one that the number in it is no BSN."""
    return f"{name}{KEPT}"


def seal_of(typed: str) -> str:
    """What such an answer is about: these very words, so that it never counts for other ones."""
    words = " ".join(_written(typed).split())
    return sha256(words.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def asked_about(name: str, values: Values) -> tuple[str, bool]:
    """The seal of an answer that may hold a BSN, and whether it was said to be none; an empty seal where it may not."""
    typed = " ".join(values.get(name, ()))
    seal = seal_of(typed) if may_hold_bsn(typed) else ""
    return seal, bool(seal) and seal in values.get(kept_name(name), ())


@dataclass(frozen=True, slots=True)
class FieldError:
    """What is wrong with the answer to one field; ``code`` is a key of ``ERRORS``."""

    field: str
    code: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One answer to choose."""

    value: str
    text: str
    hint: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FormContext:
    """What a form needs to know of the record and of the moment.

    Attributes:
        user: who is typing, as author of notes and judgements.
        now: an aware instant.
    """

    t: Translator
    child: Child
    people: tuple[Person, ...] = ()
    user: Ref = field(default_factory=Ref)
    now: datetime

    @property
    def today(self) -> date:
        """The day in the Netherlands."""
        return local_day(self.now)

    @property
    def age(self) -> int | None:
        """Age of the child in whole years, or None where the birth date is not fully known."""
        born = self.child.birth_date
        return age_on(born.first_day(), self.today) if born is not None and born.is_full else None

    @property
    def parents(self) -> tuple[Person, ...]:
        """Parents and legal representatives that the record names."""
        return tuple(one for one in self.people if one.standing in (Standing.PARENT, Standing.LEGAL))

    def name_of(self, ref: Ref | None) -> str:
        """Who a reference means, as far as the record tells."""
        if ref is None:
            return ""
        if ref.reference == self.child.ref.reference:
            return first_name(self.child)
        known = next((one for one in self.people if one.ref.reference == ref.reference), None)
        if known is not None:
            return display_name(known.name)
        return ref.display or (self.user.display if ref.reference == self.user.reference else "")


def first_name(child: Child) -> str:
    """What the child is called in running text: the call name, else the first given name, else the name."""
    name = child.name
    return name.call_name or next(iter(name.given), "") or display_name(name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One question.

    Attributes:
        options: the answers to choose, made for the record at hand.
        unsaid: whether a choice offers "not said yet"; not where the vocabulary has such an answer itself.
        more: stands in the folded part of its step.
        short: the answer is short; the input is drawn narrow.
    """

    name: str
    label: Message
    kind: Kind
    hint: Message | None = None
    options: Callable[[FormContext], tuple[Option, ...]] | None = None
    unsaid: bool = True
    more: bool = False
    short: bool = False


def enum_options(values: Iterable[StrEnum]) -> Callable[[FormContext], tuple[Option, ...]]:
    """Options for coded values, in their order, with plain words."""
    held = tuple(values)

    def options(context: FormContext) -> tuple[Option, ...]:
        return tuple(
            Option(value=value, text=word(value, context.t), hint=hint(value, context.t)) for value in held
        )  # fmt: skip

    return options


def normal(values: Mapping[str, Sequence[str]]) -> dict[str, tuple[str, ...]]:
    """Answers without control characters, surrounding space and empty ones; equal answers compare equal."""
    trimmed = {name: tuple(text for one in many if (text := _written(one))) for name, many in values.items()}
    return {name: many for name, many in trimmed.items() if many}


def _written(text: str) -> str:
    """A typed text as it can stand in XML and in a FHIR string (R4 §2.24.0.1), with lines that end in one way."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    return "".join(
        one for one in lines if one in "\n\t" or not (unicodedata.category(one) == "Cc" or one in "\ufffe\uffff")
    ).strip()


class Answers:
    """Reads typed answers as model values and remembers what is wrong with them."""

    def __init__(self, values: Values, context: FormContext) -> None:
        self._values = values
        self.context = context
        self.errors: list[FieldError] = []

    def fail(self, name: str, code: str) -> None:
        """Remember that an answer cannot be used."""
        self.errors.append(FieldError(name, code))

    def text(self, name: str) -> str:
        """Free text; about a number that could be a BSN the writer is asked first (L8)."""
        typed = " ".join(self._values.get(name, ())).strip()
        if len(typed) > MOST_TEXT:
            self.fail(name, "too-long")
        if may_hold_bsn(typed) and seal_of(typed) not in self._values.get(kept_name(name), ()):
            self.fail(name, "bsn")
        return typed

    def raw(self, name: str) -> tuple[str, ...]:
        """The answers as they came."""
        return self._values.get(name, ())

    def code(self, name: str, kind: type[_Code]) -> _Code | None:
        """One coded value, or None where nothing was chosen."""
        return next(iter(self.codes(name, kind)), None)

    def codes(self, name: str, kind: type[_Code]) -> tuple[_Code, ...]:
        """Coded values in the order of their vocabulary."""
        chosen = set(self._values.get(name, ()))
        if not chosen <= set(kind):
            self.fail(name, "code")
        return tuple(value for value in kind if value in chosen)

    def yes_no(self, name: str) -> bool | None:
        """Yes, no, or None where nothing was chosen."""
        chosen = next(iter(self._values.get(name, ())), "")
        if chosen not in ("", "yes", "no"):
            self.fail(name, "code")
        return {"yes": True, "no": False}.get(chosen)

    def date(self, name: str, *, past: bool = False) -> PartialDate | None:
        """A partial date; ``past`` refuses one that lies wholly in the future."""
        typed = " ".join(self._values.get(name, ())).strip()
        if not typed:
            return None
        try:
            found = parse_date(typed)
        except ValueError:
            self.fail(name, "date")
            return None
        if past and found.first_day() > self.context.today:
            self.fail(name, "date-future")
        return found

    def phone(self, name: str) -> str:
        """A phone number as E.164, read as a Dutch one unless it says otherwise; empty where there is none."""
        typed = " ".join(self._values.get(name, ())).strip()
        if not typed:
            return ""
        number = _phone_number(typed)
        if number is None:
            fault = "phone-bsn" if holds_bsn(typed) and typed[0] not in "0+" else "phone"
            self.fail(name, fault)
            return typed
        return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)

    def email(self, name: str) -> str:
        """An e-mail address, checked for its shape only."""
        typed = self.text(name)
        if typed and not _EMAIL.fullmatch(typed):
            self.fail(name, "email")
        return typed


def _phone_number(typed: str) -> phonenumbers.PhoneNumber | None:
    """The number that can be dialled; never one read from letters, nor nine digits that may be a BSN."""
    if holds_bsn(typed) or any(one.isalpha() for one in typed):
        return None
    try:
        number = phonenumbers.parse(typed, "NL")
    except phonenumbers.NumberParseException:
        return None
    return number if phonenumbers.is_valid_number(number) else None
