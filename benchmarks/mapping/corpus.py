"""A synthetic corpus in sixteen scripts, and what is planted in it. The seeds are fixed."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np

SEED: Final = 28
WORDS: Final = 40_000
OTHER_WORDS: Final = 4_000
SHORTEST, LONGEST = 44, 78
"""Words of a document."""
SENTENCE: Final = 11
PASSAGES, PEOPLE = 300, 300
PER_SCRIPT: Final = 20
SCRIPTS: Final[Mapping[str, tuple[tuple[int, int], bool]]] = {
    "Latin": ((0x61, 0x7A), True),
    "Cyrillic": ((0x430, 0x44F), True),
    "Greek": ((0x3B1, 0x3C9), True),
    "Armenian": ((0x561, 0x586), True),
    "Georgian": ((0x10D0, 0x10F0), True),
    "Hebrew": ((0x5D0, 0x5EA), True),
    "Arabic": ((0x628, 0x63A), True),
    "Devanagari": ((0x905, 0x94C), True),
    "Bengali": ((0x985, 0x9CC), True),
    "Tamil": ((0xB85, 0xBCC), True),
    "Hangul": ((0xAC00, 0xB200), True),
    "Thai": ((0xE01, 0xE4D), False),
    "Lao": ((0xE81, 0xECD), False),
    "Khmer": ((0x1780, 0x17D2), False),
    "Burmese": ((0x1000, 0x103E), False),
    "Han": ((0x4E00, 0x5E00), False),
}
"""By script: its letters, and whether it puts spaces between words."""
Edit = Callable[[list[str], np.random.Generator, list[str]], list[str]]


def changed(share: float) -> Edit:
    """Change this share of the words: another word in its place, one more, or one less."""

    def write(passage: list[str], rng: np.random.Generator, others: list[str]) -> list[str]:
        written = []
        for word in passage:
            other = others[int(rng.integers(len(others)))]
            change = int(rng.integers(3)) if rng.random() < share else -1
            written += {-1: [word], 0: [other], 1: [word, other], 2: []}[change]
        return written

    return write


EDITS: Final[Mapping[str, Edit]] = {
    "verbatim": lambda passage, _rng, _others: passage,
    "5 % changed": changed(0.05),
    "10 % changed": changed(0.10),
    "20 % changed": changed(0.20),
    "excerpt of 25 words": lambda passage, rng, others: [
        *rng.choice(others, 25),
        *passage[15:40],
        *rng.choice(others, 25),
    ],
    "upper case, no punctuation": lambda passage, _rng, _others: [word.upper().strip(".") for word in passage],
    "HTML": lambda passage, _rng, _others: [f"<b>{w[:1]}</b>{w[1:]}" if i % 3 == 0 else w for i, w in enumerate(passage)],
}
NAMES: Final[Mapping[str, Callable[[str, str], str]]] = {
    "as written": lambda given, family: f"{given} {family}",
    "family name first": lambda given, family: f"{family}, {given}",
    "initial": lambda given, family: f"{given[0]}. {family}",
    "upper case": lambda given, family: f"{given} {family}".upper(),
    "one letter missing": lambda given, family: f"{given} {family[:3]}{family[4:]}",
    "middle initial": lambda given, family: f"{given} Q. {family}",
}


@dataclass
class Planted:
    """Queries, and the documents that each must find, by kind of edit."""

    passages: list[str] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    addresses: list[str] = field(default_factory=list)
    scripts: dict[str, list[str]] = field(default_factory=dict)
    places: dict[str, dict[str, int]] = field(default_factory=dict)
    """By query ("passage 7"): edit -> document."""


class Writer:
    """Writes documents word by word, by the frequencies of natural language."""

    def __init__(self) -> None:
        self.rng = np.random.default_rng(SEED)
        self.vocabulary = {name: self._words(name, WORDS if name == "Latin" else OTHER_WORDS) for name in SCRIPTS}

    def words(self, script: str, count: int) -> list[str]:
        vocabulary = self.vocabulary[script]
        places = np.minimum(self.rng.zipf(1.15, count) - 1, len(vocabulary) - 1)
        rare = self.rng.integers(len(vocabulary), size=count)
        return [vocabulary[p] if p < len(vocabulary) - 1 else vocabulary[r] for p, r in zip(places, rare, strict=True)]

    def document(self, script: str) -> list[str]:
        written = self.words(script, int(self.rng.integers(SHORTEST, LONGEST)))
        if script == "Latin":
            written = [w + ("." if i % SENTENCE == SENTENCE - 1 else "") for i, w in enumerate(written)]
            written[0] = written[0].capitalize()
        return written

    def _words(self, script: str, count: int) -> list[str]:
        (first, last), _spaced = SCRIPTS[script]
        letters = [chr(c) for c in range(first, last) if unicodedata.category(chr(c)) in {"Ll", "Lo", "Mc", "Mn"}]
        initial = [c for c in letters if c.isalpha()]
        long = 2 if script == "Han" else 9
        return [
            str(self.rng.choice(initial)) + "".join(self.rng.choice(letters, self.rng.integers(1, long)))
            for _ in range(count)
        ]


def joined(words: list[str], script: str) -> str:
    return (" " if SCRIPTS[script][1] else "").join(words)


def write_corpus(path: Path, documents: int) -> Planted:
    """Write the corpus as JSON lines, and return what is planted in it, each piece in a document of its own."""
    writer, planted = Writer(), Planted()
    pieces = list(_pieces(writer, planted))
    rng = np.random.default_rng(SEED + 1)
    for place, (query, edit, _text) in zip(rng.choice(documents, len(pieces), replace=False).tolist(), pieces, strict=True):
        planted.places.setdefault(query, {})[edit] = place
    texts = {planted.places[query][edit]: text for query, edit, text in pieces}
    others = list(SCRIPTS)[1:]
    with path.open("w", encoding="utf-8") as file:
        for number in range(documents):
            script = "Latin" if number % 20 else others[number // 20 % len(others)]
            text = texts.get(number) or joined(writer.document(script), script)
            file.write(json.dumps({"text": text}, ensure_ascii=False) + "\n")
    return planted


def _pieces(writer: Writer, planted: Planted) -> Iterator[tuple[str, str, str]]:
    rng = writer.rng
    for number in range(PASSAGES):
        passage = writer.document("Latin")
        planted.passages.append(" ".join(passage))
        for edit, write in EDITS.items():
            yield f"passage {number}", edit, " ".join(write(passage, rng, writer.vocabulary["Latin"]))
    for script in SCRIPTS:
        for number in range(PER_SCRIPT):
            passage = writer.document(script)
            planted.scripts.setdefault(script, []).append(joined(passage, script))
            for edit in ("verbatim", "10 % changed", "excerpt of 25 words"):
                text = joined(EDITS[edit](passage, rng, writer.vocabulary[script]), script)
                yield f"{script} {number}", edit, text
    for number in range(PEOPLE):
        given, family = (str(rng.choice(writer.vocabulary["Latin"][500:])).capitalize() + "en" for _ in range(2))
        address = f"{given}.{family}{number}@post.example".lower()
        planted.names.append(f"{given} {family}")
        planted.addresses.append(address)
        for edit, form in NAMES.items():
            yield f"name {number}", edit, _amid(writer, form(given, family))
        yield f"address {number}", "address", _amid(writer, address)


def _amid(writer: Writer, text: str) -> str:
    written = writer.document("Latin")
    return " ".join([*written[:20], text, *written[20:]])
