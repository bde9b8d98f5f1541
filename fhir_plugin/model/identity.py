"""Who someone is and how to reach them: references, codes, Dutch names, telecom, addresses.

Shapes follow nl-core-NameInformation, nl-core-ContactInformation and nl-core-AddressInformation (zib2020), reduced to
what people read and write. A repr never shows an identifier's value or a person's name: reprs end up in logs.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache

__all__ = ["Address", "Coding", "Identifier", "NameOrder", "PersonName", "Ref", "Telecom", "TelecomUse", "type_and_id"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Coding:
    """One code of a code system; ``display`` does not take part in equality (it is a rendering of the code)."""

    system: str
    code: str
    display: str = field(default="", compare=False, repr=False)

    @property
    def key(self) -> tuple[str, str]:
        """System and code, as used in sets of codes."""
        return (self.system, self.code)


@dataclass(frozen=True, slots=True, kw_only=True)
class Identifier:
    """A business identifier. The value stays out of reprs."""

    system: str
    value: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ref:
    """A literal reference to a resource (``Patient/123``), with its display where known.

    ``reference`` may be empty when only a display is known. ``display`` does not take part in equality.
    """

    reference: str = ""
    display: str = field(default="", compare=False, repr=False)

    @property
    def type(self) -> str:
        """Resource type of a relative or absolute literal reference; empty when it cannot be told."""
        return type_and_id(self.reference)[0]

    @property
    def id(self) -> str:
        """Logical id of a relative or absolute literal reference; empty when it cannot be told."""
        return type_and_id(self.reference)[1]

    @property
    def base(self) -> str:
        """Server of an absolute literal reference, without its protocol; empty for any other."""
        parts = self.reference.split("/_history/")[0].rsplit("/", 2)
        return parts[0].partition("://")[2] if len(parts) == 3 else ""

    @property
    def key(self) -> str:
        """What tells one thing from another: the logical id, else the whole reference (``urn:uuid:`` of a new one)."""
        return self.id or self.reference


@lru_cache(maxsize=4096)
def type_and_id(reference: str) -> tuple[str, str]:
    """Resource type and logical id of a literal reference, whatever its base and version; both empty if it has none."""
    parts = reference.partition("/_history/")[0].rsplit("/", 2)
    return (parts[-2], parts[-1]) if len(parts) >= 2 else ("", "")


class NameOrder(StrEnum):
    """Order of own and partner name (humanname-assembly-order; NamingSystem Naamgebruik)."""

    OWN = "NL1"
    PARTNER = "NL2"
    PARTNER_OWN = "NL3"
    OWN_PARTNER = "NL4"


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonName:
    """A Dutch person name; every part may be empty, but not all of them in a valid figure.

    Attributes:
        text: the whole name as a person wrote it; used where the parts are unknown.
        given: first names in full (qualifier BR), in order.
        initials: initials (qualifier IN) such as ``J.``, in order.
        call_name: the name someone goes by (``use`` usual, or qualifier CL).
        own_prefix: prefix (*voorvoegsel*) of the own family name: ``van der``.
        own_name: own family name without prefix.
        partner_prefix: prefix of the partner's family name.
        partner_name: the partner's family name without prefix.
        order: which of both names comes first, or None where not recorded.
    """

    text: str = field(default="", repr=False)
    given: tuple[str, ...] = field(default=(), repr=False)
    initials: tuple[str, ...] = field(default=(), repr=False)
    call_name: str = field(default="", repr=False)
    own_prefix: str = field(default="", repr=False)
    own_name: str = field(default="", repr=False)
    partner_prefix: str = field(default="", repr=False)
    partner_name: str = field(default="", repr=False)
    order: NameOrder | None = None

    @property
    def is_empty(self) -> bool:
        """Whether nothing at all is known."""
        return not (self.call_name or self.says_more_than_call_name)

    @property
    def says_more_than_call_name(self) -> bool:
        """Whether more is known than the name someone goes by."""
        return bool(self.text or self.given or self.initials or self.own_name or self.partner_name)


class TelecomUse(StrEnum):
    """Where or how a number or address is used; mobile is a use here, an extension in nl-core."""

    HOME = "home"
    WORK = "work"
    TEMP = "temp"
    MOBILE = "mobile"
    UNKNOWN = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Telecom:
    """One way to reach a person.

    Attributes:
        system: ``phone``, ``email`` or another ContactPoint.system code.
        value: the number (E.164 where it could be parsed) or the address.
        use: home, work, temp, mobile or unknown.
    """

    system: str
    value: str = field(repr=False)
    use: TelecomUse = TelecomUse.UNKNOWN


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """A postal address in Dutch parts; all optional.

    Attributes:
        house_number: digits only; ``addition`` holds letters and suffixes (``2 hoog``).
        country: name as written.
    """

    street: str = field(default="", repr=False)
    house_number: str = field(default="", repr=False)
    addition: str = field(default="", repr=False)
    postcode: str = field(default="", repr=False)
    city: str = field(default="", repr=False)
    country: str = field(default="", repr=False)
