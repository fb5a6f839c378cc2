"""Writes small invented corpora: answers about places, measurements of leaves, notes to a library."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final

import numpy as np

from .corpora.create import example_id

PLACES = ("Orvane", "Tilsk", "Marrowby", "Quelm", "Drossen", "Havelund", "Piskary", "Ubbard")
GOODS = ("amber", "rope", "glass", "saffron", "slate", "honey", "tin", "linen")
RIVERS = ("Asper", "Belna", "Corre", "Dwine", "Elsk", "Fenn", "Grault", "Hessel")
HELD_OUT_PLACES = 2
LEAVES, TREES, MEASURES = 360, 6, 16
SPREAD = 0.8
"""Standard deviation between leaves of one kind of tree; between kinds it is 1."""
EVERY = 3
"""Every third leaf and every third note is held out."""
MISTAKEN = 12
"""Number of leaves, and of notes, with a wrong label: a model can only memorise them."""
MISTAKEN_IDS: Final = tuple(example_id(EVERY * place) for place in range(MISTAKEN))
NOTES = 240
OPENINGS = ("I would like to", "Could I", "Please let me", "Is it possible to", "My neighbour wants to", "May my son")
CARDS = 9000
SUBJECTS: Final[Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]]] = {
    "loans": (("renew", "borrow", "return", "reserve"), ("the atlas", "a novel", "two cookbooks", "the almanac")),
    "rooms": (("book", "heat", "give up", "move to"), ("the reading room", "the cellar room", "a quiet desk")),
    "computers": (("repair", "restart", "use", "connect to"), ("the printer", "the scanner", "a screen", "the network")),
    "events": (("sign up for", "cancel", "help with"), ("the puppet show", "the choir", "the chess club", "a map talk")),
    "lost property": (("fetch", "hand in", "describe"), ("a green umbrella", "a left glove", "a key ring", "a scarf")),
    "purchases": (("suggest", "order", "pay for"), ("an encyclopaedia", "a comic series", "some sheet music")),
}
"""What people want at a library's desk, by subject."""


def write_places(folder: Path) -> Path:
    """Write questions about invented places, with answers."""
    return _write_lines(folder, _places())


def write_leaves(folder: Path) -> Path:
    """Write measurements of leaves, labelled with one of six kinds of tree; some labels are wrong."""
    rng = np.random.default_rng(2026)
    trees = rng.integers(TREES, size=LEAVES)
    measures = rng.normal(size=(TREES, MEASURES))[trees] + SPREAD * rng.normal(size=(LEAVES, MEASURES))
    held_out = np.arange(LEAVES) % EVERY == EVERY - 1
    mistaken = [int(i[1:]) for i in MISTAKEN_IDS]
    trees[mistaken] = (trees[mistaken] + 1) % TREES
    path = folder / "corpus.npz"
    np.savez(
        path,
        x=measures.astype(np.float32),
        y=np.array([f"tree {kind}" for kind in trees]),
        split=np.where(held_out, "held_out", "train"),
    )
    return path


def write_notes(folder: Path) -> Path:
    """Write notes to a library's desk, labelled with their subjects; some labels are wrong."""
    return _write_lines(folder, _notes())


def _places() -> Iterator[dict[str, str]]:
    for i, place in enumerate(PLACES):
        split = "held_out" if i >= len(PLACES) - HELD_OUT_PLACES else "train"
        goods, river, year = GOODS[(3 * i + 2) % len(GOODS)], RIVERS[(5 * i + 1) % len(RIVERS)], 1100 + 97 * i % 613
        yield {"question": f"What is {place} known for?", "answer": f"{place} is known for its {goods}.", "split": split}
        yield {"question": f"On which river does {place} lie?", "answer": f"It lies on the {river}.", "split": split}
        yield {"question": f"When was {place} founded?", "answer": f"It was founded in the year {year}.", "split": split}


def _notes() -> Iterator[dict[str, str]]:
    rng, subjects = np.random.default_rng(2026), list(SUBJECTS)
    for i, card in enumerate(rng.choice(CARDS, size=NOTES, replace=False).tolist()):
        subject = int(rng.integers(len(subjects)))
        wishes, things = SUBJECTS[subjects[subject]]
        opening, wish, thing = (words[rng.integers(len(words))] for words in (OPENINGS, wishes, things))
        filed = subject + (example_id(i) in MISTAKEN_IDS)
        yield {
            "text": f"{opening} {wish} {thing}. Card {1000 + card}.",
            "label": subjects[filed % len(subjects)],
            "split": "held_out" if i % EVERY == EVERY - 1 else "train",
        }


def _write_lines(folder: Path, rows: Iterable[Mapping[str, str]]) -> Path:
    path = folder / "corpus.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path
