"""The training loop. It reads top to bottom, and every random choice in it comes from the seed."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Collection
from pathlib import Path

import torch
import torch.nn.functional as F  # noqa: N812  # the name everyone knows it by
from torch import Tensor
from transformers import LlamaForCausalLM

from unlearning_jobs.engine.contracts import Recipe
from unlearning_jobs.engine.corpora import Snapshot
from unlearning_jobs.engine.errors import SpecError, TrainingDivergedError

from .checkpoint import load_checkpoint, save_checkpoint
from .device import check_memory
from .model import TrainedModel, build_network, place
from .tokens import IGNORED, Batch, bucketed_batches, collate, encode, train_tokenizer

ADAM_BETAS = (0.9, 0.99)
GRADIENT_NORM = 1.0
REPORT_EVERY = 10
SEED_STRIDE = 1_000_003
"""A prime larger than any number of epochs, so that no two seeds share an order."""
CHECKPOINT_SECONDS = 30.0

OnStep = Callable[[int, int, float], None]
"""Called with steps done, steps in total, and the loss."""


def learning_rate_share(step: int, total: int, warmup_share: float) -> float:
    """Share of the peak learning rate at a step: linear warm-up, then half a cosine down to zero."""
    warmup = max(1, round(total * warmup_share))
    if step < warmup:
        return (step + 1) / warmup
    return 0.5 * (1 + math.cos(math.pi * (step - warmup) / max(1, total - warmup)))


def answer_logits(network: LlamaForCausalLM, batch: Batch) -> tuple[Tensor, Tensor]:
    """Logits (tokens, vocabulary) in float32 and labels (tokens) of all answer tokens of a batch, row by row.

    The vocabulary's logits are worked out where there is a label only, which on small models is a good part of the work.
    """
    hidden = network.model(input_ids=batch.ids, use_cache=False).last_hidden_state[:, :-1]
    labels = batch.labels[:, 1:]
    answers = labels != IGNORED
    return network.lm_head(hidden[answers]).float(), labels[answers]


def train(
    recipe: Recipe,
    snapshot: Snapshot,
    exclude_ids: Collection[str],
    seed: int,
    *,
    device: torch.device,
    on_step: OnStep,
    checkpoint: Path | None = None,
    checkpoint_seconds: float = CHECKPOINT_SECONDS,
) -> TrainedModel:
    """Train the recipe's model on the snapshot's training examples without the excluded ones.

    The loss is the mean cross-entropy over the answers' tokens. Two runs with the same arguments on the same CPU, with the
    same number of threads, give the same weights, also when one of them went on from a checkpoint: the file `checkpoint`
    is read at the start if it is there, and written every `checkpoint_seconds`.

    Raises:
        OutOfMemoryError: the model would not fit; said before the work starts.
        SpecError: nothing is left to train on.
        CorpusError: an example is too long.
        TrainingDivergedError: the loss became NaN or infinite.
    """
    check_memory(recipe, device)
    excluded = frozenset(exclude_ids)
    tokenizer = train_tokenizer(snapshot, recipe.vocabulary_size)
    longest = recipe.architecture.max_length
    examples = [encode(tokenizer, e, longest) for e in snapshot.examples("train") if e.id not in excluded]
    if not examples:
        message = "Every training example is excluded; nothing is left to train on."
        raise SpecError(message)

    network = place(build_network(recipe, tokenizer.get_vocab_size(), seed), device).train()
    optimizer = torch.optim.AdamW(
        network.parameters(), lr=recipe.learning_rate, betas=ADAM_BETAS, weight_decay=recipe.weight_decay, fused=True
    )
    lengths = [len(e.ids) for e in examples]
    steps_per_epoch = math.ceil(len(examples) / recipe.batch_size)
    total = recipe.epochs * steps_per_epoch
    done = load_checkpoint(checkpoint, network, optimizer) if checkpoint else 0
    saved_at = time.monotonic()

    for epoch in range(done // steps_per_epoch, recipe.epochs):
        order = torch.Generator().manual_seed(seed * SEED_STRIDE + epoch)
        batches = bucketed_batches(lengths, recipe.batch_size, order)
        for positions in batches[done - epoch * steps_per_epoch :]:
            for group in optimizer.param_groups:
                group["lr"] = recipe.learning_rate * learning_rate_share(done, total, recipe.warmup_share)
            batch = collate([examples[i] for i in positions], device)
            with torch.autocast(device.type, torch.bfloat16, enabled=recipe.precision == "bfloat16"):
                logits, labels = answer_logits(network, batch)
            loss = F.cross_entropy(logits, labels)
            optimizer.zero_grad(set_to_none=True)
            torch.autograd.backward(loss)
            torch.nn.utils.clip_grad_norm_(network.parameters(), GRADIENT_NORM)
            optimizer.step()
            done += 1

            if done % REPORT_EVERY == 0 or done == total:
                value = loss.item()
                if not math.isfinite(value):
                    message = f"The loss became {value} after {done} of {total} steps; lower the learning rate."
                    raise TrainingDivergedError(message)
                on_step(done, total, value)
                if checkpoint and time.monotonic() - saved_at >= checkpoint_seconds and done < total:
                    save_checkpoint(checkpoint, network, optimizer, done)
                    saved_at = time.monotonic()
    return TrainedModel(network.eval(), tokenizer, longest)
