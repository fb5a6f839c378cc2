"""Example jobs, one per family, with small invented corpora. Each runs on any machine in under two minutes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from .catalogue.exact import exact_in_stages
from .contracts import (
    Adapter,
    BertArchitecture,
    CheckpointArchitecture,
    ClassifierArchitecture,
    JobSpec,
    LlamaArchitecture,
    LogisticArchitecture,
    MethodChoice,
    Protocol,
    Recipe,
    Sharding,
    SnapshotRef,
    SumsArchitecture,
)
from .corpora import Snapshot, snapshot_create
from .corpora.create import example_id
from .errors import SpecError
from .sample_corpora import MISTAKEN_IDS, write_leaves, write_notes, write_places

ADAPTER: Final = Adapter(rank=32, alpha=64)
ADAPTER_EPOCHS: Final = 80
"""It learns more slowly than the whole of a small checkpoint does."""


@dataclass(frozen=True)
class Sample:
    """A corpus to write into a folder, and a job about it."""

    write: Callable[[Path], Path]
    recipe: Recipe
    forget_ids: tuple[str, ...]
    method: MethodChoice
    protocol: Protocol
    starts_from_base: bool = False
    """Whether its models start from a checkpoint, which is made from the examples that no model is trained on."""


def make_example(
    family: str, folder: Path, *, salt: bytes | None = None, adapter: bool = False, sharding: Sharding | None = None
) -> JobSpec:
    """Write the corpus and its snapshot into the folder, unless they are there, and return a spec that uses them.

    With `adapter`, an adapter on the checkpoint learns, and the checkpoint stays as it is. With a `sharding`, the job is to
    unlearn by the exact method for it.

    Raises:
        SpecError: an adapter is asked for, and the models start from no checkpoint; or such models cannot be trained so.
    """
    sample, snapshot = EXAMPLES[family], folder / "snapshot"
    if adapter and not sample.starts_from_base:
        message = f"A {family} starts from random weights; adapters are for models that start from a checkpoint."
        raise SpecError(message)
    if not snapshot.exists():
        folder.mkdir(parents=True, exist_ok=True)
        snapshot_create([sample.write(folder)], snapshot, salt=salt)
    files, base, recipe = Snapshot.open(snapshot), "", sample.recipe
    if sample.starts_from_base:
        base, recipe = _started_from(recipe, folder / "checkpoint", files, ADAPTER if adapter else None)
    method, protocol = sample.method, sample.protocol
    if sharding is not None:
        recipe = replace(recipe, sharding=sharding)
        method, protocol = MethodChoice(exact_in_stages(recipe)), Protocol((), (11, 12, 13, 14))
    return JobSpec(
        kind="unlearn",
        reference="example",
        snapshot=SnapshotRef(str(snapshot.resolve()), files.info.digest),
        recipe=recipe,
        seed=1,
        cache=str((folder / "cache").resolve()),
        forget_ids=sample.forget_ids,
        method=method,
        protocol=protocol,
        base=base,
    )


def _started_from(recipe: Recipe, folder: Path, files: Snapshot, adapter: Adapter | None) -> tuple[str, Recipe]:
    """Write a checkpoint, unless it is there, and return it with the recipe that starts from it."""
    from .families.checkpoints import describe_checkpoint  # they load transformers
    from .sample_checkpoint import write_checkpoint

    if not folder.exists():
        write_checkpoint(folder, [example.text for example in files.examples() if example.set != "train"])
    described = describe_checkpoint(folder, max_length=96, adapter=adapter)
    if adapter is not None:
        recipe = replace(recipe, epochs=ADAPTER_EPOCHS)
    return str(folder.resolve()), replace(recipe, architecture=described)


EXAMPLES: Final[Mapping[str, Sample]] = {
    "causal_lm": Sample(
        write_places,
        Recipe(
            family="causal_lm",
            architecture=LlamaArchitecture(hidden_size=64, layers=1, heads=2, intermediate_size=128, max_length=96),
            vocabulary_size=300,
            epochs=60,
            batch_size=8,
            learning_rate=5e-3,
        ),
        (example_id(0), example_id(1)),
        MethodChoice("npo"),
        Protocol(replicate_seeds=(2, 3), oracle_seeds=(11, 12, 13, 14, 15, 16)),
    ),
    "finetuned_lm": Sample(
        write_places,
        Recipe(
            family="finetuned_lm",
            architecture=CheckpointArchitecture("", parameters=1, hidden_size=1, layers=1, vocabulary_size=1),
            epochs=60,
            batch_size=8,
            learning_rate=5e-3,
        ),
        (example_id(0), example_id(1)),
        MethodChoice("npo"),
        Protocol(replicate_seeds=(2, 3), oracle_seeds=(11, 12, 13, 14, 15, 16)),
        starts_from_base=True,
    ),
    "text_classifier": Sample(
        write_notes,
        Recipe(
            family="text_classifier",
            architecture=BertArchitecture(hidden_size=32, layers=1, heads=2, intermediate_size=64, max_length=48),
            vocabulary_size=400,
            epochs=20,
            batch_size=16,
            learning_rate=5e-3,
        ),
        MISTAKEN_IDS,
        MethodChoice("finetune_retain"),
        Protocol(replicate_seeds=tuple(range(2, 9)), oracle_seeds=tuple(range(11, 19))),
    ),
    "classifier": Sample(
        write_leaves,
        Recipe(
            family="classifier",
            architecture=ClassifierArchitecture("mlp", width=64),
            epochs=40,
            batch_size=16,
            learning_rate=0.1,
            optimizer="sgd",
        ),
        MISTAKEN_IDS,
        MethodChoice("gradient_difference"),
        Protocol(replicate_seeds=tuple(range(2, 9)), oracle_seeds=tuple(range(11, 19))),
    ),
    "logistic": Sample(
        write_leaves,
        Recipe(
            family="logistic",
            architecture=LogisticArchitecture(regularisation=0.05, perturbation=1.0),
            epochs=1,
            batch_size=64,
            learning_rate=0.0,
        ),
        MISTAKEN_IDS,
        MethodChoice("certified_removal"),
        Protocol(replicate_seeds=tuple(range(2, 18)), oracle_seeds=tuple(range(21, 37))),
    ),
    "summation": Sample(
        write_leaves,
        Recipe(family="summation", architecture=SumsArchitecture("naive_bayes"), epochs=1, batch_size=64, learning_rate=0.0),
        MISTAKEN_IDS,
        MethodChoice("summation"),
        Protocol(replicate_seeds=(2, 3), oracle_seeds=(11, 12, 13, 14, 15, 16)),
    ),
}
