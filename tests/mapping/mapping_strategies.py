"""Generated networks: every element of the definition, present or absent, in any combination."""

from __future__ import annotations

import string
from datetime import UTC, datetime

from hypothesis import strategies as st

from fhir_plugin.model.dates import PartialDate, Period
from fhir_plugin.model.figure import (
    Agreement,
    BondOfTrust,
    Designation,
    Engagement,
    MandateFact,
    Note,
    SupportFigure,
    Tie,
    VogSeen,
)
from fhir_plugin.model.identity import Address, Coding, Identifier, NameOrder, PersonName, Ref, Telecom, TelecomUse
from fhir_plugin.model.network import Child, SupportNetwork, Team
from fhir_plugin.model.safety import SafetyBlock
from fhir_plugin.model.terms import (
    ROL_NICTIZ,
    ROL_VEKTIS,
    SNOMED,
    V3_ROLE_CODE,
    Adult,
    BondKind,
    Context,
    Designator,
    Function,
    Involvement,
    LifeDomain,
    Mandate,
    NetworkRing,
    NoteKind,
    ParentAccord,
    Supports,
    TieQuality,
)

words = st.text(alphabet=string.ascii_letters + "éëïöüÉ'’- ", min_size=1, max_size=12).map(str.strip).filter(bool)
codes = st.text(alphabet=string.ascii_lowercase + string.digits, min_size=1, max_size=8)
ids = st.text(alphabet=string.ascii_letters + string.digits + "-.", min_size=1, max_size=16)
days = st.dates(min_value=datetime(1930, 1, 1).date(), max_value=datetime(2035, 12, 31).date()).map(PartialDate.of)
dates = st.one_of(
    days,
    st.builds(PartialDate, st.integers(1930, 2035)),
    st.builds(PartialDate, st.integers(1930, 2035), st.integers(1, 12)),
)
maybe_date = st.none() | dates
periods = st.builds(Period, start=maybe_date, end=maybe_date)
patient_refs = st.just(Ref(reference="Patient/p"))
refs = st.one_of(patient_refs, ids.map(lambda value: Ref(reference=f"RelatedPerson/{value}")))
orders = st.none() | st.sampled_from(NameOrder)


def some(enum: object, *, least: int = 0) -> st.SearchStrategy[tuple]:
    return st.lists(st.sampled_from(list(enum)), min_size=least, max_size=3, unique=True).map(tuple)


def tuples(values: st.SearchStrategy, *, most: int = 3) -> st.SearchStrategy[tuple]:
    return st.lists(values, max_size=most, unique=True).map(tuple)


names = st.builds(
    PersonName,
    text=st.just("") | words,
    given=st.lists(words, max_size=2).map(tuple),
    initials=st.lists(st.sampled_from(["J.", "P.", "Th.", "IJ."]), max_size=3).map(tuple),
    call_name=st.just("") | words,
    own_prefix=st.sampled_from(["", "van", "van der", "'t", "de"]),
    own_name=words,
    partner_prefix=st.sampled_from(["", "van", "op de"]),
    partner_name=st.just("") | words,
    order=orders,
) | st.builds(PersonName, text=st.just("") | words, call_name=st.just("") | words)
telecoms = st.builds(Telecom, system=st.sampled_from(["phone", "email"]), value=words, use=st.sampled_from(TelecomUse))
addresses = st.builds(
    Address,
    street=words,
    house_number=st.just("") | st.integers(1, 9999).map(str),
    addition=st.sampled_from(["", "a", "2 hoog", "bis"]),
    postcode=st.sampled_from(["", "1012 NX"]),
    city=st.just("") | words,
    country=st.sampled_from(["", "Nederland"]),
)
relations = st.sampled_from(["AUNT", "UNCLE", "GRMTH", "SIS", "COUSN"]).map(
    lambda code: Coding(system=V3_ROLE_CODE, code=code)
)
roles = st.one_of(
    st.sampled_from(["01", "09", "19", "20", "23"]).map(lambda code: Coding(system=ROL_VEKTIS, code=code)),
    st.just(Coding(system=ROL_NICTIZ, code="100001")),
)
access_roles = st.sampled_from(["407542009", "125677006", "62071000"]).map(
    lambda code: Coding(system=SNOMED, code=code)
)
designations = st.builds(Designation, by=st.sampled_from(Designator), who=st.none() | refs, on=maybe_date)
agreements = st.builds(
    Agreement,
    agreed=st.none() | st.booleans(),
    on=maybe_date,
    informed_on=maybe_date,
    exception=st.just("") | words,
).filter(lambda value: value != Agreement())
moments = st.datetimes(min_value=datetime(2000, 1, 1), max_value=datetime(2035, 1, 1), timezones=st.just(UTC))
notes = st.builds(
    Note, text=words, kind=st.sampled_from(NoteKind), author=st.none() | refs, at=st.none() | moments | dates
)
ties = st.builds(
    Tie,
    ring=st.none() | st.sampled_from(NetworkRing),
    quality=st.sampled_from(TieQuality),
    by=st.none() | refs,
    on=maybe_date,
)
engagements = st.builds(
    Engagement,
    functions=some(Function),
    involvement=some(Involvement),
    contexts=some(Context),
    period=periods,
    access_roles=tuples(access_roles, most=2),
)


