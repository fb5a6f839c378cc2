"""What models are trained from."""

from __future__ import annotations

import pytest
import torch

from unlearning_jobs.engine.errors import SpecError
from unlearning_jobs.engine.families.arrays import Arrays
from unlearning_jobs.engine.training.cache import Trainer


def test_a_subset_holds_the_examples_asked_for_in_their_order(leaf_trainer: Trainer) -> None:
    training_data = leaf_trainer.training_data
    ids = (training_data.ids[7], training_data.ids[2], training_data.ids[30])
    found, expected = training_data.subset(ids), training_data.family.encode(training_data.snapshot.get(ids))
    assert isinstance(found, Arrays)
    assert isinstance(expected, Arrays)
    assert torch.equal(found.inputs, expected.inputs)
    assert torch.equal(found.labels, expected.labels)


def test_another_seed_and_another_training_set_have_another_noise(leaf_trainer: Trainer) -> None:
    training_data = leaf_trainer.training_data
    first = training_data.secret_seed((), 1)
    assert first == training_data.secret_seed((), 1)
    assert len({first, training_data.secret_seed((), 2), training_data.secret_seed(training_data.ids[:1], 1)}) == 3


def test_nothing_left_to_train_on_is_an_error(leaf_trainer: Trainer) -> None:
    with pytest.raises(SpecError, match="nothing is left"):
        leaf_trainer.training_data.without(leaf_trainer.training_data.ids)
