"""Two thousand invented people, a text about each, and a question in other words."""

from __future__ import annotations

import random
from dataclasses import dataclass
from itertools import product
from typing import Final

FIRST: Final = ("Alma", "Bruno", "Clara", "Dario", "Edda", "Fabian", "Greta", "Hugo", "Ilse", "Jonas")
SECOND: Final = ("Ashby", "Birk", "Crane", "Dunmore", "Ewart", "Falk", "Garrick", "Holm", "Ivers", "Joss")
THIRD: Final = (
    *("berg", "dale", "feld", "gate", "hurst", "ley", "moor", "quist", "stead", "ton"),
    *("ville", "wick", "worth", "by", "combe", "ford", "ham", "lund", "mark", "well"),
)
TOWNS: Final = ("Hull", "Bergen", "Graz", "Odense", "Lyon", "Porto", "Turku", "Utrecht", "Brno", "Cork")
WORK: Final = (
    *("glass blower", "harbour pilot", "bee keeper", "organ builder", "map maker"),
    *("night nurse", "bell founder", "ferry captain", "seed merchant", "piano tuner"),
)


@dataclass(frozen=True)
class Person:
    name: str
    text: str
    question: str


def people(count: int) -> list[Person]:
    """Return so many people of different names, the same at every call, in an order that says nothing."""
    choose = random.Random(7)  # noqa: S311  # made-up people
    names = [f"{first} {second}{third}" for first, second, third in product(FIRST, SECOND, THIRD)]
    choose.shuffle(names)
    return [_person(name, choose) for name in names[:count]]


def _person(name: str, choose: random.Random) -> Person:
    town, work, born = choose.choice(TOWNS), choose.choice(WORK), choose.randint(1930, 2004)
    number = choose.randrange(10**9, 10**10)
    text = (
        f"{name} was born in {town} in {born} and has worked there as a {work} for most of a long life. The membership"
        f" number is {number}; letters go to {choose.randint(1, 400)} Mill Lane, {town}."
    )
    return Person(name, text, f"What does {name} from {town} do for a living, and what is the address?")
