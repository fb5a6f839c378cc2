"""Example jobs, one per family, with small invented corpora. Each runs on any machine in under two minutes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from .catalogue.exact import exact_in_stages
from .contracts import (
    Adapter,
    BertArchitecture,
    CheckpointArchitecture,
    ClassifierArchitecture,
    EncoderArchitecture,
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
from .contracts.families import describe_family, families_that
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
    write_base: Callable[[Path, Sequence[str]], object] | None = None
    """Makes the checkpoint that its models start from, if from one, of the examples that no model is trained on."""
    max_length: int = 96
    """Longest sequence of models that start from a checkpoint, in tokens."""


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
    if adapter and not describe_family(family).takes_adapters:
        message = (
            f"A {family} learns with all of its weights; adapters are for models that start from a checkpoint and answer in"
            f" texts ({' or '.join(families_that(lambda one: one.takes_adapters))})."
        )
        raise SpecError(message)
    if not snapshot.exists():
        folder.mkdir(parents=True, exist_ok=True)
        snapshot_create([sample.write(folder)], snapshot, salt=salt)
    files, base, recipe = Snapshot.open(snapshot), None, sample.recipe
    if sample.write_base is not None:
        base = _written(sample.write_base, folder / "checkpoint", files)
        recipe = _started_from(sample, base, ADAPTER if adapter else None)
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
        base=str(base.resolve()) if base else "",
    )


def _written(write: Callable[[Path, Sequence[str]], object], folder: Path, files: Snapshot) -> Path:
    """Write a checkpoint, unless it is there, and return its folder."""
    if not folder.exists():
        write(folder, [example.text for example in files.examples() if example.set != "train"])
    return folder


def _started_from(sample: Sample, base: Path, adapter: Adapter | None) -> Recipe:
    """Return the recipe that starts from the checkpoint."""
    from .families.bases import describe_base  # it loads transformers

    described = describe_base(base, max_length=sample.max_length, adapter=adapter)
    epochs = sample.recipe.epochs if adapter is None else ADAPTER_EPOCHS
    return replace(sample.recipe, architecture=described, epochs=epochs)


def _write_language_model(folder: Path, texts: Sequence[str]) -> object:
    from .sample_checkpoint import write_checkpoint  # it loads transformers

    return write_checkpoint(folder, texts)


def _write_encoder(folder: Path, texts: Sequence[str]) -> object:
    from .sample_checkpoint import write_encoder  # it loads transformers

    return write_encoder(folder, texts)


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
        write_base=_write_language_model,
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
    "finetuned_classifier": Sample(
        write_notes,
        Recipe(
            family="finetuned_classifier",
            architecture=EncoderArchitecture("", parameters=1, hidden_size=1, layers=1, vocabulary_size=1),
            epochs=20,
            batch_size=16,
            learning_rate=3e-3,
        ),
        MISTAKEN_IDS,
        MethodChoice("finetune_retain"),
        Protocol(replicate_seeds=tuple(range(2, 9)), oracle_seeds=tuple(range(11, 19))),
        write_base=_write_encoder,
        max_length=48,
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
