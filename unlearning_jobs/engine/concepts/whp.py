"""Fine-tuning towards generic answers (Eldan & Russinovich 2023, Who's Harry Potter?, arXiv 2310.02238)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from difflib import SequenceMatcher
from typing import Any, ClassVar, cast

import torch
import torch.nn.functional as F  # noqa: N812  # the name everyone knows it by
from torch import Tensor

from unlearning_jobs.engine.corpora import Example
from unlearning_jobs.engine.families.language import LanguageFamily, Sequences
from unlearning_jobs.engine.families.tokens import IGNORED, Encoded
from unlearning_jobs.engine.methods.descent import Descent, Run, Term
from unlearning_jobs.engine.methods.finetune import Pass, fine_tune
from unlearning_jobs.engine.methods.losses import cross_entropy, reference_predictions
from unlearning_jobs.engine.training.model import TrainedModel

AT_ONCE = 32
"""Texts that are asked for their logits at once."""


class Whp(Descent):
    """Teaches the model to go on with a text as if it were about somebody else.

    1. A copy is reinforced: trained on the texts to forget alone.
    2. In every text, the names of the concept (the paper's anchored terms) are replaced by the name of a neighbour, and the
       original says what it expects there: v. The generic answer to each token is the likeliest by v - alpha * relu(r - v),
       where r are the logits of the reinforced copy on the text as it was: so what became likelier by reinforcement becomes
       less likely.
    3. The model is trained on the texts as they were, with generic answers as labels. Tokens of names have none.

    The paper has no retain term, which is a `retain_weight` of 0, and replaces further terms of the concept by a
    dictionary, which a concept here has none of.
    """

    name: ClassVar[str] = "whp"
    per_answer: ClassVar[bool] = True

    def __init__(
        self,
        names: Sequence[str],
        others: Sequence[str],
        *,
        reinforcing_epochs: int,
        reinforcing_share: float,
        alpha: float,
        **descent: Any,
    ) -> None:
        """Keep the names to replace and those of others, of which there is at least one, and the options."""
        super().__init__(**descent)
        self.names = names
        self.others = others
        self.reinforcing_epochs = reinforcing_epochs
        self.reinforcing_share = reinforcing_share
        self.alpha = alpha

    def forget_term(self, run: Run) -> Term:
        generic = self._generic(run, self._reinforced(run))

        def term(chosen: Sequence[int]) -> Tensor:
            now = run.predict(run.forget.batch(chosen, run.context.device))
            labels = torch.cat([generic[position] for position in chosen]).to(now.logits.device)
            return F.cross_entropy(now.logits, labels, ignore_index=IGNORED, reduction="sum") / len(labels)

        return term

    def _reinforced(self, run: Run) -> TrainedModel:
        """Return a copy that knows the texts even better."""
        copy = run.start.copy_to(run.context.device)
        epoch = Pass(run.forget, self.forget_batch, lambda predictions, *_: cross_entropy(predictions))
        unwatched = replace(run.context, on_margins=None)
        passes = [epoch] * self.reinforcing_epochs
        fine_tune(copy, passes, unwatched, lambda _: None, peak_share=self.reinforcing_share, weight_decay=0.0)
        return copy

    def _generic(self, run: Run, reinforced: TrainedModel) -> list[Tensor]:
        """Return of each text the generic label of every token of its answer, (answer,); IGNORED where there is none."""
        family = cast("LanguageFamily", run.start.family)
        replaced = family.encode(about_another(run.examples, self.names, self.others))
        expected, learned = _logits(run, run.start, replaced), _logits(run, reinforced, cast("Sequences", run.forget))
        labels = []
        for text, other, v, r in zip(
            cast("Sequences", run.forget).encoded, replaced.encoded, expected, learned, strict=True
        ):
            found = torch.full((len(r),), IGNORED)
            for ours, theirs in same_tokens(text, other):
                found[ours] = generic_logits(v[theirs], r[ours], self.alpha).argmax()
            labels.append(found)
        return labels


def generic_logits(expected: Tensor, reinforced: Tensor, alpha: float) -> Tensor:
    """Return v - alpha * relu(r - v): of logits, where reinforcement raised one, that much is taken off."""
    return expected - alpha * (reinforced - expected).relu()


def about_another(examples: Sequence[Example], names: Sequence[str], others: Sequence[str]) -> list[Example]:
    """Return the examples with one of the other names, in turn, in place of every one of these names."""
    longest_first = sorted(map(re.escape, names), key=len, reverse=True)
    named = re.compile(rf"(?<!\w)(?:{'|'.join(longest_first)})(?!\w)", re.IGNORECASE)

    def renamed(text: str, number: int) -> str:
        return named.sub(lambda _: others[number % len(others)], text)

    return [
        replace(one, prompt=renamed(one.prompt, number), completion=renamed(one.completion, number))
        for number, one in enumerate(examples)
    ]


def same_tokens(text: Encoded, other: Encoded) -> list[tuple[int, int]]:
    """Return which tokens of both answers are the same ones, as places in either answer."""
    ours, theirs = max(1, text.start), max(1, other.start)  # the first token of a text is predicted from nothing
    blocks = SequenceMatcher(None, text.ids[ours:], other.ids[theirs:], autojunk=False).get_matching_blocks()
    return [(block.a + i, block.b + i) for block in blocks for i in range(block.size)]


def _logits(run: Run, model: TrainedModel, data: Sequences) -> list[Tensor]:
    """Return the logits of each answer, (answer, vocabulary), on the CPU."""
    family, found = cast("LanguageFamily", model.family), list[Tensor]()
    for first in range(0, len(data), AT_ONCE):
        batch = data.batch(range(first, min(first + AT_ONCE, len(data))), run.context.device)
        logits = reference_predictions(model, batch, run.context.counter).logits
        found += [each.float().cpu() for each in family.split(logits, batch)]
    return found
