"""Turning text into token ids: a byte-level BPE tokenizer, and examples that know where their answer begins."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import attrgetter

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from torch import Tensor

from unlearning_jobs.engine.corpora import Example, Snapshot
from unlearning_jobs.engine.errors import CorpusError

from .family import Batch, Dataset

END = "<|endoftext|>"
END_ID = 0
"""Begins and ends every sequence, and fills up the batches of language models."""
BYTES = 256
"""Size of the smallest vocabulary: every text is made of bytes."""
IGNORED = -100


@dataclass(frozen=True)
class Encoded:
    """Token ids: end-of-text, prompt, answer, end-of-text. The answer begins at `start` and includes the last token."""

    ids: tuple[int, ...]
    start: int


class TokenDataset(Dataset):
    """Examples of different lengths. A batch holds examples of about the same length, so that there is little padding."""

    @property
    @abstractmethod
    def lengths(self) -> Sequence[int]:
        """The number of tokens of every example."""

    def __len__(self) -> int:
        return len(self.lengths)

    def epoch(self, batch_size: int, generator: torch.Generator) -> list[list[int]]:
        return bucketed_batches(self.lengths, batch_size, generator)

    def sweep(self, batch_size: int) -> list[list[int]]:
        order = sorted(range(len(self)), key=self.lengths.__getitem__)
        return [order[i : i + batch_size] for i in range(0, len(order), batch_size)]


def train_tokenizer(
    snapshot: Snapshot,
    vocabulary_size: int,
    *,
    special_tokens: Sequence[str] = (END,),
    read: Callable[[Example], str] = attrgetter("text"),
) -> Tokenizer:
    """Train byte-level BPE on the examples that no model is trained on, so that no training example shapes the vocabulary.

    Without such examples, the vocabulary is the special tokens, whose ids come first, and the 256 bytes. `read` returns the
    part of an example that the model reads.
    """
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary_size,
        special_tokens=list(special_tokens),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator((read(e) for e in snapshot.examples() if e.set != "train"), trainer)
    return tokenizer


def encode(tokenizer: Tokenizer, example: Example, max_length: int) -> Encoded:
    """Encode the example as token ids. A text that spells a control token out holds its letters, and ends nothing.

    Raises:
        CorpusError: it is longer than the model reads. Nothing is cut silently.
    """
    tokenizer.encode_special_tokens = True  # JSON does not keep this setting
    prompt = tokenizer.encode(f"{example.prompt}\n").ids if example.prompt else []
    answer = tokenizer.encode(example.completion).ids
    ids = (END_ID, *prompt, *answer, END_ID)
    check_length(example, len(ids), max_length)
    return Encoded(ids, 1 + len(prompt))


def check_length(example: Example, tokens: int, max_length: int) -> None:
    """Check that the model can read an example of this length.

    Raises:
        CorpusError: the example is longer than the model reads.
    """
    if tokens > max_length:
        message = (
            f"Example {example.id} has {tokens} tokens and the recipe reads at most {max_length};"
            " split the example or raise max_length."
        )
        raise CorpusError(message)


def collate(examples: Sequence[Encoded], device: torch.device, padding: int = END_ID) -> Batch:
    """Pad to the longest on the right: `inputs` and `labels` (batch, longest).

    Labels are -100 on the prompt and the padding, and are not shifted.
    """
    ids = pad([e.ids for e in examples], padding)
    labels = pad([(IGNORED,) * e.start + e.ids[e.start :] for e in examples], IGNORED)
    return Batch(ids.to(device), labels.to(device))


def pad(sequences: Sequence[Sequence[int]], filling: int) -> Tensor:
    """Fill the sequences up on the right to the longest: (sequences, longest)."""
    longest = max(map(len, sequences))
    return torch.tensor([[*sequence, *(filling,) * (longest - len(sequence))] for sequence in sequences])


def bucketed_batches(lengths: Sequence[int], batch_size: int, generator: torch.Generator) -> list[list[int]]:
    """Return the batches of one epoch as positions, in an order drawn from the generator.

    The examples are shuffled and then sorted by length within pools of eight batches, so that there is little padding; then
    the batches are shuffled.
    """
    order = torch.randperm(len(lengths), generator=generator).tolist()
    pool = 8 * batch_size
    pooled = [sorted(order[i : i + pool], key=lengths.__getitem__) for i in range(0, len(order), pool)]
    batches = [part[i : i + batch_size] for part in pooled for i in range(0, len(part), batch_size)]
    return [batches[i] for i in torch.randperm(len(batches), generator=generator).tolist()]
