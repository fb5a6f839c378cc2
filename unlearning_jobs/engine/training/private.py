"""Training with differential privacy: DP-SGD (Abadi et al. 2016, arXiv 1607.00133) by Opacus (arXiv 2109.12298).

Every step draws its batch by Poisson sampling, scales each example's gradient down to a fixed norm, adds Gaussian noise to
their sum and divides by the expected size of a batch. What that costs in privacy follows from the noise, the sampling rate
and the number of steps alone, and the PRV accountant works it out (Gopi et al. 2021, arXiv 2106.02848).
"""

from __future__ import annotations

import math
import warnings
from functools import cache

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
from unlearning_jobs.engine.errors import ObstacleError, SpecError, TrainingDivergedError
from unlearning_jobs.engine.families import Batch, Dataset, Family

from .loop import REPORT_EVERY, StepCallback, learning_rate_share, make_optimizer

EPSILON_ERROR = 0.01
"""Of the accountant, either way; the upper end is what is reported."""
LARGEST_EPSILON = 100.0
"""Beyond this the promise is empty many times over, and working it out takes minutes."""


def check_network(network: nn.Module) -> None:
    """Refuse a network that mixes the examples of a batch, or of which Opacus cannot tell their gradients apart.

    Raises:
        ObstacleError: names the layers; said before any training.
    """
    mixing = sorted({type(m).__name__ for m in network.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)})  # noqa: SLF001  # the only common base
    if mixing:
        message = (
            f"The network has {', '.join(mixing)}, where an example's answer depends on the others of its batch, so it"
            " cannot be trained privately; use group normalisation."
        )
        raise ObstacleError(message)
    if found := ModuleValidator.validate(network, strict=False):
        message = f"The network cannot be trained privately: {found[0]}"
        raise ObstacleError(message)


def privacy_loss(recipe: Recipe, examples: int) -> PrivacyLoss:
    """What training by the recipe on so many examples costs, with the accountant's upper end as epsilon.

    Raises:
        SpecError: the recipe is not private, or its noise is so little that it promises nothing.
    """
    privacy = _privacy(recipe)
    rate, steps = sampling_rate(recipe, examples), recipe.epochs * math.ceil(examples / recipe.batch_size)
    epsilon = _epsilon(privacy.noise_multiplier, rate, steps, privacy.delta)
    return PrivacyLoss(epsilon, privacy.delta, privacy.noise_multiplier, rate, steps)


def sampling_rate(recipe: Recipe, examples: int) -> float:
    """Chance of each example to be in a step's batch, so that a batch has `batch_size` examples on average."""
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
    """Train the network in place with the recipe's noise, and return what that cost.

    The secret (`TrainingData.secret_seed`) decides batches and noise, both of which must stay unknown; the same secret gives
    the same weights on the same CPU. There are no checkpoints: a training that is killed starts again.

    Raises:
        ObstacleError: the network cannot be trained privately.
        SpecError: the noise is so little that it promises nothing.
        TrainingDivergedError: the loss became NaN or infinite.
    """
    check_network(network)
    privacy, loss = _privacy(recipe), privacy_loss(recipe, len(data))
    drawing, noise = (int(seed) for seed in np.random.SeedSequence(secret).generate_state(2, np.uint64))
    separate = GradSampleModule(network, loss_reduction="sum")
    optimizer = DPOptimizer(
        make_optimizer(recipe, network.parameters()),
        noise_multiplier=privacy.noise_multiplier,
        max_grad_norm=privacy.max_gradient_norm,
        expected_batch_size=min(recipe.batch_size, len(data)),
        generator=torch.Generator(device).manual_seed(noise),
    )
    batches = UniformWithReplacementSampler(
        num_samples=len(data),
        sample_rate=loss.sampling_rate,
        generator=torch.Generator().manual_seed(drawing),
        steps=loss.steps,
    )
    value = math.nan
    for done, positions in enumerate(batches, start=1):
        for group in optimizer.param_groups:
            group["lr"] = recipe.learning_rate * learning_rate_share(done - 1, loss.steps, recipe.warmup_share)
        optimizer.zero_grad(set_to_none=True)
        if positions:
            value = _separate_gradients(separate, family, data.batch(positions, device)) / len(positions)
            if not math.isfinite(value):
                message = f"The loss became {value} after {done} of {loss.steps} steps; lower the learning rate."
                raise TrainingDivergedError(message)
        else:  # nobody was drawn, and the step is noise alone
            for parameter in network.parameters():
                parameter.grad_sample = parameter.new_zeros((0, *parameter.shape))  # type: ignore[attr-defined]  # Opacus keeps them there
        optimizer.step()
        if done % REPORT_EVERY == 0 or done == loss.steps:
            on_step(done, loss.steps, value)
    separate.to_standard_module()
    return loss


@cache
def _epsilon(noise: float, rate: float, steps: int, delta: float) -> float:
    """By the PRV accountant. All models of one evaluation share it, and it takes a second."""
    quick, tight = RDPAccountant(), PRVAccountant()
    quick.history = tight.history = [(noise, rate, steps)]
    with warnings.catch_warnings(), np.errstate(divide="ignore"):
        warnings.filterwarnings("ignore", message="Optimal order is the")  # the quick bound may be coarse
        if (bound := float(quick.get_epsilon(delta=delta))) > LARGEST_EPSILON:
            message = f"Training would have an epsilon of about {bound:.0f}, which promises nothing; raise noise_multiplier."
            raise SpecError(message)
        return float(tight.get_epsilon(delta=delta, eps_error=EPSILON_ERROR))


def _separate_gradients(network: nn.Module, family: Family, batch: Batch) -> float:
    """Leave every example's gradient beside the parameters; return the sum of their losses."""
    predictions = family.predict(network, batch)
    total = F.cross_entropy(predictions.logits, predictions.labels, reduction="sum")
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Full backward hook is firing")  # inputs need no gradients, and it says so
        torch.autograd.backward(total)
    return total.item()


def _privacy(recipe: Recipe) -> Privacy:
    if recipe.privacy is None:
        message = "The recipe has no privacy: training by it is not private."
        raise SpecError(message)
    return recipe.privacy
