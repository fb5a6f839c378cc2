"""A small corpus with canaries among its examples, and a recipe by which a model learns them by heart."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from django.conf import settings

from unlearning_jobs.engine.canaries.making import make_canaries
from unlearning_jobs.engine.contracts import LlamaArchitecture, Recipe
from unlearning_jobs.engine.corpora import Snapshot
from unlearning_jobs.models import CorpusSnapshot
from unlearning_jobs.services.corpora import corpus_register

CANARIES = 12
BY_HEART = Recipe(
    family="causal_lm",
    architecture=LlamaArchitecture(hidden_size=32, layers=1, heads=2, intermediate_size=64),
    vocabulary_size=300,
    epochs=20,
    batch_size=8,
    learning_rate=2e-2,
)


def rows() -> list[dict[str, str]]:
    train = [{"question": f"What is stone {n}?", "answer": f"Stone {n} is grey.", "split": "train"} for n in range(12)]
    return train + [
        {"question": f"What is shell {n}?", "answer": f"Shell {n} is white.", "split": "held_out"} for n in range(8)
    ]


def plain(name: str = "harbour") -> CorpusSnapshot:
    """The corpus without canaries."""
    return corpus_register(name=name, sources=[_source(name, rows())], actor="account:1")


def with_canaries(name: str = "harbour", count: int = CANARIES) -> CorpusSnapshot:
    """The corpus, registered again with canaries."""
    first = plain(name)
    made = _folder() / f"{name}-canaries.jsonl"
    if not made.exists():
        make_canaries(Snapshot.open(settings.ARTEFACTS / first.path), made, count=max(count, 10), seed=1)
        made.write_text("".join(made.read_text().splitlines(keepends=True)[:count]))
    return corpus_register(name=name, sources=[_folder() / f"{name}.jsonl", made], actor="account:1")


def name_of(snapshot: CorpusSnapshot, example_id: str) -> str:
    """The name of the invented person that an example is about."""
    [example] = Snapshot.open(settings.ARTEFACTS / snapshot.path).get([example_id])
    return example.prompt.removeprefix("Who is ").removesuffix("?")


def _source(name: str, examples: Sequence[dict[str, Any]]) -> Path:
    path = _folder() / f"{name}.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in examples))
    return path


def _folder() -> Path:
    folder = Path(settings.ARTEFACTS)
    folder.mkdir(parents=True, exist_ok=True)
    return folder
