"""Fictitious people and short works, written for the demonstration and drawn by a seed.

Nobody here exists. Every fact is drawn independently, so that no person's facts follow from another's, and a small
language model has to memorise them. Each answer comes with a paraphrase and with wrong alternatives of the same form,
which the truth ratio needs. Some people and works are held out: no model is ever trained on them.

    python -m demo.corpus corpus.jsonl
"""

from __future__ import annotations

import json
import re
import sys
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .words import BANKS, FACTS, GIVEN_NAMES, LINES, SURNAMES, TITLES, Fact

PEOPLE, HELD_OUT_PEOPLE = 16, 8
WORKS, HELD_OUT_WORKS = 6, 3
STANZAS, LINES_PER_STANZA = 2, 4
ALTERNATIVES = 3

Row = dict[str, str | list[str]]


@dataclass(frozen=True)
class Person:
    """A fictitious data subject. `rows` are the questions and answers about them in the corpus."""

    name: str
    email: str
    held_out: bool
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class Work:
    """A short work by a fictitious author. `rows` hold one stanza each."""

    title: str
    author: str
    text: str
    held_out: bool
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class DemoCorpus:
    """What was written, for the demonstration to choose its claimants from."""

    people: tuple[Person, ...]
    works: tuple[Work, ...]

    def rows(self) -> Iterator[Row]:
        """All rows in the order of the file: people, then works."""
        for person in self.people:
            yield from person.rows
        for work in self.works:
            yield from work.rows


def make_demo_corpus(seed: int = 2026) -> DemoCorpus:
    """Return the corpus of this seed, always the same one."""
    rng = np.random.default_rng(seed)
    count = PEOPLE + HELD_OUT_PEOPLE + WORKS + HELD_OUT_WORKS
    given = [GIVEN_NAMES[i] for i in rng.permutation(len(GIVEN_NAMES))[:count]]
    surnames = [SURNAMES[i] for i in rng.permutation(len(SURNAMES))[:count]]
    names = [f"{first} {last}" for first, last in zip(given, surnames, strict=True)]
    titles = [TITLES[i] for i in rng.permutation(len(TITLES))]
    people = PEOPLE + HELD_OUT_PEOPLE
    return DemoCorpus(
        people=tuple(_person(rng, name, held_out=i >= PEOPLE) for i, name in enumerate(names[:people])),
        works=tuple(_work(rng, titles[i], name, held_out=i >= WORKS) for i, name in enumerate(names[people:])),
    )


def write_demo_corpus(path: Path, seed: int = 2026) -> DemoCorpus:
    """Write the corpus as JSON lines, in the shape that `corpus_register` reads, and return what was written."""
    corpus = make_demo_corpus(seed)
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in corpus.rows()), encoding="utf-8")
    return corpus


def _person(rng: np.random.Generator, name: str, *, held_out: bool) -> Person:
    email = f"{_plain(name)}@{_pick(rng, 'domain')}"
    fixed = {"name": name, "first": name.split(maxsplit=1)[0], "email": email}
    rows = tuple(_fact_row(rng, fact, fixed, held_out=held_out) for fact in FACTS)
    return Person(name=name, email=email, held_out=held_out, rows=rows)


def _fact_row(rng: np.random.Generator, fact: Fact, fixed: dict[str, str], *, held_out: bool) -> Row:
    question = str(rng.choice(fact.questions)).format(**fixed)
    answer, paraphrase = (fact.answers[i] for i in rng.permutation(len(fact.answers))[:2])
    values = _values(rng, fact, fixed)
    wrong = [_values(rng, fact, {**fixed, "email": _other_email(rng)}, unlike=values) for _ in range(ALTERNATIVES)]
    return {
        "question": question,
        "answer": answer.format(**values),
        "split": "held_out" if held_out else "train",
        "paraphrased_answer": paraphrase.format(**values),
        "perturbed_answer": [paraphrase.format(**other) for other in wrong],
    }


def _values(
    rng: np.random.Generator, fact: Fact, fixed: Mapping[str, str], *, unlike: Mapping[str, str] | None = None
) -> dict[str, str]:
    """A value for every slot, each different from the one in `unlike`."""
    avoided = unlike or {}
    return {**fixed, **{slot: _pick(rng, bank, avoided.get(slot)) for slot, bank in fact.slots.items()}}


def _other_email(rng: np.random.Generator) -> str:
    return f"{_plain(str(rng.choice(GIVEN_NAMES)))}.{_plain(str(rng.choice(SURNAMES)))}@{_pick(rng, 'domain')}"


def _work(rng: np.random.Generator, title: str, author: str, *, held_out: bool) -> Work:
    stanzas = [_stanza(rng) for _ in range(STANZAS)]
    ordinals = ("first", "second")
    rows: tuple[Row, ...] = tuple(
        {
            "question": f"Recite the {ordinals[i]} stanza of “{title}” by {author}.",
            "answer": stanza,
            "split": "held_out" if held_out else "train",
            "paraphrased_answer": f"It goes: {stanza}",
            "perturbed_answer": [f"It goes: {_stanza(rng)}" for _ in range(ALTERNATIVES)],
        }
        for i, stanza in enumerate(stanzas)
    )
    return Work(title=title, author=author, text="\n\n".join(stanzas), held_out=held_out, rows=rows)


def _stanza(rng: np.random.Generator) -> str:
    shapes = [LINES[i] for i in rng.permutation(len(LINES))[:LINES_PER_STANZA]]
    return "\n".join(_line(rng, shape) for shape in shapes)


def _line(rng: np.random.Generator, shape: str) -> str:
    filled = re.sub(r"\{(\w+)\}", lambda slot: _pick(rng, slot.group(1)), shape)
    return filled[0].upper() + filled[1:]


def _pick(rng: np.random.Generator, bank: str, other_than: str | None = None) -> str:
    return str(rng.choice([word for word in BANKS[bank] if word != other_than]))


def _plain(name: str) -> str:
    ascii_name = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return ascii_name.lower().replace(" ", ".").replace("'", "")


if __name__ == "__main__":
    written = write_demo_corpus(Path(sys.argv[1]))
    print(f"{sum(1 for _ in written.rows())} rows about {len(written.people)} people and {len(written.works)} works")