def _in_order(values: list[Tie]) -> tuple[Tie, ...]:
    return tuple(sorted(values, key=lambda tie: tie.on.first_day().toordinal() if tie.on else 0))


identifiers = st.builds(Identifier, system=codes.map(lambda value: f"https://example.org/{value}"), value=codes)
figures = st.builds(
    SupportFigure,
    id=ids,
    identifiers=tuples(identifiers),
    own_label=st.just("") | words,
    name=names,
    gender=st.sampled_from(["", "female", "male", "other", "unknown"]),
    birth_date=maybe_date,
    telecoms=tuples(telecoms),
    addresses=tuples(addresses, most=2),
    relations=tuples(relations, most=2),
    roles=tuples(roles, most=2),
    kinds=some(BondKind),
    bond=periods,
    active=st.booleans(),
    designations=st.lists(designations, max_size=3).map(tuple),
    bond_of_trust=st.none() | st.builds(BondOfTrust, confirmed=st.booleans(), on=maybe_date),
    mandate=st.none() | st.builds(MandateFact, kind=st.sampled_from(Mandate), order=st.none() | refs),
    supports=some(Supports),
    life_domains=some(LifeDomain),
    adult=st.none() | st.sampled_from(Adult),
    parent_accord=st.none() | st.sampled_from(ParentAccord),
    agreement=st.none() | agreements,
    vog_seen=st.none() | st.builds(VogSeen, seen=st.booleans(), on=maybe_date),
    programme=st.none() | st.just(Ref(reference="Organization/jim")),
    notes=st.lists(notes, max_size=2).map(tuple),
    engagement=st.none() | engagements,
    ties=st.lists(ties, max_size=3, unique=True).map(_in_order),
)
children = st.builds(
    Child,
    id=st.just("p"),
    name=names,
    birth_date=maybe_date,
    gender=st.sampled_from(["", "female", "male"]),
    deceased=st.booleans(),
)
blocks = st.builds(
    SafetyBlock,
    id=ids,
    active=st.booleans(),
    period=periods,
    by=st.none() | refs,
    why=st.just("") | words,
    lifted_why=st.just("") | words,
)
networks = st.builds(
    SupportNetwork,
    child=children,
    safety_blocks=st.lists(blocks, max_size=2, unique_by=lambda block: block.id).map(tuple),
    figures=st.lists(figures, max_size=4, unique_by=lambda figure: figure.id).map(tuple),
    team=st.builds(
        Team,
        id=st.just("t"),
        status=st.sampled_from(["active", "inactive"]),
        name=st.just("") | words,
        contexts=some(Context),
        period=periods,
    ),
)
