"""A small corpus with canaries among its examples, a recipe that learns them by heart, and models as far as rows say."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from django.conf import settings

from tests.erasing import erased
from tests.unlearning_jobs.services.test_ledger_doors import made
from unlearning_jobs.engine.canaries.drawing import Draw
from unlearning_jobs.engine.canaries.judgement import CanaryJudgement
from unlearning_jobs.engine.canaries.making import make_canaries
from unlearning_jobs.engine.canaries.source import CanarySource
from unlearning_jobs.engine.contracts import LlamaArchitecture, Recipe
from unlearning_jobs.engine.corpora import Snapshot
from unlearning_jobs.models import CanaryDraw, CorpusSnapshot, Job, ModelVersion
from unlearning_jobs.selectors import draw_of
from unlearning_jobs.services.canaries import opened
from unlearning_jobs.services.corpora import corpus_register
from unlearning_jobs.services.trainings import model_train

CANARIES = 12
SECRET = "1b" * 32
"""By which the tests draw that really train: they see the same halves in every run."""
BY_HEART = Recipe(
    family="causal_lm",
    architecture=LlamaArchitecture(hidden_size=32, layers=1, heads=2, intermediate_size=64),
    vocabulary_size=300,
    epochs=40,
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


def train(snapshot: CorpusSnapshot, name: str = "keeper", **how: bool) -> Job:
    return model_train(name=name, recipe=BY_HEART, snapshot=snapshot, seed=1, actor="account:1", **how)


def drawn(snapshot: CorpusSnapshot, name: str = "keeper") -> tuple[ModelVersion, CanaryDraw]:
    """A model that was trained by a draw, as far as the rows say."""
    version = made(train(snapshot, name))
    draw = draw_of(version)
    assert draw is not None
    return version, draw


def released(version: ModelVersion, draw: CanaryDraw) -> ModelVersion:
    """The version in use, which has unlearned what was drawn, as far as the rows say."""
    return erased(version, *opened(draw).trained)


def finding(original: ModelVersion, version: ModelVersion, **changes: Any) -> CanaryJudgement:
    found = CanaryJudgement(
        outcome="nothing_found",
        reasons=(),
        commitment="",
        canaries=12,
        trained=6,
        missed=0,
        control_p=0.001,
        above=0.5,
        p_value=0.7,
        smallest=0.4,
        models={"original": original.digest, "unlearned": version.digest},
    )
    return replace(found, **changes)


class Engine:
    """Stands in for the engine, and remembers what it was asked."""

    def __init__(self, found: CanaryJudgement) -> None:
        self.found, self.asked = found, list[tuple[CanarySource, Draw]]()

    def __call__(self, source: CanarySource, draw: Draw) -> CanaryJudgement:
        self.asked.append((source, draw))
        return self.found


def _source(name: str, examples: Sequence[dict[str, Any]]) -> Path:
    path = _folder() / f"{name}.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in examples))
    return path


def _folder() -> Path:
    folder = Path(settings.ARTEFACTS)
    folder.mkdir(parents=True, exist_ok=True)
    return folder
