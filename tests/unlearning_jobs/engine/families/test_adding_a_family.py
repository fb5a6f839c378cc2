"""A family is added in the places that `contracts.families` lists, and then everything works on it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import pytest
import torch
from torch import nn

from tests.unlearning_jobs.engine.methods.conftest import Task, task
from unlearning_jobs.engine.catalogue import METHODS, METRICS, Facts, complete_config, obstacles
from unlearning_jobs.engine.contracts import JobSpec, MethodChoice, Recipe
from unlearning_jobs.engine.contracts.architectures import Architecture
from unlearning_jobs.engine.contracts.families import FAMILY_DESCRIPTIONS, FamilyDescription
from unlearning_jobs.engine.corpora import Snapshot, SnapshotInfo
from unlearning_jobs.engine.errors import SpecError
from unlearning_jobs.engine.evaluation.statistics import measure
from unlearning_jobs.engine.example import EXAMPLES, make_example
from unlearning_jobs.engine.families import FAMILIES, Footprint
from unlearning_jobs.engine.families.arrays import ArrayFamily
from unlearning_jobs.engine.methods import make_method
from unlearning_jobs.engine.training.cache import Trainer
from unlearning_jobs.engine.training.model import read_model, save_model
from unlearning_jobs.engine.training.scoring import mean_margins, score
from unlearning_jobs.engine.training.training_data import TrainingData
from unlearning_jobs.engine.training.vectorised import TrainingRun, train_vectorised

CPU = torch.device("cpu")


# 1. contracts/architectures.py
@dataclass(frozen=True)
class BottleneckArchitecture(Architecture):
    """Two linear layers with a narrow one between them."""

    rank: int


# 2. contracts/families.py
DESCRIPTION = FamilyDescription("bottleneck", BottleneckArchitecture, "arrays", "class", stackable=True)


# 3. families/bottleneck.py; 4. its line in families/__init__.py
class BottleneckFamily(ArrayFamily[BottleneckArchitecture]):
    """Classifiers of low rank."""

    name: ClassVar[str] = "bottleneck"

    @classmethod
    def footprint(cls, recipe: Recipe, info: SnapshotInfo) -> Footprint:
        network = cls.of(recipe, info).network()
        return Footprint(sum(p.numel() for p in network.parameters()), recipe.batch_size)

    def network(self) -> nn.Module:
        [numbers], classes, rank = self.features.shape, len(self.labels), self.architecture.rank
        return nn.Sequential(nn.Linear(numbers, rank), nn.Tanh(), nn.Linear(rank, classes))


# 5. example.py
LEAVES = EXAMPLES["classifier"]
"""An example of the same kind."""


@pytest.fixture(scope="module")
def spec(tmp_path_factory: pytest.TempPathFactory) -> Iterator[JobSpec]:
    """A job about a model of the new family, which is in all tables."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(FAMILY_DESCRIPTIONS, "bottleneck", DESCRIPTION)
        patch.setitem(FAMILIES, "bottleneck", f"{__name__}:BottleneckFamily")
        recipe = replace(LEAVES.recipe, family="bottleneck", architecture=BottleneckArchitecture(rank=12))
        patch.setitem(EXAMPLES, "bottleneck", replace(LEAVES, recipe=recipe))
        yield make_example("bottleneck", tmp_path_factory.mktemp("bottleneck"), salt=b"test" * 8)


@pytest.fixture(scope="module")
def bottleneck(spec: JobSpec) -> Task:
    training_data = TrainingData.prepare(spec.recipe, Snapshot.open(spec.snapshot.path))
    trainer = Trainer(training_data, Path(spec.cache), CPU)
    return task(trainer, trainer.obtain((), 1, lambda *_: None), spec.forget_ids)


def test_its_recipe_is_read_and_checked(spec: JobSpec) -> None:
    assert JobSpec.from_json(spec.to_json()) == spec
    assert isinstance(spec.recipe.architecture, BottleneckArchitecture)
    with pytest.raises(SpecError, match=r"recipe.family must be one of causal_lm, .*, bottleneck, not 'bottle'"):
        JobSpec.from_json(spec.to_json() | {"recipe": spec.recipe.to_json() | {"family": "bottle"}})
    with pytest.raises(SpecError, match="A bottleneck recipe needs an architecture with rank"):
        replace(spec.recipe, architecture=LEAVES.recipe.architecture)


def test_it_trains_and_is_scored(bottleneck: Task) -> None:
    model, training_data = bottleneck.model, bottleneck.context.training_data
    right = [bool(s.correct.all()) for s in score(model, training_data.data)]
    assert sum(right) / len(right) > 0.9
    rows = measure(model, training_data.snapshot.get(bottleneck.context.forget_ids), everything=True)
    assert all(row["accuracy"] in (0, 1) and row["min_k"] != row["min_k"] for row in rows), "a class has no tokens"


def test_its_folder_is_read_again(bottleneck: Task, tmp_path: Path) -> None:
    save_model(bottleneck.model, tmp_path / "model", {})
    data = bottleneck.context.training_data.data
    assert mean_margins(read_model(tmp_path / "model"), data) == mean_margins(bottleneck.model, data)


def test_methods_and_metrics_know_it_by_what_it_can_do(spec: JobSpec) -> None:
    facts = Facts(spec.recipe, forget=12, retain=228, held_out=60)
    for name in ("retrain", "npo", "scrub", "datamodel_matching", "oracle_matching"):
        assert "bottleneck" in METHODS[name].families
        assert obstacles(name, facts) == []
    assert "works on summation only" in obstacles("summation", facts)[0]
    assert "bottleneck" not in METHODS["certified_removal"].families
    assert "bottleneck" in METRICS["accuracy"].families
    assert "bottleneck" not in METRICS["rouge_l"].families
    for name in ("npo", "scrub", "partial_reset"):
        by_sgd = replace(spec.recipe, optimizer="sgd")
        assert complete_config(name, {}, by_sgd) == complete_config(
            name, {}, replace(EXAMPLES["classifier"].recipe, optimizer="sgd")
        )


@pytest.mark.parametrize("name", ["gradient_difference", "finetune_retain"])
def test_gradient_methods_make_it_forget(name: str, bottleneck: Task) -> None:
    model, context = bottleneck.model, bottleneck.context
    result = make_method(MethodChoice(name), context.training_data.recipe).unlearn(model, context, lambda _: None)
    forget = context.training_data.subset(context.forget_ids)
    assert sum(mean_margins(result, forget)) < sum(mean_margins(model, forget))


def test_its_models_are_trained_at_once(bottleneck: Task) -> None:
    training_data = bottleneck.context.training_data
    [_, model] = train_vectorised(
        training_data, [TrainingRun((), 2), TrainingRun((), 1)], device=CPU, on_step=lambda *_: None
    )
    margins, alone = (mean_margins(m, training_data.data) for m in (model, bottleneck.model))
    assert margins == pytest.approx(alone, rel=0.02, abs=0.05)
