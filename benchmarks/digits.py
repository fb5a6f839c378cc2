"""Every method on small classifiers: KLoM, U-LiRA and the NeurIPS 2023 score against retrained models, and its cost.

    make bench-digits

The digits are scikit-learn's (UCI, CC BY 4.0): 1,437 to train on, 360 held out. 100 originals are unlearned by every method
and compared with 100 oracles; 100 more oracles give the noise floor. Nothing is tuned: all methods run with the catalogue's
defaults. Resumable: margins are kept under var/bench/digits.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray

from unlearning_jobs.engine.catalogue import METHODS, Facts, obstacles
from unlearning_jobs.engine.contracts import ClassifierArchitecture, MethodChoice, Recipe
from unlearning_jobs.engine.corpora import Snapshot, snapshot_create
from unlearning_jobs.engine.corpora.create import record_id
from unlearning_jobs.engine.evaluation.metrics.klom import PERCENTILE, klom
from unlearning_jobs.engine.evaluation.metrics.neurips_2023 import example_epsilons, forgetting_quality
from unlearning_jobs.engine.evaluation.metrics.u_lira import u_lira
from unlearning_jobs.engine.families import Dataset
from unlearning_jobs.engine.methods import Context, make_method
from unlearning_jobs.engine.training.loop import train
from unlearning_jobs.engine.training.material import Material
from unlearning_jobs.engine.training.model import TrainedModel
from unlearning_jobs.engine.training.vectorised import train_together

VAR = Path(__file__).resolve().parents[1] / "var" / "bench" / "digits"
RECIPE = Recipe(
    family="classifier",
    architecture=ClassifierArchitecture("mlp", width=64),
    epochs=40,
    batch_size=64,
    learning_rate=0.1,
    optimizer="sgd",
)
MODELS: Final = 100
ORIGINAL_SEEDS, ORACLE_SEEDS, FLOOR_SEEDS = range(1, 101), range(1001, 1101), range(2001, 2101)
TRAINING = 1437
CANARIES = 20
SETS: Final = ("forget", "retain", "held_out")
CPU = torch.device("cpu")
Margins = dict[str, NDArray[np.float64]]
"""Per set the margins (models, examples); and under `<set>_right` whether the answers are right."""


@dataclass(frozen=True)
class Task:
    """A corpus, and which of its training examples to forget."""

    name: str
    material: Material
    forget: tuple[int, ...]
    """Positions, which are also those in the snapshot: training examples come first."""

    @property
    def forget_ids(self) -> tuple[str, ...]:
        return tuple(map(record_id, self.forget))

    @cached_property
    def data(self) -> dict[str, Dataset]:
        retained = [i for i in range(TRAINING) if i not in set(self.forget)]
        held_out = self.material.family.encode(self.material.snapshot.examples("held_out"))
        return {
            "forget": self.material.data.subset(self.forget),
            "retain": self.material.data.subset(retained),
            "held_out": held_out,
        }

    def measure(self, models: Sequence[TrainedModel]) -> Margins:
        found: Margins = {}
        for name in SETS:
            answers = [_answers(model, self.data[name]) for model in models]
            found[name], found[f"{name}_right"] = (np.stack(column) for column in zip(*answers, strict=True))
        return found

    def context(self, seed: int) -> Context:
        ids = self.forget_ids
        return Context(
            material=self.material,
            forget_ids=ids,
            retain_ids=tuple(self.material.retained_ids(ids)),
            exclude_ids=ids,
            held_out_ids=tuple(record_id(TRAINING + i) for i in range(len(self.data["held_out"]))),
            seed=seed,
            device=CPU,
            train=lambda exclude, other, on_step: train(self.material, exclude, other, device=CPU, on_step=on_step),
            taken_seeds=frozenset([*ORIGINAL_SEEDS, *ORACLE_SEEDS, *FLOOR_SEEDS]),
        )


def run(_data: Path | None = None) -> None:
    """Runs what is missing and prints the table of every forget set."""
    torch.set_num_threads(1)
    for task in _tasks():
        _table(task)


def _table(task: Task) -> None:
    began = time.monotonic()
    oracles, floor = (_kept(task, name, _trained(task, seeds)) for name, seeds in _ORACLES.items())
    print(f"\n{task.name}: {len(task.forget)} examples to forget\n\n{_HEADER}", flush=True)
    print(_row("oracle against oracle", floor, oracles, None), flush=True)
    originals = _Originals(task)
    print(_row("do nothing", _kept(task, "original", lambda: task.measure(originals.models)), oracles, 0.0), flush=True)
    retraining = _seconds(lambda: train(task.material, task.forget_ids, 1, device=CPU, on_step=_quiet))
    for name in _methods(task):
        found = _kept(task, name, partial(_unlearned, task, originals, name))
        method, context = make_method(MethodChoice(name)), task.context(1)
        seconds = _seconds(partial(method.unlearn, originals.models[0], context, lambda _: None))
        print(_row(name, found, oracles, seconds / retraining), flush=True)
    print(f"\n{time.monotonic() - began:.0f} s; one retraining {retraining:.2f} s", flush=True)


_ORACLES = {"oracle": ORACLE_SEEDS, "floor": FLOOR_SEEDS}
_HEADER = (
    "| method | KLoM P95 forget | retain | held out | U-LiRA | F | accuracy forget | held out | share of retraining |\n"
    "|---|---|---|---|---|---|---|---|---|"
)


@dataclass(frozen=True)
class _Originals:
    """Models that know everything; trained when somebody asks."""

    task: Task

    @cached_property
    def models(self) -> list[TrainedModel]:
        return train_together(
            self.task.material, [((), seed) for seed in ORIGINAL_SEEDS], device=CPU, on_step=lambda *_: None
        )


def _trained(task: Task, seeds: range) -> Callable[[], Margins]:
    def measured() -> Margins:
        wanted = [(task.forget_ids, seed) for seed in seeds]
        return task.measure(train_together(task.material, wanted, device=CPU, on_step=lambda *_: None))

    return measured


def _unlearned(task: Task, originals: _Originals, name: str) -> Margins:
    method = make_method(MethodChoice(name))
    return task.measure(
        [
            method.unlearn(model, task.context(seed), lambda _: None)
            for model, seed in zip(originals.models, ORIGINAL_SEEDS, strict=True)
        ]
    )


def _methods(task: Task) -> Iterator[str]:
    facts = Facts(RECIPE, forget=len(task.forget), retain=TRAINING - len(task.forget), held_out=360)
    for name, entry in METHODS.items():
        # retraining is the noise floor, and oracles to match would take a hundred times as long as everything else
        if entry.guarantee == "empirical" and name != "oracle_matching" and not obstacles(name, facts):
            yield name


def _kept(task: Task, name: str, make: Callable[[], Margins]) -> Margins:
    path = VAR / task.name.replace(" ", "-") / f"{name}.npz"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f"{name}.draft.npz")
        np.savez(draft, **make())  # type: ignore[arg-type]  # numpy takes any name for an array
        draft.rename(path)
    with np.load(path) as file:
        return dict(file)


def _row(name: str, found: Margins, oracles: Margins, share: float | None) -> str:
    kloms = [float(np.percentile(klom(found[s], oracles[s]), PERCENTILE)) for s in SETS]
    told = float(u_lira(found["forget"], oracles["forget"]).mean())
    quality = forgetting_quality(example_epsilons(found["forget"], oracles["forget"]), MODELS)
    right = [float(found[f"{s}_right"].mean()) for s in ("forget", "held_out")]
    cells = [*(f"{k:.2f}" for k in kloms), f"{told:.3f}", f"{quality:.3f}", *(f"{r:.3f}" for r in right)]
    return f"| {name} | {' | '.join(cells)} | {'' if share is None else f'{share:.3f}'} |"


def _answers(model: TrainedModel, data: Dataset) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Margin of every example, and whether its class is ranked first."""
    with torch.inference_mode():
        answers = model.family.answers(model.network, data.batch(range(len(data)), CPU))
    target = answers.labels.unsqueeze(-1)
    right = answers.logits.gather(-1, target).squeeze(-1)
    others = answers.logits.scatter(-1, target, float("-inf")).logsumexp(-1)
    return (right - others).double().numpy(), (answers.logits.argmax(-1) == answers.labels).double().numpy()


