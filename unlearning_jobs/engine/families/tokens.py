"""From text to token ids: a byte-level BPE tokenizer, and examples with the place where their answer begins."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from unlearning_jobs.engine.corpora import Example, Snapshot
from unlearning_jobs.engine.errors import CorpusError

from .family import Batch

END = "<|endoftext|>"
END_ID = 0
"""Begins and ends every sequence, and pads."""
IGNORED = -100


@dataclass(frozen=True)
class Encoded:
    """Token ids: end-of-text, prompt, answer, end-of-text. The answer begins at `start` and includes the last token."""

    ids: tuple[int, ...]
    start: int


def train_tokenizer(snapshot: Snapshot, vocabulary_size: int) -> Tokenizer:
    """Byte-level BPE over the examples that no model is trained on, so that no training example shapes the vocabulary.

    Without such examples it has the 256 bytes and end-of-text alone.
    """
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary_size,
        special_tokens=[END],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator((e.text for e in snapshot.examples() if e.set != "train"), trainer)
    return tokenizer


def encode(tokenizer: Tokenizer, example: Example, max_length: int) -> Encoded:
    """The example as token ids.

    Raises:
        CorpusError: it is longer than the model reads. Nothing is cut silently.
    """
    prompt = tokenizer.encode(f"{example.prompt}\n").ids if example.prompt else []
    answer = tokenizer.encode(example.completion).ids
    ids = (END_ID, *prompt, *answer, END_ID)
    if len(ids) > max_length:
        message = (
            f"Example {example.id} has {len(ids)} tokens and the recipe reads at most {max_length};"
            " split the example or raise max_length."
        )
        raise CorpusError(message)
    return Encoded(ids, 1 + len(prompt))


def collate(examples: Sequence[Encoded], device: torch.device) -> Batch:
    """Pad to the longest on the right: `inputs` and `labels` (batch, longest).

    Labels are -100 on prompt and padding, and not shifted.
    """
    longest = max(len(e.ids) for e in examples)
    ids = torch.full((len(examples), longest), END_ID)
    labels = torch.full((len(examples), longest), IGNORED)
    for row, example in enumerate(examples):
        sequence = torch.tensor(example.ids)
        ids[row, : len(sequence)] = sequence
        labels[row, example.start : len(sequence)] = sequence[example.start :]
    return Batch(ids.to(device), labels.to(device))


def bucketed_batches(lengths: Sequence[int], batch_size: int, generator: torch.Generator) -> list[list[int]]:
    """One epoch's batches of positions, in an order drawn from the generator.

    Examples are shuffled, sorted by length within pools of eight batches so that little is padded, and the batches
    shuffled again.
    """
    order = torch.randperm(len(lengths), generator=generator).tolist()
    pool = 8 * batch_size
    pooled = [sorted(order[i : i + pool], key=lengths.__getitem__) for i in range(0, len(order), pool)]
    batches = [part[i : i + batch_size] for part in pooled for i in range(0, len(part), batch_size)]
    return [batches[i] for i in torch.randperm(len(batches), generator=generator).tolist()]
