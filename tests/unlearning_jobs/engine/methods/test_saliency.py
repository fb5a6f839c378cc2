"""Gradients over a whole set, and masks over all weights at once."""

from __future__ import annotations

import copy

import pytest
import torch
import torch.nn.functional as F  # noqa: N812  # the name everyone knows it by

from tests.unlearning_jobs.engine.methods.conftest import Tasks
from unlearning_jobs.engine.methods import ExampleCounter
from unlearning_jobs.engine.methods.saliency import mask_of_largest, mask_of_smallest, mean_gradients

VALUES = [torch.tensor([[0.1, -5.0], [2.0, 0.0]]), torch.tensor([-3.0, 0.2])]


def test_the_gradient_over_batches_is_that_of_one_batch_with_everything(tasks: Tasks) -> None:
    model = tasks["classifier"].model
    training_data = tasks["classifier"].context.training_data
    data, counter = training_data.data, ExampleCounter()
    network = copy.deepcopy(model.network)
    batch = data.batch(range(len(data)), torch.device("cpu"))
    torch.autograd.backward(F.cross_entropy(network(batch.inputs), batch.labels))
    assert len(data) > 64
    for found, parameter in zip(mean_gradients(model, data, counter), network.parameters(), strict=True):
        assert parameter.grad is not None
        torch.testing.assert_close(found, parameter.grad, rtol=1e-4, atol=1e-6)
    assert counter.examples == len(data)


def test_the_largest_are_chosen_over_all_tensors_together_by_size_without_sign() -> None:
    first, second = mask_of_largest(VALUES, 0.5)
    assert first.tolist() == [[0, 1], [1, 0]]
    assert second.tolist() == [1, 0]


def test_the_smallest_are_the_others() -> None:
    first, second = mask_of_smallest(VALUES, 0.5)
    assert first.tolist() == [[1, 0], [0, 1]]
    assert second.tolist() == [0, 1]


@pytest.mark.parametrize("share", [0.001, 0.3, 1.0])
def test_a_mask_holds_the_share_asked_for_also_where_all_are_equal(share: float) -> None:
    [mask] = mask_of_largest([torch.ones(50, 20)], share)
    assert int(mask.sum()) == round(share * 1000)
