"""Estimates how many examples a search for a name misses: somebody looks at a random sample of what it did not find.

Why not capture-recapture (Lincoln and Petersen; Chapman 1951), which needs nobody to look: it compares two ways of finding,
such as by name and by e-mail address, and assumes that being found by one says nothing about being found by the other. Here
it does: pages that give an address give the name, and those that say "she" give neither. The estimate would come out too
small, in our own favour. And one person is in few examples: where the two ways share two of them, the interval reaches from
nothing to thousands.

A sample assumes nothing but that whoever looks recognises the person. Its bound is exact (Clopper and Pearson 1934), and
conservative, because no example is drawn twice. It is also weak, and says so: if none of 300 examples is about the person,
up to 1.2 % of all may be. So the examples are drawn in two groups. Those that hold a part of the name, in any spelling or
script that the search knows, are few, and most of what is missed is among them; the rest is nearly everything. Each group
has half of the error.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from compliance.formats.samples import CONFIDENCE, GROUPS, Group, all_at_most, group_at_most
from unlearning_jobs.engine.corpora import Snapshot

from .match import batches
from .names.query import is_initial, readings
from .names.unspaced import Units, family_and_given, letter_form, unspaced_parts
from .names.words import likeness, name_keys
from .needs import Needs
from .query import Query, QueryError
from .sweep import Sweep
from .words import is_unspaced


@dataclass(frozen=True)
class Sample:
    """Examples of one group, drawn at random from those that the search did not find."""

    group: Group
    population: int
    """How many the group has that the search did not find."""
    drawn: tuple[str, ...]

    def at_most(self, missed: int, confidence: float) -> int:
        """Return how many of the group can be missed at most, if this many of the sample were."""
        return group_at_most(self.population, len(self.drawn), missed, confidence)


@dataclass(frozen=True)
class Missed:
    """What a sample says about all examples that the search did not find."""

    looked_at: int
    missed: int
    estimate: float
    """The number to be expected, without bias."""
    at_most: int
    confidence: float


@dataclass
class _Reservoir:
    """Keeps a sample of everything that comes by, each with the same chance (Vitter 1985, algorithm R)."""

    size: int
    dice: random.Random
    seen: int = 0
    kept: list[str] = field(default_factory=list)

    def offer(self, one: str) -> None:
        self.seen += 1
        if len(self.kept) < self.size:
            self.kept.append(one)
        elif (place := self.dice.randrange(self.seen)) < self.size:
            self.kept[place] = one


def draw_samples(
    snapshot: Snapshot,
    queries: Sequence[Query],
    found: Collection[str],
    *,
    size: int,
    seed: int,
    on_progress: Callable[[int], object] = lambda _done: None,
) -> list[Sample]:
    """Draw up to `size` examples of each group among those that are not in `found`, in one pass.

    The same snapshot, queries, size and seed give the same samples, so that others can look at them again. The size is fixed
    before anybody looks: a sample that is made larger until it pleases proves nothing.

    Args:
        snapshot: where to draw from.
        queries: the names of the person; the first group holds a part of one of them.
        found: what is known, and not drawn.
        size: of each group.
        seed: of the draw.
        on_progress: is told how many examples have been read.

    Raises:
        QueryError: there is no query, or one that is not for a name or cannot be searched for.
    """
    if not queries or any(query.kind != "name" for query in queries):
        message = "What a search misses can be estimated for names only."
        raise QueryError(message)
    sweep = Sweep({f"part-{number}": needs for number, needs in enumerate(_parts(queries))})
    reservoirs = [_Reservoir(size, random.Random(f"{seed} {group}")) for group in GROUPS]  # noqa: S311  # a sample, no secret
    known, done = frozenset(found), 0
    for examples in batches(snapshot.examples()):
        slow: dict[int, set[str]] = {}  # what is not read in time may hold a part
        texts = [example.document for example in examples]
        partly = {place for place, _ in sweep.candidates(texts, on_unsearched=slow.__setitem__)} | slow.keys()
        for place, example in enumerate(examples):
            if example.id not in known:
                reservoirs[place not in partly].offer(example.id)
        done += len(examples)
        on_progress(done)
    return [
        Sample(group, reservoir.seen, tuple(sorted(reservoir.kept)))
        for group, reservoir in zip(GROUPS, reservoirs, strict=True)
    ]


def _parts(queries: Sequence[Query]) -> list[Needs]:
    """Return what a text holds, one of it, if it has a part of one of the names: its family name or its given name.

    Neither a title nor an initial is a part: they stand in front of any name, and an "it" would be an initial.
    """
    return [_parts_between_spaces(queries), *(_letters(part) for query in queries for part in _unspaced(query))]


def _unspaced(query: Query) -> Iterator[Units]:
    """Yield family and given name of a name that is written without spaces."""
    parts = unspaced_parts(query.value)
    yield from (part for part in (family_and_given(parts) if len(parts) == 1 else parts) if part)


def _letters(part: Units) -> Needs:
    """Return the need of all letters of a part of a name, near one another."""
    forms = dict.fromkeys(map(letter_form, part))
    return Needs(tuple(frozenset({form}) for form in forms), filed=True, near=len(part))


def _parts_between_spaces(queries: Sequence[Query]) -> Needs:
    known = [reading for query in queries for reading in readings(query)]
    families = {reading.family[0] for reading in known if not is_initial(reading.family[0])}
    givens = {reading.given[0] for reading in known if reading.given and not is_initial(reading.given[0])}

    def agrees(_group: int, word: str) -> bool:
        if is_unspaced(word):  # a letter that is filed under the sound of a name may be the name
            return True
        return any(likeness(name, word) for name in families) or any(likeness(name, word, given=True) for name in givens)

    keys = {key for name in families for key in name_keys(name)}
    keys |= {key for name in givens for key in name_keys(name, given=True)}
    return Needs((frozenset(keys),), filed=True, agrees=agrees)


def missed_estimate(samples: Sequence[Sample], missed: Iterable[str], *, confidence: float = CONFIDENCE) -> Missed:
    """Return what follows when these of the drawn examples turned out to be about the person, and all others not.

    Raises:
        QueryError: one of them is in no sample.
    """
    about = set(missed)
    if unknown := about - {one for sample in samples for one in sample.drawn}:
        message = f"{min(unknown)[:40]} is in no sample; only what was drawn says something about the rest."
        raise QueryError(message)
    counts = [len(about.intersection(sample.drawn)) for sample in samples]
    return Missed(
        looked_at=sum(len(sample.drawn) for sample in samples),
        missed=len(about),
        estimate=sum(n * s.population / len(s.drawn) for n, s in zip(counts, samples, strict=True) if s.drawn),
        at_most=all_at_most(((s.population, len(s.drawn), n) for n, s in zip(counts, samples, strict=True)), confidence),
        confidence=confidence,
    )
