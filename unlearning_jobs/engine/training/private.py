"""Training with differential privacy: DP-SGD (Abadi et al. 2016, arXiv 1607.00133) by Opacus (arXiv 2109.12298).

Every step draws its batch by Poisson sampling, scales each example's gradient down to a fixed norm, adds Gaussian noise to
the sum and divides by the expected size of a batch. The privacy that this costs depends only on the noise, the sampling
rate and the number of steps; the PRV accountant works it out (Gopi et al. 2021, arXiv 2106.02848).

The loop is its own, since it needs one gradient per example. The schedule and the divergence check are those of `loop`; a
recipe cannot ask for privacy together with bfloat16 or shards.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterable
from functools import cache
from typing import Final

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812  # the name everyone knows it by
from opacus import GradSampleModule
from opacus.accountants import PRVAccountant, RDPAccountant
from opacus.optimizers import DPOptimizer
from opacus.utils.uniform_sampler import UniformWithReplacementSampler
from opacus.validators import ModuleValidator
from torch import nn

from unlearning_jobs.engine.contracts import Recipe
from unlearning_jobs.engine.contracts.privacy import Privacy, PrivacyLoss
from unlearning_jobs.engine.errors import ObstacleError, SpecError
from unlearning_jobs.engine.families import Batch, Dataset, Family

from .loop import REPORT_EVERY, StepCallback, check_loss
from .schedule import LearningRate, make_optimizer

EPSILON_ERROR: Final = 0.01
"""The accountant's error in either direction. The upper end of the interval is reported."""
LARGEST_EPSILON: Final = 100.0
"""A larger epsilon promises nothing, and the accountant would take minutes to work it out."""


def check_network(network: nn.Module) -> None:
    """Refuse a network that mixes the examples of a batch, or whose gradients Opacus cannot separate by example.

    Raises:
        ObstacleError: the message names the layers.
    """
    mixing = sorted({type(m).__name__ for m in network.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)})  # noqa: SLF001  # the only common base
    if mixing:
        message = (
            f"The network has {', '.join(mixing)}, where an example's answer depends on the others of its batch, so it"
            " cannot be trained privately; use group normalisation."
        )
        raise ObstacleError(message)
    if problems := ModuleValidator.validate(network, strict=False):
        message = f"The network cannot be trained privately: {problems[0]}"
        raise ObstacleError(message)


def privacy_loss(recipe: Recipe, examples: int) -> PrivacyLoss:
    """Return what training by the recipe on this many examples costs; epsilon is the accountant's upper end.

    Raises:
        SpecError: the recipe is not private, or has too little noise to promise anything.
    """
    privacy = _privacy(recipe)
    rate, steps = sampling_rate(recipe, examples), recipe.epochs * math.ceil(examples / recipe.batch_size)
    epsilon = _epsilon(privacy.noise_multiplier, rate, steps, privacy.delta)
    return PrivacyLoss(epsilon, privacy.delta, privacy.noise_multiplier, rate, steps)


def sampling_rate(recipe: Recipe, examples: int) -> float:
    """Return each example's probability of being drawn for a step, so that a batch has `batch_size` examples on average."""
    return min(1.0, recipe.batch_size / examples)


def train_privately(
    network: nn.Module,
    data: Dataset,
    family: Family,
    recipe: Recipe,
    secret: int,
    *,
    device: torch.device,
    on_step: StepCallback,
) -> PrivacyLoss:
    """Train the network in place with the recipe's noise, and return the privacy that this cost.

    The secret (`TrainingData.secret_seed`) decides batches and noise, both of which must stay unknown. The same secret
    gives the same weights on the same CPU. There are no checkpoints: a training that is killed starts again.

    Raises:
        ObstacleError: the network cannot be trained privately.
        SpecError: there is too little noise to promise anything.
        TrainingDivergedError: the loss became NaN or infinite.
    """
    check_network(network)
    loss = privacy_loss(recipe, len(data))
    batch_seed, noise_seed = (int(seed) for seed in np.random.SeedSequence(secret).generate_state(2, np.uint64))
    wrapped = GradSampleModule(network, loss_reduction="sum")  # keeps one gradient per example
    optimizer = _private_optimizer(network, recipe, len(data), torch.Generator(device).manual_seed(noise_seed))
    learning_rate = LearningRate.of(recipe, loss.steps)
    mean_loss = math.nan  # until a step has drawn somebody
    for done, positions in enumerate(_poisson_batches(len(data), loss, batch_seed), start=1):
        learning_rate.set_for(done - 1, optimizer)

        # 1. One gradient per example.
        optimizer.zero_grad(set_to_none=True)
        if positions:
            mean_loss = _gradients_per_example(wrapped, family, data.batch(positions, device)) / len(positions)
            check_loss(mean_loss, done, loss.steps)
        else:  # nobody was drawn, so the step is noise alone
            for parameter in network.parameters():
                parameter.grad_sample = parameter.new_zeros((0, *parameter.shape))  # type: ignore[attr-defined]  # Opacus keeps them there

        # 2. Clip each of them, add noise to their sum, step.
        optimizer.step()

        # 3. Report.
        if done % REPORT_EVERY == 0 or done == loss.steps:
            on_step(done, loss.steps, mean_loss)
    wrapped.to_standard_module()
    return loss


def _private_optimizer(network: nn.Module, recipe: Recipe, examples: int, noise: torch.Generator) -> DPOptimizer:
    privacy = _privacy(recipe)
    return DPOptimizer(
        make_optimizer(recipe, network.parameters()),
        noise_multiplier=privacy.noise_multiplier,
        max_grad_norm=privacy.max_gradient_norm,
        expected_batch_size=min(recipe.batch_size, examples),
        generator=noise,
    )


def _poisson_batches(examples: int, loss: PrivacyLoss, seed: int) -> Iterable[list[int]]:
    """Draw a batch for every step, into which each example comes with the same probability; it may be empty."""
    batches: Iterable[list[int]] = UniformWithReplacementSampler(
        num_samples=examples,
        sample_rate=loss.sampling_rate,
        generator=torch.Generator().manual_seed(seed),
        steps=loss.steps,
    )
    return batches


@cache
def _epsilon(noise: float, rate: float, steps: int, delta: float) -> float:
    """Work epsilon out by the PRV accountant. It takes a second, and all models of one evaluation have the same.

    The accountant solves for epsilon on the whole line, and finds a negative one where delta alone allows the difference.
    """
    quick, tight = RDPAccountant(), PRVAccountant()
    quick.history = tight.history = [(noise, rate, steps)]
    with warnings.catch_warnings(), np.errstate(divide="ignore"):
        warnings.filterwarnings("ignore", message="Optimal order is the")  # the quick bound may be coarse
        if (bound := float(quick.get_epsilon(delta=delta))) > LARGEST_EPSILON:
            message = f"Training would have an epsilon of about {bound:.0f}, which promises nothing; raise noise_multiplier."
            raise SpecError(message)
        return max(0.0, float(tight.get_epsilon(delta=delta, eps_error=EPSILON_ERROR)))


def _gradients_per_example(network: nn.Module, family: Family, batch: Batch) -> float:
    """Leave a gradient per example beside each parameter, and return the sum of the examples' losses."""
    predictions = family.predict(network, batch)
    total = F.cross_entropy(predictions.logits, predictions.labels, reduction="sum")
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Full backward hook is firing")  # expected: inputs need no gradients
        torch.autograd.backward(total)
    return total.item()


def _privacy(recipe: Recipe) -> Privacy:
    if recipe.privacy is None:
        message = "The recipe has no privacy: training by it is not private."
        raise SpecError(message)
    return recipe.privacy
