"""What causal language models share: sequences of tokens, of which the last ones are the answer."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import torch
from torch import Tensor, nn

from unlearning_jobs.engine.contracts import Recipe
from unlearning_jobs.engine.corpora import Example

from .family import SCORED_AT_ONCE, Batch, Family, output_of
from .tokens import END_ID, IGNORED, Encoded, TokenDataset, collate

MOST_LOGITS: Final = 2**27
"""Numbers that the logits of a scored batch may be: half a gibibyte in float32."""
LOGITS_IN_SCORING: Final = 4
"""How often all logits of a batch are in memory while it is scored."""
LOGITS_IN_TRAINING: Final = 4
"""The same in a step: logits, their logarithms of probabilities, and the gradients of both."""


def examples_at_once(longest: int, vocabulary: int) -> int:
    """Return how many texts are scored at once, so that their logits stay below a bound."""
    return max(1, min(SCORED_AT_ONCE, MOST_LOGITS // max(1, longest * vocabulary)))


def scoring_numbers(longest: int, vocabulary: int) -> int:
    """Return how many numbers are in memory while a batch is scored."""
    return LOGITS_IN_SCORING * examples_at_once(longest, vocabulary) * longest * vocabulary


def training_numbers(recipe: Recipe, longest: int, vocabulary: int, *, layers: int, per_layer: int, hidden: int) -> int:
    """Return how many numbers a step keeps: of each layer `per_layer` for every token, and the logits.

    Layers that are computed again keep what enters them, and one of them at a time the rest. Texts are as long as the model
    reads; all of their tokens count as answers.
    """
    kept = layers * hidden + per_layer if recipe.checkpointing else layers * per_layer
    return recipe.at_once * longest * (kept + LOGITS_IN_TRAINING * vocabulary)


@dataclass(frozen=True)
class Sequences(TokenDataset):
    """Token ids of every example; batches are filled up with `padding`."""

    encoded: tuple[Encoded, ...]
    padding: int = END_ID

    @cached_property
    def lengths(self) -> Sequence[int]:
        return [len(e.ids) for e in self.encoded]

    def answers(self, positions: Sequence[int]) -> int:
        """Count tokens. The first one of a text is predicted from nothing, and is no answer."""
        return sum(len(self.encoded[i].ids) - max(1, self.encoded[i].start) for i in positions)

    def batch(self, positions: Sequence[int], device: torch.device) -> Batch:
        return collate([self.encoded[i] for i in positions], device, self.padding)

    def subset(self, positions: Sequence[int]) -> Sequences:
        return Sequences(tuple(self.encoded[i] for i in positions), self.padding)


class LanguageFamily(Family):
    """Language models. What is known of an example before it is answered is its prompt."""

    @property
    @abstractmethod
    def end(self) -> int:
        """The token that ends a text."""

    @property
    @abstractmethod
    def longest(self) -> int:
        """The longest sequence that the model reads, in tokens."""

    @abstractmethod
    def encode(self, examples: Iterable[Example]) -> Sequences:
        """As for every family."""

    @property
    @abstractmethod
    def vocabulary(self) -> int:
        """How many logits an answer has."""

    @property
    def scored_at_once(self) -> int:
        return examples_at_once(self.longest, self.vocabulary)

    @abstractmethod
    def decode(self, ids: Sequence[int]) -> str:
        """Return the text of these tokens, without control tokens."""

    def hidden_states(self, network: nn.Module, batch: Batch, number: int) -> Tensor:
        """Return the states from which the tokens of answers are predicted."""
        layer = self.hidden_layers(network)[number - 1]
        output = output_of(layer, lambda: self.predict(network, batch))  # (batch, longest, size)
        return output[:, :-1][batch.labels[:, 1:] != IGNORED]

    def split(self, states: Tensor, batch: Batch) -> Sequence[Tensor]:
        """Return the states of each example of a batch, of those that `hidden_states` returns."""
        return torch.split(states, (batch.labels[:, 1:] != IGNORED).sum(1).tolist())

    def likeness(self, a: Example, b: Example) -> float:
        """Return the share of the words of both prompts that are common to them."""
        words_a, words_b = set(a.prompt.split()), set(b.prompt.split())
        return len(words_a & words_b) / max(1, len(words_a | words_b))

    def length(self, example: Example) -> int:
        """Count bytes and not tokens: a tokenizer that was trained on some texts splits those into fewer tokens."""
        return len(example.completion.encode())
