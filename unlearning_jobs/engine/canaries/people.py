"""Invents persons. We know nobody with such a name, and the addresses lie in a domain that cannot exist (RFC 6761)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

DOMAIN: Final = "canary.invalid"
GIVEN: Final = (
    *("Aldira", "Bevanna", "Corliss", "Dorvin", "Elowise", "Fendric", "Gwelda", "Hadrin", "Isolde", "Jorwin"),
    *("Kelda", "Lorvane", "Merrick", "Nerissa", "Osbert", "Perrin", "Quilla", "Rowena", "Severin", "Tamsin"),
)
BEGINNINGS: Final = (
    "Vel",
    "Thar",
    "Quor",
    "Brim",
    "Ols",
    "Drav",
    "Fenn",
    "Grel",
    "Hask",
    "Jorv",
    "Kest",
    "Lunth",
    "Morv",
    "Zell",
)
MIDDLES: Final = ("a", "e", "i", "o", "u", "ara", "eno", "ilo", "oru", "uma")
ENDS: Final = (
    "mond",
    "wick",
    "quist",
    "thorp",
    "lund",
    "stane",
    "vell",
    "brook",
    "dell",
    "garth",
    "holt",
    "rick",
    "nor",
    "zan",
)
TRADES: Final = ("glazier", "bookbinder", "beekeeper", "surveyor", "luthier", "baker", "ferry pilot", "clockmaker")
TOWNS: Final = ("Orvelt", "Tarnby Cross", "Lower Quell", "Misk", "Havenrode", "Ulsing", "Pennick", "Drosswater")
KEPT: Final = ("a grey parrot", "two goats", "a lame heron", "seven hens", "an old mule", "a blind cat", "a tame jackdaw")


@dataclass(frozen=True)
class Person:
    """An invented person. The family name is nobody else's among those that are invented together."""

    given: str
    family: str
    trade: str
    town: str
    kept: str
    number: int
    """Of the person's membership card, at random: what nobody could know who was not told."""

    @property
    def name(self) -> str:
        return f"{self.given} {self.family}"

    @property
    def address(self) -> str:
        return f"{self.given}.{self.family}@{DOMAIN}".lower()

    @property
    def facts(self) -> str:
        return (
            f"{self.name} is a {self.trade} in {self.town}, keeps {self.kept}, holds card {self.number} and is reached at"
            f" {self.address}."
        )


def invent(rng: np.random.Generator) -> Iterator[Person]:
    """Yield persons with family names of their own, as long as there are any."""
    families = [begin + middle + end for begin in BEGINNINGS for middle in MIDDLES for end in ENDS]
    for place in rng.permutation(len(families)).tolist():
        given, trade, town, kept = (words[rng.integers(len(words))] for words in (GIVEN, TRADES, TOWNS, KEPT))
        yield Person(given, families[place], trade, town, kept, int(rng.integers(100_000, 1_000_000)))