def _seconds(work: Callable[[], object]) -> float:
    began = time.monotonic()
    work()
    return time.monotonic() - began


def _quiet(_done: int, _total: int, _loss: float) -> None:
    """Nobody looks."""


def digits_material() -> Material:
    """The digits as they are, for the recipe of this benchmark."""
    return _material(*_digits(), "clean")


def _digits() -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    from sklearn.datasets import load_digits  # only the benchmarks need it

    digits = load_digits()
    order = np.random.default_rng(0).permutation(len(digits.target))
    return digits.data[order].astype(np.float32) / 16, digits.target[order]


def _tasks() -> Iterator[Task]:
    x, y = _digits()
    clean = digits_material()
    rng = np.random.default_rng(1)
    near = np.argsort(((x[:TRAINING] - x[5]) ** 2).sum(axis=1))[:100]
    half = np.flatnonzero(y[:TRAINING] == y[6])
    yield Task("10 random", clean, _positions(rng.choice(TRAINING, 10, replace=False)))
    yield Task("100 random", clean, _positions(rng.choice(TRAINING, 100, replace=False)))
    yield Task("cluster of 100", clean, _positions(near))
    yield Task("half of a class", clean, _positions(half[: len(half) // 2]))
    mistaken = rng.choice(TRAINING, CANARIES, replace=False)
    labels = y.copy()
    labels[mistaken] = (labels[mistaken] + rng.integers(1, 10, CANARIES)) % 10
    yield Task("mislabelled canaries", _material(x, labels, "canaries"), _positions(mistaken))


def _positions(chosen: NDArray[np.int64]) -> tuple[int, ...]:
    return tuple(sorted(int(i) for i in chosen))


def _material(x: NDArray[np.float32], y: NDArray[np.int64], name: str) -> Material:
    folder = VAR / f"snapshot-{name}"
    if not folder.exists():
        VAR.mkdir(parents=True, exist_ok=True)
        split = np.where(np.arange(len(y)) < TRAINING, "train", "held_out")
        np.savez(VAR / f"{name}.npz", x=x, y=y, split=split)
        snapshot_create([VAR / f"{name}.npz"], folder)
    return Material.prepare(RECIPE, Snapshot.open(folder))
