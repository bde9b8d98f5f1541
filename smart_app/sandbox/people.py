"""Who can sign in, and whose records there are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from fhir_plugin.model.dates import age_on, local_day
from smart_app.sandbox.auth.users import EhrUser
from smart_app.sandbox.fhir.guard import Guard
from smart_app.sandbox.fhir.interaction import Backend, Interaction
from smart_app.sandbox.fhir.outcome import FhirError, Json

__all__ = ["ChildCard", "People"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildCard:
    """What the EHR's lists and banner show of a child.

    Attributes:
        age: whole years today; None where the birth date is not fully known.
        organization: display of the managing organisation.
    """

    id: str
    name: str
    birth_date: date | None
    age: int | None
    gender: str
    organization: str


class People:
    """Users of the EHR, and the children in its store."""

    def __init__(self, backend: Backend, users: Sequence[EhrUser], clock: Callable[[], datetime]) -> None:
        self._backend = backend
        self._users = {user.id: user for user in users}
        self._clock = clock

    def users(self) -> list[EhrUser]:
        """Everyone who can sign in."""
        return list(self._users.values())

    def user(self, identity: str) -> EhrUser | None:
        """One of them."""
        return self._users.get(identity)

    def children(self) -> list[ChildCard]:
        """All children, by name."""
        found = self._backend.perform(
            Interaction(method="GET", type="Patient", params=(("_count", "500"),)), Guard.everything()
        )
        entries = (found.body or {}).get("entry", [])
        return sorted((self._card(entry["resource"]) for entry in entries), key=lambda card: card.name)

    def child(self, identity: str) -> ChildCard | None:
        """One child, or None."""
        try:
            found = self._backend.perform(Interaction(method="GET", type="Patient", id=identity), Guard.everything())
        except FhirError as error:
            if error.status in (404, 410):
                return None
            raise
        return self._card(found.body or {})

    def other_child(self, identity: str) -> str:
        """The id of another child than this one (for a fault)."""
        return next((card.id for card in self.children() if card.id != identity), identity)

    def _card(self, patient: Json) -> ChildCard:
        born = _full_date(patient.get("birthDate"))
        return ChildCard(
            id=str(patient.get("id", "")),
            name=_name(patient),
            birth_date=born,
            age=age_on(born, local_day(self._clock())) if born else None,
            gender=str(patient.get("gender", "")),
            organization=str(patient.get("managingOrganization", {}).get("display", "")),
        )


def _full_date(text: object) -> date | None:
    try:
        return date.fromisoformat(str(text))
    except ValueError:
        return None


def _name(patient: Json) -> str:
    """How people say it: the name someone goes by with the family name, else the official one."""
    names = {str(item.get("use", "")): item for item in reversed(patient.get("name", [])) if isinstance(item, dict)}
    official = names.get("official") or next(iter(names.values()), {})
    if "usual" in names and official.get("family") and names["usual"].get("given"):
        return f"{names['usual']['given'][0]} {official['family']}"
    parts = [*official.get("given", []), official.get("family", "")]
    return str(official.get("text") or " ".join(part for part in parts if part) or patient.get("id", ""))
