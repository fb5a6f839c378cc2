"""Measures one model on all probes and texts of a job."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import torch
from torch import nn

from unlearning_jobs.engine.contracts.concepts import ConceptSpec, Probe
from unlearning_jobs.engine.contracts.contract import EngineContract
from unlearning_jobs.engine.corpora import Example
from unlearning_jobs.engine.training.model import TrainedModel

from .asking import Answer, ask
from .attacks import lens_ranks, losses, relearned
from .findings import EDITED, ORACLE, ORIGINAL, ConceptFinding, ProbeRow, Side, findings
from .split import Split

NOISE: Final = 10.0
"""Of the control that destroys the neighbourhood: standard deviation, in those of each matrix of a hidden layer."""


@dataclass(frozen=True)
class Measured(EngineContract):
    """The raw answers about an edited model, and what follows from them."""

    finding: ConceptFinding
    rows: tuple[ProbeRow, ...]
    losses: Mapping[str, tuple[float, ...]]
    """By model: the mean loss per token of each text that does not name the concept."""


@dataclass(frozen=True)
class Measurement:
    """The answers of one model, in the order of the probes, and its losses."""

    answers: tuple[Answer, ...]
    losses: tuple[float, ...]


@dataclass(frozen=True)
class Measuring:
    """What every model of a job is measured on."""

    spec: ConceptSpec
    split: Split
    texts: tuple[Example, ...]

    @property
    def probes(self) -> list[tuple[Probe, Side]]:
        """All probes, and who sees them."""
        s = self.split
        sides: tuple[tuple[Side, tuple[Probe, ...]], ...] = (
            ("method", s.method),
            ("audit", s.audit),
            ("kept", s.kept),
            ("watched", s.watched),
        )
        return [(probe, side) for side, probes in sides for probe in probes]

    def measure(self, model: TrainedModel) -> Measurement:
        """Ask a model everything; it stays as it was.

        Raises:
            TrainingDivergedError: it puts out what is no number.
        """
        spec, instead, audit = self.spec, self.spec.concept.instead, self.split.audit
        attacked = [
            replace(answer, relearned=again, lens_rank=rank)
            for answer, again, rank in zip(
                ask(model, audit, instead, samples=spec.samples, seed=spec.seed),
                relearned(model, self.split.method, audit, spec.recipe, steps=spec.relearning, seed=spec.seed),
                lens_ranks(model, audit),
                strict=True,
            )
        ]
        own, others = ask(model, self.split.method, instead), ask(model, [*self.split.kept, *self.split.watched], instead)
        return Measurement((*own, *attacked, *others), losses(model, self.texts))

    def found(self, original: Measurement, edited: Measurement, oracle: Measurement | None) -> Measured:
        """Return what the measurements say about an edited model."""
        models = {ORIGINAL: original, EDITED: edited, **({ORACLE: oracle} if oracle else {})}
        rows = tuple(
            ProbeRow(probe, side, {name: model.answers[place] for name, model in models.items()})
            for place, (probe, side) in enumerate(self.probes)
        )
        by_model = {name: model.losses for name, model in models.items()}
        return Measured(findings(rows, by_model, self.spec.concept.instead.kind), rows, by_model)


@torch.no_grad()
def destroyed(model: TrainedModel, seed: int) -> TrainedModel:
    """Return a copy whose hidden layers are drowned in noise: it knows neither the concept nor its neighbours."""
    copy, generator = model.copy_to(model.device), torch.Generator().manual_seed(seed)
    for layer in copy.family.hidden_layers(copy.network):
        for weight in matrices(layer):
            noise = torch.randn(weight.shape, generator=generator).to(weight)
            weight.add_(NOISE * weight.std() * noise)
    return copy


def matrices(layer: nn.Module) -> Sequence[nn.Parameter]:
    """Return the matrices of a layer."""
    return [parameter for parameter in layer.parameters() if parameter.ndim > 1]
