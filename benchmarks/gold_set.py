"""A gold set of pairs with a known truth, made without looking at how the matcher works.

Clients with a few people around them, as records hold them, and rows as another list has them: initials, married
names, call names, typing errors, numbers that are missing, new or shared by a household, birth dates that are unknown.
Families are in it on purpose: brothers and sisters with one name, one letter and one telephone.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from faker import Faker

from fhir_plugin.model.dates import PartialDate
from fhir_plugin.model.figure import SupportFigure
from fhir_plugin.model.identity import PersonName, Telecom
from fhir_plugin.sync.matching.match import match

CALLED = {
    "Johanna": ("Joke", "Hanneke", "Annie", "Jo"),
    "Johannes": ("Jan", "Hans", "Joop"),
    "Maria": ("Ria", "Mieke", "Mia"),
    "Hendrik": ("Henk", "Hein"),
    "Cornelis": ("Kees", "Cor"),
    "Wilhelmina": ("Willy", "Mien"),
    "Pieter": ("Piet", "Peer"),
    "Elisabeth": ("Els", "Bep", "Liesbeth"),
    "Antonius": ("Ton", "Toon"),
    "Mohammed": ("Mo", "Simo"),
    "Catharina": ("Toos", "Karin", "Cato"),
    "Gerardus": ("Gerard", "Ger"),
    "Fatima": ("Fati", "Fatma"),
    "Theodorus": ("Theo", "Door"),
    "Alexandra": ("Sandra", "Lexie"),
    "Christina": ("Stien", "Chris"),
    "Robert": ("Rob", "Bob"),
    "Jacobus": ("Jaap", "Koos"),
    "Willem": ("Wim", "Pim"),
    "Bernadette": ("Detje", "Berna"),
}
"""Call names as people use them; some are in no table of ours."""
PREFIXES = ("", "", "", "de", "van", "van der", "van den")


@dataclass(frozen=True)
class Pair:
    """A row, those the record knows, and who of them it is (None: somebody new)."""

    row: SupportFigure
    held: tuple[SupportFigure, ...]
    truth: SupportFigure | None
    spoiled: str


@dataclass
class Score:
    """How many pairs were linked, wrongly linked, could have been."""

    linked: int = 0
    wrong: int = 0
    possible: int = 0

    @property
    def precision(self) -> float:
        """Share of the links that are right."""
        return (self.linked - self.wrong) / self.linked if self.linked else 1.0

    @property
    def recall(self) -> float:
        """Share of the people the record knows that were linked to themselves."""
        return (self.linked - self.wrong) / self.possible if self.possible else 1.0


def scored(pairs: Iterable[Pair]) -> dict[str, Score]:
    """The score by kind of spoiling, and of all together."""
    scores: dict[str, Score] = {}
    for pair in pairs:
        found = match(pair.row, (), pair.held).figure
        for name in (pair.spoiled, "all"):
            score = scores.setdefault(name, Score())
            score.possible += pair.truth is not None
            score.linked += found is not None
            score.wrong += found is not None and found != pair.truth
    return scores


def gold_set(clients: int, seed: int) -> Iterator[Pair]:
    """One pair for each client."""
    rng = random.Random(seed)
    fake = Faker("nl_NL")
    fake.seed_instance(seed)
    for number in range(clients):
        held = tuple(_household(rng, fake, number))
        if rng.random() < 0.8:
            truth = rng.choice(held)
            row, spoiled = _spoiled(rng, truth)
            yield Pair(row, held, truth, spoiled)
        else:
            yield Pair(_stranger(rng, fake, held), held, None, "somebody new")


def _household(rng: random.Random, fake: Faker, number: int) -> Iterator[SupportFigure]:
    """Four people, of whom some are family of each other: the same name, and often the same telephone."""
    family = (rng.choice(PREFIXES), fake.last_name().split()[-1])
    phone, mail = f"+3120{rng.randrange(1000000, 9999999)}", f"familie{number}@mail.example"
    for index in range(4):
        related = index < 2 and rng.random() < 0.5
        prefix, own = family if related else (rng.choice(PREFIXES), fake.last_name().split()[-1])
        first = rng.choice([*CALLED]) if rng.random() < 0.5 else fake.first_name().split()[0]
        telecoms = [Telecom(system="phone", value=phone)] if rng.random() < (0.7 if related else 0.1) else []
        if not telecoms or rng.random() < 0.5:
            telecoms.append(Telecom(system="phone", value=f"+316{rng.randrange(10000000, 99999999)}"))
        if rng.random() < 0.85:
            shared = related and rng.random() < 0.3
            telecoms.append(Telecom(system="email", value=mail if shared else f"p{number}.{index}@mail.example"))
        born = PartialDate(rng.randrange(1950, 2004), rng.randrange(1, 13), rng.randrange(1, 29))
        yield SupportFigure(
            id=f"{number}-{index}",
            name=PersonName(given=(first,), own_prefix=prefix, own_name=own),
            telecoms=tuple(telecoms),
            birth_date=born if rng.random() < 0.8 else None,
        )


def _stranger(rng: random.Random, fake: Faker, held: tuple[SupportFigure, ...]) -> SupportFigure:
    """Somebody the record does not know: at worst a brother or partner with the same name and telephone."""
    near = rng.choice(held)
    first = fake.first_name().split()[0]
    while first == near.name.given[0]:
        first = fake.first_name().split()[0]
    family = rng.random() < 0.5
    name = PersonName(
        given=(first,),
        own_prefix=near.name.own_prefix if family else "",
        own_name=near.name.own_name if family else fake.last_name().split()[-1],
    )
    telecoms = near.telecoms[:1] if rng.random() < 0.6 else ()
    born = PartialDate(rng.randrange(1950, 2004), rng.randrange(1, 13), rng.randrange(1, 29))
    return SupportFigure(name=name, telecoms=telecoms, birth_date=born if rng.random() < 0.6 else None)


def _spoiled(rng: random.Random, figure: SupportFigure) -> tuple[SupportFigure, str]:
    name, kind = figure.name, "as it is"
    given, draw = name.given[0], rng.random()
    if draw < 0.2:
        name, kind = replace(name, given=(), initials=(f"{given[0]}.",)), "initials"
    elif draw < 0.35:
        name, kind = replace(name, partner_prefix=rng.choice(PREFIXES), partner_name="Vermeulen"), "married name"
    elif draw < 0.5 and given in CALLED:
        name, kind = replace(name, given=(rng.choice(CALLED[given]),)), "call name"
    elif draw < 0.56:
        name, kind = replace(name, own_name=_mistyped(rng, name.own_name)), "typing error in the name"
    elif draw < 0.6:
        name, kind = replace(name, given=(_mistyped(rng, given),)), "typing error in the first name"
    telecoms = tuple(item for item in figure.telecoms if rng.random() > 0.02)
    if rng.random() < 0.02:
        telecoms, kind = (Telecom(system="phone", value=f"+316{rng.randrange(10000000, 99999999)}"),), "new number"
    born = figure.birth_date if rng.random() < 0.95 else None
    return SupportFigure(name=name, telecoms=telecoms, birth_date=born), kind


def _mistyped(rng: random.Random, text: str) -> str:
    spot = rng.randrange(1, len(text))
    how = rng.randrange(3)
    if how == 0:
        return text[:spot] + rng.choice("aeirnst") + text[spot:]
    if how == 1 and len(text) > 3:
        return text[:spot] + text[spot + 1 :]
    return text[: spot - 1] + text[spot] + text[spot - 1] + text[spot + 1 :]


def main() -> None:
    """Print precision and recall, by what was spoiled."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--clients", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    print(f"{'spoiled':<32}{'possible':>9}{'linked':>8}{'wrong':>7}{'precision':>11}{'recall':>9}")
    for name, score in sorted(scored(gold_set(asked.clients, asked.seed)).items()):
        numbers = f"{score.possible:>9}{score.linked:>8}{score.wrong:>7}{score.precision:>11.3%}"
        print(f"{name:<32}{numbers}{score.recall if score.possible else float('nan'):>9.2%}")


if __name__ == "__main__":
    main()
