"""How Dutch names are taken apart, put together and sorted."""

from __future__ import annotations

import unicodedata

from fhir_plugin.model.identity import NameOrder, PersonName

__all__ = ["display_name", "family_name", "formal_name", "sort_key", "split_prefix"]

_PREFIX_WORDS = frozenset(
    {
        "'s", "'t", "aan", "aen", "af", "am", "auf", "aus", "bij", "bin", "da", "dal", "das", "de", "degli", "del",
        "della", "den", "der", "des", "deze", "di", "do", "don", "dos", "du", "een", "el", "het", "i", "im", "in",
        "la", "las", "le", "les", "lo", "los", "o'", "of", "onder", "op", "over", "te", "ten", "ter", "tho", "thoe",
        "thor", "to", "toe", "tot", "uijt", "uit", "unter", "van", "ver", "vom", "von", "voor", "vor", "zu", "zum",
        "zur", "ibn", "ben", "d'", "l'",
    }
)  # fmt: skip
"""Words that stand before a Dutch family name (Landelijke Tabel 36, Voorvoegsels, as single words)."""


def split_prefix(family: str) -> tuple[str, str]:
    """Take the prefix (*voorvoegsel*) off a family name: ``van der Berg`` → (``van der``, ``Berg``).

    A double name with a hyphen is not taken apart: which half is the partner's cannot be seen from the text.
    """
    words = family.split(" ")
    count = 0
    while count < len(words) - 1 and words[count].lower() in _PREFIX_WORDS:
        count += 1
    if count == 0 or any(word == "" for word in words):
        return "", family
    return " ".join(words[:count]), " ".join(words[count:])


def family_name(name: PersonName) -> str:
    """The family name in full, in the order the person uses (NL1–NL4; own name first where not recorded)."""
    own = _joined(name.own_prefix, name.own_name)
    partner = _joined(name.partner_prefix, name.partner_name)
    match name.order:
        case NameOrder.OWN:
            return own or partner
        case NameOrder.PARTNER:
            return partner or own
        case NameOrder.PARTNER_OWN:
            return "-".join(part for part in (partner, own) if part)
        case _:
            return "-".join(part for part in (own, partner) if part)


def display_name(name: PersonName) -> str:
    """The name as people say it: call name or first names (else initials) and family name; else the text."""
    first = name.call_name or " ".join(name.given) or "".join(name.initials)
    spoken = _joined(first, family_name(name))
    return spoken if spoken and (name.own_name or name.partner_name or not name.text) else name.text or spoken


def formal_name(name: PersonName) -> str:
    """The name as a letter writes it: initials, family name, and the call name in brackets."""
    initials = "".join(name.initials) or "".join(f"{given[0]}." for given in name.given if given)
    written = _joined(initials, family_name(name))
    if not written:
        return name.text or name.call_name
    return f"{written} ({name.call_name})" if name.call_name else written


def sort_key(name: PersonName) -> tuple[str, str, str]:
    """Key for sorting as Dutch people do: by the family name without its prefix, then prefix, then first name."""
    partner_first = name.order in (NameOrder.PARTNER, NameOrder.PARTNER_OWN) and name.partner_name
    family = name.partner_name if partner_first else name.own_name or name.partner_name
    prefix = name.partner_prefix if partner_first else name.own_prefix
    first = name.call_name or " ".join(name.given) or "".join(name.initials)
    return folded(family or name.text or first), folded(prefix), folded(first)


def folded(value: str) -> str:
    """Lower case without accents, for comparing and sorting."""
    if value.isascii():
        return value.casefold()
    decomposed = unicodedata.normalize("NFKD", value)
    return "".join(char for char in decomposed if not unicodedata.combining(char)).casefold()


def _joined(first: str, second: str) -> str:
    if first.endswith(("'", "’")) and second:
        return first + second
    return " ".join(part for part in (first, second) if part)
