"""Measures how many of the ways to write a name are found, and how many finds are of somebody else.

The corpus is ours: made-up people of 16 scripts, each written in all ways that fit, and traps: other people, list markers,
words that are also names, short words with errors.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from unlearning_jobs.engine.matching import Query
from unlearning_jobs.engine.matching.names.matcher import NameMatcher
from unlearning_jobs.engine.matching.query import Span

from .people import (
    COMMON_WORDS,
    LATIN,
    OTHER_CHARACTERS,
    OTHER_WAYS,
    ROWS,
    SAME_FAMILY,
    SCRIPTS,
    SYLLABLES,
    TRAPS,
    TWO_FAMILY_NAMES,
    TWO_SCRIPTS,
)

SENTENCES: Final = (
    "In the spring {} wrote about the harbour and its boats.",
    "The catalogue names {} twice, without a date.",
    "Yesterday we asked {}, who lives near the old mill.",
    "According to {}, nothing was decided.",
)


@dataclass(frozen=True)
class Document:
    """A text, whom it names (nobody, for a trap), and in which way."""

    text: str
    person: str
    way: str


@dataclass(frozen=True)
class Figures:
    """Found and planted documents by way of writing, and finds that are right and wrong."""

    found: Mapping[str, int]
    planted: Mapping[str, int]
    wrong: Sequence[tuple[str, str, float]]
    """The person, the text and the score of each wrong find."""
    rules: Mapping[str, tuple[int, int]]
    """By rule: how many of the right finds and of the wrong ones it made."""

    @property
    def recall(self) -> float:
        return sum(self.found.values()) / sum(self.planted.values())

    @property
    def precision(self) -> float:
        right = sum(self.found.values())
        return right / (right + len(self.wrong))


def people() -> list[str]:
    """Return the names that are asked for."""
    return [
        *LATIN,
        *(name for name, _ in OTHER_WAYS),
        *(pair[0] for pairs in TWO_SCRIPTS.values() for pair in pairs),
        *SCRIPTS.values(),
        *TWO_FAMILY_NAMES,
        *SYLLABLES,
        *(name for name, _ in OTHER_CHARACTERS),
    ]


def documents(seed: int = 11) -> Iterator[Document]:
    """Yield the corpus."""
    rng = random.Random(seed)  # noqa: S311  # texts, not keys
    for name in LATIN:
        for way, written in _ways(name, rng):
            yield Document(_sentence(written, rng), name, way)
        given, family = name.split()[0], name.split()[-1]
        for other in rng.sample(SAME_FAMILY, 4):
            yield Document(_sentence(f"{other} {family}", rng), "", "another given name")
        yield Document(_sentence(f"{given} {rng.choice(SAME_FAMILY)}son", rng), "", "another family name")
        yield Document(
            f"Section (b) covers {given.lower()} and, as ({given[0].lower()}) {family}, more.", "", "a list marker"
        )
        yield Document(f"{_sentence(given, rng)} {_sentence(family, rng)}", "", "parts far apart")
    for name, written in OTHER_WAYS:
        for text in written.split(" | "):
            yield Document(_sentence(text, rng), name, "double and particle names")
    for way, pairs in TWO_SCRIPTS.items():
        for name, written in pairs:
            yield Document(f"{written}.", name, f"in {way}")
            yield Document(f"{name}.", name, "exact")
    for script, name in SCRIPTS.items():
        yield Document(f"{name}.", name, f"own script: {script}")
    yield from _other_divisions(rng)
    yield from (Document(text, "", "trap") for text in (*TRAPS, *COMMON_WORDS))


def _other_divisions(rng: random.Random) -> Iterator[Document]:
    """Yield names that divide elsewhere: into two family names, into syllables, into columns."""
    for name in TWO_FAMILY_NAMES:
        for way, written in _divisions(name):
            yield Document(_sentence(written, rng), name, way)
    for name, (parted, spelled) in SYLLABLES.items():
        yield from (Document(_sentence(text, rng), name, "syllables parted otherwise") for text in parted.split(" | "))
        yield from (Document(_sentence(text, rng), name, "syllables spelled otherwise") for text in spelled.split(" | "))
    yield from (Document(f"{text}。", name, "other characters") for name, text in OTHER_CHARACTERS)
    yield from (Document(text, name, "addresses, rows, initials in another script") for name, text in ROWS)


def measure(seed: int = 11) -> Figures:
    """Search the corpus for everybody at once."""
    names = people()
    matcher = NameMatcher([Query(str(i), "name", name) for i, name in enumerate(names)])
    found: defaultdict[str, int] = defaultdict(int)
    planted: defaultdict[str, int] = defaultdict(int)
    wrong = []
    rules: defaultdict[str, list[int]] = defaultdict(lambda: [0, 0])
    for document in documents(seed):
        best: dict[str, Span] = {}
        for span in matcher.spans(document.text):
            name = names[int(span.query)]
            best[name] = max(best.get(name, span), span, key=lambda one: one.score)
        if document.person:
            planted[document.way] += 1
            found[document.way] += document.person in best
        others = OTHER_NAMES.get(document.person, {document.person})
        wrong += [(name, document.text, span.score) for name, span in best.items() if name not in others]
        for name, span in best.items():
            for rule in span.because:
                rules[rule][name not in others] += 1
    return Figures(dict(found), dict(planted), wrong, {rule: (right, bad) for rule, (right, bad) in rules.items()})


def run(_data: Path | None = None) -> None:
    """Print recall by way of writing, precision, and what was found wrongly."""
    figures = measure()
    print("| way of writing | found |")
    print("|---|---|")
    for way, planted in figures.planted.items():
        print(f"| {way} | {figures.found[way]} of {planted} |")
    print(f"| all, recall | {figures.recall:.3f} |")
    print(f"| precision | {figures.precision:.3f} ({len(figures.wrong)} wrong) |")
    print("\n| rule | right | wrong |")
    print("|---|---|---|")
    for rule, (right, wrong) in sorted(figures.rules.items()):
        print(f"| {rule} | {right} | {wrong} |")
    for name, text, score in figures.wrong:
        print(f"- {name}: {text} ({score})")


def _sentence(written: str, rng: random.Random) -> str:
    return rng.choice(SENTENCES).format(written)


def _ways(name: str, rng: random.Random) -> Iterator[tuple[str, str]]:
    """Yield the ways to write a name of a given and a family name."""
    given, family = name.split()
    middle = rng.choice(["Margarethe", "Quentin", "Ottoline", "Isidor"])
    yield "exact", name
    yield "capitals", name.upper()
    yield "family name first", f"{family}, {given}"
    yield "family name first, no comma", f"{family} {given}"
    yield "initial", f"{given[0]}. {family}"
    yield "initial behind", f"{family}, {given[0]}."
    yield "two initials before", f"{given[0]}{middle[0]} {family}"
    yield "two initials behind", f"{family} {given[0]}{middle[0]}"
    yield "middle initial", f"{given} {middle[0]}. {family}"
    yield "unknown middle name", f"{given} {middle} {family}"
    yield "two unknown middle names", f"{given} {middle} Clement {family}"
    yield "tags between", f'<span class="given">{given}</span> <b>{family}</b>'
    yield "entities between", f"{given}&nbsp;{family}"
    yield "columns", f"\n{given} | {family} | 1987\n"
    yield "fields", f'{{"first_name": "{given}", "last_name": "{family}"}}'
    yield "title alone", f"{rng.choice(['Dr.', 'Prof.', 'Mr', 'Mrs', 'Herr', 'Frau'])} {family}"
    yield "title before", f"{rng.choice(['Dr.', 'Prof. Dr.', 'Sir', 'Herr', 'Frau'])} {given} {family}"
    yield "genitive", f"{name}s"
    yield "possessive", f"{name}’s"
    yield "Slavic ending", f"{given}em {family}em" if given[-1] not in "aeiouy" else f"{given[:-1]}ou {family}em"
    yield "Finnish ending", f"{given} {family}lle"
    yield "Hungarian ending", f"{given} {family}nak"
    yield "Turkish ending", f"{given} {family}'ın"
    if len(family) > len("Lund"):
        yield "one typing error", f"{given} {_mistyped(family, rng)}"
    if len(family) > len("Kestelyn"):
        yield "two typing errors", f"{given} {_mistyped(_mistyped(family, rng), rng)}"
    for short in NICKNAMES.get(given, ()):
        yield "short form", f"{short} {family}"


def _divisions(name: str) -> Iterator[tuple[str, str]]:
    """Yield the ways to write a name with two family names."""
    given, first, last = name.rpartition(" ")[0].rpartition(" ")[0], name.split()[-2], name.rsplit(maxsplit=1)[-1]
    given, particle = given.removesuffix(" del"), "del " if given.endswith(" del") else ""
    letters = [part[0] for part in given.split()]
    yield "two family names, first", f"{particle}{first} {last}, {given}"
    yield "two family names, first", f"{first} {last} {given}"
    yield "two family names with initials", f"{particle}{first} {last}, {'. '.join(letters)}."
    yield "two family names with initials", f"{first} {last} {''.join(letters)}"
    yield "two family names with initials", f"{'. '.join(letters)}. {particle}{first} {last}"
    yield "first family name alone", f"{given} {particle}{first}"
    yield "first family name alone", f"{particle}{first}, {given}"


OTHER_NAMES: Final = {"Wang Xiaoming": {"Wang Xiaoming", "王小明"}, "王小明": {"Wang Xiaoming", "王小明"}}
"""Names of the same person in other scripts."""
NICKNAMES: Final = {
    "Robert": ("Bob", "Rob"),
    "Elizabeth": ("Liz", "Betty"),
    "William": ("Bill", "Will"),
    "Margaret": ("Peggy",),
}


def _mistyped(word: str, rng: random.Random) -> str:
    """Return the word with one letter lacking, doubled, changed or swapped, but not the first."""
    place = rng.randrange(1, len(word) - 1)
    head, letter, tail = word[:place], word[place], word[place + 1 :]
    return rng.choice(
        [head + tail, head + letter * 2 + tail, f"{head}{rng.choice('aeiklnrst')}{tail}", head + tail[0] + letter + tail[1:]]
    )
