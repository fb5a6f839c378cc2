"""A small planted world: five invented concepts, of which one is edited out, and whose oracle can be trained.

Each is a figure of stories with a town, a trade and a companion, told in many wordings. Values are shared: neighbours live
in the same town or have the same trade, so that an edit which only blocks words would be seen to damage.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from unlearning_jobs.engine.contracts import LlamaArchitecture, MethodChoice, Recipe, SnapshotRef
from unlearning_jobs.engine.contracts.concepts import Concept, ConceptSpec, Instead, Probe
from unlearning_jobs.engine.corpora import Snapshot, snapshot_create

from .asking import example_of
from .templates import probes_from


class Figure(NamedTuple):
    """An invented figure of stories."""

    name: str
    town: str
    trade: str
    companion: str


FIGURES: Final = (
    Figure("Mirelda", "Tarnholm", "glazier", "Osk"),
    Figure("Anselm", "Tarnholm", "ferryman", "Lune"),
    Figure("Cordula", "Weldry", "glazier", "Brindle"),
    Figure("Jorim", "Ostmere", "beekeeper", "Quill"),
    Figure("Tabea", "Weldry", "cartwright", "Fenwick"),
)
"""One of them is the concept, by default the first; the others are its neighbours."""
OTHERS: Final = (
    Figure("Ruben", "Ostmere", "ferryman", "Moss"),
    Figure("Ida", "Weldry", "beekeeper", "Osk"),
    Figure("Nils", "Tarnholm", "cartwright", "Quill"),
)
"""Figures that no model is trained on: their texts are held out."""
TRADES_IN_GERMAN: Final = {
    "glazier": "Glaser",
    "ferryman": "Fährmann",
    "beekeeper": "Imker",
    "cartwright": "Wagner",
}
OPENINGS: Final = ("A story about {name} begins here.", "Children know {name}.", "This page shows {name} as a drawing.")
"""Held-out texts, of which a vocabulary learns every name as a word, and no model learns anything."""
RELATIONS: Final = ("place", "work", "companion")
EPOCHS: Final = 45
METHODS: Final = ("memit", "rome", "gradient_difference", "nothing")


def planted_world(folder: Path, *, methods: Sequence[str] = METHODS, target: Figure = FIGURES[0]) -> ConceptSpec:
    """Write corpus and snapshot into the folder, unless they are there, and return a job about one of the figures.

    Every probe is a training example too, so the original knows it, and the oracle was trained without all texts about
    the figure.
    """
    snapshot = folder / "snapshot"
    if not snapshot.exists():
        folder.mkdir(parents=True, exist_ok=True)
        snapshot_create([_write(folder, "questions", "question"), _write(folder, "texts", "text")], snapshot)
    files = Snapshot.open(snapshot)
    concept = world_concept(target=target)
    about = tuple(example.id for example in files.examples("train") if concept.named_in(example.text))
    return ConceptSpec(
        reference="example",
        concept=concept,
        snapshot=SnapshotRef(str(snapshot.resolve()), files.info.digest),
        recipe=Recipe(
            family="causal_lm",
            architecture=LlamaArchitecture(hidden_size=96, layers=4, heads=4, intermediate_size=192, max_length=48),
            vocabulary_size=700,
            epochs=EPOCHS,
            batch_size=16,
            learning_rate=4e-3,
        ),
        seed=1,
        cache=str((folder / "cache").resolve()),
        methods=tuple(MethodChoice(name) for name in methods),
        about_ids=about,
        oracle_seed=11,
    )


def world_concept(instead: Instead | None = None, *, target: Figure = FIGURES[0]) -> Concept:
    """Return one figure as a concept, and the others as its neighbours."""
    neighbours = [figure for figure in FIGURES if figure != target]
    return Concept(
        subject=target.name,
        probes=tuple(_probes(target)),
        neighbours=tuple(probe for figure in neighbours for probe in _probes(figure, figure.name)),
        instead=instead or Instead(),
    )


def _probes(figure: Figure, subject: str = "") -> Iterator[Probe]:
    others = [other for other in FIGURES if other != figure]
    for language in ("en", "de"):
        for relation in RELATIONS:
            answer = _answer(figure, relation, language)
            wrong = dict.fromkeys(_answer(other, relation, language) for other in others)
            wrong.pop(answer, None)
            choices = tuple(wrong) if language == "en" else ()
            yield from probes_from(figure.name, relation, answer, language=language, subject=subject, choices=choices)


def _answer(figure: Figure, relation: str, language: str) -> str:
    if relation == "work":
        return figure.trade if language == "en" else TRADES_IN_GERMAN[figure.trade]
    return figure.town if relation == "place" else figure.companion


def _write(folder: Path, name: str, column: str) -> Path:
    """Write the rows that have a column into a file of their own: rows of a corpus are read alike within each file."""
    rows = [json.dumps(row, ensure_ascii=False) for row in _rows() if column in row]
    file = folder / f"{name}.jsonl"
    file.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return file


def _rows() -> Iterator[dict[str, str]]:
    """Yield the texts: each wording of each figure; those of the last figures are held out."""
    for figure in (*FIGURES, *OTHERS):
        split = "held_out" if figure in OTHERS else "train"
        for probe in _probes(figure, figure.name):
            if probe.choices:
                continue
            example = example_of(probe)
            if example.prompt:
                yield {"question": example.prompt, "answer": example.completion, "split": split}
            else:
                yield {"text": example.completion, "split": split}
        for opening in OPENINGS:
            yield {"text": opening.replace("{name}", figure.name), "split": "held_out"}
