"""The phases of a launch as values.

``PendingLaunch`` → ``LaunchFacts`` and ``Tokens`` at rest → ``ActiveLaunch`` in a request. What is read back from the
store is checked against the type it claims to be: a value of an older or newer shape is refused instead of half
understood.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Hashable
from dataclasses import dataclass, field, fields
from enum import StrEnum
from functools import cache
from typing import Any, TypeVar, cast, get_args, get_origin, get_type_hints

import orjson

from fhir_plugin.ehr.client import FhirClient
from fhir_plugin.errors import StoreError
from fhir_plugin.texts import Language
from smart_app.launch.scopes import Lack, lacking
from smart_app.settings import Issuer

__all__ = [
    "ActiveLaunch",
    "Begun",
    "Completed",
    "LaunchFacts",
    "LaunchUser",
    "PendingLaunch",
    "Tokens",
    "UserKind",
    "dump",
    "load",
]

T = TypeVar("T")


class UserKind(StrEnum):
    """What the ``fhirUser`` of a launch may be (App Launch 2.2, *fhirUser*); ``unknown`` is our own word."""

    PRACTITIONER = "Practitioner"
    PRACTITIONER_ROLE = "PractitionerRole"
    PATIENT = "Patient"
    RELATED_PERSON = "RelatedPerson"
    PERSON = "Person"
    UNKNOWN = "unknown"

    @property
    def is_professional(self) -> bool:
        """Whether this is somebody who works in care."""
        return self in (UserKind.PRACTITIONER, UserKind.PRACTITIONER_ROLE)


@dataclass(frozen=True, slots=True, kw_only=True)
class LaunchUser:
    """Who is at the screen, as the verified id_token says.

    Attributes:
        reference: relative FHIR reference (``Practitioner/12``); empty when the EHR does not say.
        kind: type of that reference.
        name: ``name`` claim, for the screen only.
        subject: ``sub`` claim, which a refreshed id_token must repeat.
    """

    reference: str = ""
    kind: UserKind = UserKind.UNKNOWN
    name: str = field(default="", repr=False)
    subject: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingLaunch:
    """Between the redirect to the EHR and its answer; read once.

    Attributes:
        issuer_key: which EHR may answer.
        code_verifier: PKCE secret (RFC 7636).
        nonce: for the id_token.
        redirect_uri: exactly as sent.
        scopes: as asked.
        launch: the EHR's opaque launch value; empty at a standalone launch.
        language: what the person chose, if anything.
    """

    issuer_key: str
    code_verifier: str = field(repr=False)
    nonce: str = field(repr=False)
    redirect_uri: str
    scopes: tuple[str, ...]
    launch: str = field(default="", repr=False)
    language: Language | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """A launch on its way, with the secret that ties its state to one browser."""

    state: str = field(repr=False)
    secret: str = field(repr=False)
    pending: PendingLaunch


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """What the token endpoint gave.

    Attributes:
        access: bearer token; opaque.
        expires_at: Unix time, or None where the EHR does not say.
        refresh: refresh token, or empty.
    """

    access: str = field(repr=False)
    expires_at: float | None = None
    refresh: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class LaunchFacts:
    """What a completed launch established; nothing in it changes until it ends.

    Attributes:
        id: random, in the path of every page of this launch.
        issuer_key: the EHR.
        patient_id: id of the Patient on the EHR.
        user: who is at the screen.
        scopes: granted.
        requested_scopes: asked.
        encounter_id: from the context, or empty.
        fhir_context: other references in context (App Launch 2.2, *fhirContext*), as ``role reference`` pairs.
        need_patient_banner: whether we must show who the patient is; absent means yes.
        intent: EHR's hint, or empty.
        smart_style_url: where the EHR's look is described, or empty.
        tenant: opaque.
        language: language of the pages.
        by_backend: whether data come with a token of the app's own (Koppeltaal).
        created_at: Unix time.
    """

    id: str
    issuer_key: str
    patient_id: str = field(repr=False)
    user: LaunchUser
    scopes: tuple[str, ...] = ()
    requested_scopes: tuple[str, ...] = ()
    encounter_id: str = field(default="", repr=False)
    fhir_context: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    need_patient_banner: bool = True
    intent: str = ""
    smart_style_url: str = ""
    tenant: str = field(default="", repr=False)
    language: Language = "nl"
    by_backend: bool = False
    created_at: float = 0.0

    @property
    def lacking(self) -> tuple[Lack, ...]:
        """What a partial grant leaves out."""
        return lacking(self.requested_scopes, self.scopes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Completed:
    """A launch that was just completed, with the new secret that its browser gets."""

    facts: LaunchFacts
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ActiveLaunch(LaunchFacts):
    """A launch within one request: ``flask.g.launch``.

    Attributes:
        issuer: settings of the EHR.
        ehr: FHIR client that holds this launch's token and renews it.
        aside: the same for what the user did not ask for (the audit trail): a refusal of it renews and ends nothing.
        watch: sees with access of the app's own whether a safety block is on; None where it has no such access.
        csrf_token: for every form of this launch.
    """

    issuer: Issuer
    ehr: FhirClient = field(repr=False, compare=False)
    aside: FhirClient = field(repr=False, compare=False)
    watch: FhirClient | None = field(default=None, repr=False, compare=False)
    csrf_token: str = field(default="", repr=False)

    @classmethod
    def of(
        cls,
        facts: LaunchFacts,
        *,
        issuer: Issuer,
        ehr: FhirClient,
        aside: FhirClient,
        watch: FhirClient | None = None,
        csrf_token: str,
    ) -> ActiveLaunch:
        """The facts with what this request needs to act on them."""
        values = {item.name: getattr(facts, item.name) for item in fields(LaunchFacts)}
        return cls(**values, issuer=issuer, ehr=ehr, aside=aside, watch=watch, csrf_token=csrf_token)


def dump(value: object) -> bytes:
    """Write a phase for the store."""
    return orjson.dumps({"type": type(value).__name__, "value": value})


def load(cls: type[T], data: bytes) -> T:
    """Read a phase back, checked against its type.

    Raises:
        StoreError: it is of another type, a field is missing or unknown, or a value has the wrong type.
    """
    try:
        document = orjson.loads(data)
        values = document["value"] if document["type"] == cls.__name__ else None
        return _built(cls, values)
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError, AttributeError) as error:
        message = "A stored launch has another shape than this version knows."
        raise StoreError(message, code="store-shape", remedy="Open the app again from the record.") from error


@cache
def _hints(cls: Hashable) -> dict[str, Any]:
    return get_type_hints(cls)


def _built(cls: type[T], values: Any) -> T:
    hints = _hints(cast("Hashable", cls))
    return cls(**{name: _checked(hints[name], value) for name, value in values.items()})


def _checked(hint: Any, value: Any) -> Any:
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (typing.Union, types.UnionType):
        return None if value is None else _checked(next(item for item in arguments if item is not type(None)), value)
    if origin is typing.Literal:
        if value in arguments:
            return value
        raise TypeError(hint)
    if origin is tuple:
        return _checked_tuple(arguments, value)
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        return hint(value)
    if hasattr(hint, "__dataclass_fields__"):
        return _built(hint, value)
    accepted = (int, float) if hint is float else hint
    if not isinstance(value, accepted) or (isinstance(value, bool) and hint is not bool):
        raise TypeError(hint)
    return value


def _checked_tuple(arguments: tuple[Any, ...], value: Any) -> tuple[Any, ...]:
    if not isinstance(value, list):
        raise TypeError(value)
    if len(arguments) == 2 and arguments[1] is Ellipsis:
        return tuple(_checked(arguments[0], item) for item in value)
    if len(arguments) != len(value):
        raise TypeError(value)
    return tuple(_checked(hint, item) for hint, item in zip(arguments, value, strict=True))
