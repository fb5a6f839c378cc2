"""TRAK's scores are its formula's, computed another way, and order examples by what leaving them out really does."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from unlearning_jobs.engine.attribution.trak import BUCKETS, RIDGE, trak_scores
from unlearning_jobs.engine.families.arrays import Arrays
from unlearning_jobs.engine.training.cache import Trainer
from unlearning_jobs.engine.training.model import TrainedModel

KNOWN = 12


@pytest.fixture(scope="module")
def some(leaf_trainer: Trainer) -> Arrays:
    data = leaf_trainer.training_data.data
    assert isinstance(data, Arrays)
    return data.subset(range(20))


def _features_one_by_one(model: TrainedModel, data: Arrays, seed: int) -> torch.Tensor:
    """With a backward pass for every logit of every example, and the sketch as a dense matrix."""
    weights = list(model.network.parameters())
    size = sum(w.numel() for w in weights)
    generator = torch.Generator().manual_seed(seed)
    buckets = torch.randint(BUCKETS, (size,), generator=generator)
    signs = 2.0 * torch.randint(2, (size,), generator=generator) - 1
    rows = []
    for x in data.inputs:
        logits = model.network(x.unsqueeze(0)).squeeze(0)
        for logit in logits:
            flat = torch.cat([g.flatten() for g in torch.autograd.grad(logit, weights, retain_graph=True)])
            rows.append(torch.zeros(BUCKETS).index_add(0, buckets, signs * flat))
    return torch.stack(rows).reshape(len(data), -1, BUCKETS)


def test_scores_are_those_of_the_formula_taken_one_gradient_at_a_time(leaf_model: TrainedModel, some: Arrays) -> None:
    features = _features_one_by_one(leaf_model, some, seed=0)
    logits = leaf_model.network(some.inputs).detach()
    phi, doubt = [], []
    for row, label in enumerate(some.labels[:KNOWN].tolist()):
        others = [c for c in range(logits.shape[1]) if c != label]
        share = torch.softmax(logits[row, others], dim=0)
        phi.append(features[row, label] - (share[:, None] * features[row, others]).sum(dim=0))
        doubt.append(1 - torch.softmax(logits[row], dim=0)[label])
    stacked = torch.stack(phi).double()
    gram = stacked.T @ stacked
    gram += RIDGE * gram.diagonal().mean() * torch.eye(BUCKETS)
    expected = features.double() @ torch.linalg.inv(gram) @ stacked.T * torch.stack(doubt).double()
    scores = trak_scores([leaf_model], some, KNOWN)
    assert scores.shape == (len(some), logits.shape[1], KNOWN)
    assert np.allclose(scores, expected.numpy(), rtol=1e-3, atol=1e-4 * float(expected.abs().max()))


def test_the_scores_of_several_models_average_the_doubt_apart(leaf_trainer: Trainer, some: Arrays) -> None:
    first, other = (leaf_trainer.obtain((), seed, lambda *_: None) for seed in (1, 2))
    both = trak_scores([first, other], some, KNOWN)
    assert not np.allclose(both, (trak_scores([first], some, KNOWN) + trak_scores([other], some, KNOWN)) / 2)
    assert np.isfinite(both).all()


def test_without_a_model_there_are_no_scores(some: Arrays) -> None:
    with pytest.raises(ValueError, match="at least one model"):
        trak_scores([], some, KNOWN)
