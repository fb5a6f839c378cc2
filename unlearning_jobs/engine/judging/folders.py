"""Measures models that lie in folders: those that Lethe wrote, and checkpoints as transformers writes them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import torch

from unlearning_jobs.engine.artefacts import model_about, model_digest
from unlearning_jobs.engine.contracts import Protocol
from unlearning_jobs.engine.corpora import Example, Snapshot
from unlearning_jobs.engine.errors import SpecError
from unlearning_jobs.engine.evaluation.membership import GRADIENT_NORM, gradient_norms
from unlearning_jobs.engine.evaluation.outputs import Group, ModelKey, Outputs
from unlearning_jobs.engine.evaluation.sets import evaluation_sets
from unlearning_jobs.engine.evaluation.statistics import measure
from unlearning_jobs.engine.families.checkpoints import (
    check_fits,
    describe_checkpoint,
    read_config,
    read_network,
    read_tokenizer,
)
from unlearning_jobs.engine.families.encoders import describe_encoder, is_encoder, read_foreign_classifier
from unlearning_jobs.engine.families.finetuned_classifier import FinetunedClassifierFamily
from unlearning_jobs.engine.families.finetuned_lm import FinetunedLmFamily
from unlearning_jobs.engine.tensors import require_finite, weights_of
from unlearning_jobs.engine.training.model import TrainedModel, read_model, to_device

from .judgement import FIRST_ORACLE

COMPARED: Final = 8
"""Examples that show how a model reads them."""
WITH_GRADIENTS: Final = ("forget", "held_out")
"""The sets that are told apart by gradients."""
SAMPLE: Final = Protocol((), ())
"""Says how many retain and held-out examples are drawn, and with which seed: as in Lethe's own evaluations."""


@dataclass(frozen=True)
class FolderSource:
    """Models in folders, and the corpus that they were trained on."""

    snapshot: Path
    forget_ids: tuple[str, ...]
    original: tuple[Path, ...]
    unlearned: tuple[Path, ...]
    oracles: tuple[Path, ...]
    template: str = ""
    """What stands before an answer in checkpoints; by default, the tokenizer's own for conversations, if it has one."""
    max_length: int = 0
    """Longest sequence in tokens of checkpoints; 0 for the default of `describe_checkpoint`."""


def outputs_of_folders(
    source: FolderSource, device: torch.device, on_model: Callable[[Path], None] = lambda _folder: None
) -> tuple[Outputs, str, Mapping[str, tuple[str, ...]]]:
    """Measure every model on the forget set and on samples of the retain set and of held-out examples, one after another.

    Returns:
        the outputs, the models' family, and their digests by group.

    Raises:
        SpecError: a folder holds no model that can be read, or one with weights that are no numbers, or models of several
            kinds that read examples differently.
        CorpusError: the snapshot cannot be read, or lacks an example to forget.
    """
    snapshot = Snapshot.open(source.snapshot)
    sets = _sets(snapshot, source.forget_ids)
    outputs, digests, families = Outputs(), dict[str, list[str]](), dict[str, None]()
    read_first: str = ""
    groups: tuple[tuple[Group, tuple[Path, ...], int], ...] = (
        ("original", source.original, 1),
        ("unlearned", source.unlearned, 1),
        ("oracle", source.oracles, FIRST_ORACLE),
    )
    for group, folders, first in groups:
        for number, folder in enumerate(folders, start=first):
            on_model(folder)
            labels = snapshot.info.labels
            model = read_judged(folder, template=source.template, max_length=source.max_length, labels=labels)
            families[model.family.name] = None
            read = reading(model, sets["forget"])
            read_first = read_first or read
            if len(families) > 1 or read != read_first:
                message = f"The model in {folder.name} reads examples otherwise than the first one; its tokenizer differs."
                raise SpecError(message)
            to_device(model.network, device)
            for name, examples in sets.items():
                rows = measure(model, examples, everything=True)
                key = ModelKey(group, number)
                outputs.add(key, name, [example.id for example in examples], rows)
                if name in WITH_GRADIENTS and model.family.description.answers == "text":
                    norms = gradient_norms(model, model.family.encode(examples))
                    outputs.add_columns(key, name, {GRADIENT_NORM: norms})
            digests.setdefault(group, []).append(model_digest(folder))
    return outputs, next(iter(families), ""), {group: tuple(found) for group, found in digests.items()}


def read_judged(folder: Path, *, template: str = "", max_length: int = 0, labels: tuple[str, ...] = ()) -> TrainedModel:
    """Return the model in a folder, whoever made it; template and longest sequence as in `FolderSource`.

    The labels of the corpus are the classes that a classifier has to have, in whatever order.

    Raises:
        SpecError: the folder holds no model that can be read.
    """
    about = model_about(folder)
    require_finite(weights_of(folder), folder)
    if about and about.get("family") != FinetunedLmFamily.name:
        return read_model(folder)
    if "ensemble" in about:
        message = (
            f"The model in {folder.name} is several adapters that answer together, which no library reads as one model;"
            " judge models that were merged."
        )
        raise SpecError(message)
    config, tokenizer = read_config(folder), read_tokenizer(folder)
    if is_encoder(config):
        encoder = describe_encoder(folder, max_length=max_length)
        classifier = read_foreign_classifier(folder, config, config, labels)
        return TrainedModel(classifier.eval(), FinetunedClassifierFamily(folder, config, tokenizer, encoder, labels))
    # What Lethe made from a checkpoint is read as transformers reads it, so that an adapter needs no checkpoint here.
    said = about.get("architecture", {})
    architecture = describe_checkpoint(
        folder,
        max_length=max_length or int(said.get("max_length", 0)),
        template=template or str(said.get("template", "")),
    )
    if said:
        architecture = replace(architecture, begins=bool(said.get("begins", True)))
    check_fits(architecture, config, tokenizer)
    family = FinetunedLmFamily(folder, config, tokenizer, architecture)
    return TrainedModel(read_network(folder, config).train(mode=False), family)


def reading(model: TrainedModel, examples: Sequence[Example]) -> str:
    """Return how a model reads examples: equal for models whose answers can be compared."""
    data = model.family.encode(examples)
    batch = data.batch(range(min(len(examples), COMPARED)), torch.device("cpu"))
    return f"{batch.inputs.tolist()} {batch.labels.tolist()}"


def _sets(snapshot: Snapshot, forget_ids: Sequence[str]) -> dict[str, list[Example]]:
    if not forget_ids:
        message = "There is nothing to forget: the list of examples to forget is empty."
        raise SpecError(message)
    forget = set(forget_ids)
    if any(example.set != "train" for example in snapshot.get(forget)):
        message = "An example to forget is not a training example, so no model has learned it; leave it out."
        raise SpecError(message)
    retained = [example.id for example in snapshot.examples("train") if example.id not in forget]
    return evaluation_sets(snapshot, forget, retained, SAMPLE)
