"""Cross entropy unlearning (Yang 2025, CE-U, arXiv 2503.01224)."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
import torch.nn.functional as F  # noqa: N812  # the name everyone knows it by
from torch import Tensor

from unlearning_jobs.engine.families import Predictions

from .gradient import TokenMethod


class CeU(TokenMethod):
    """Descends the cross-entropy from the model's own answers without the right one, plus a retain term.

    The target of a token is the softmax of the logits as they are now, with the right token's taken out; no gradient flows
    through it. So the probability of the right token goes to all others in the proportions that they have. The first
    `skipped` tokens of an answer are left alone, as they seldom carry what is to be forgotten; of a shorter answer, all but
    the last. The paper has no retain term, which is a retain weight of 0.
    """

    name: ClassVar[str] = "ceu"

    def __init__(self, *, skipped: int, **gradient: Any) -> None:
        super().__init__(**gradient)
        self.skipped = skipped

    def token_losses(self, answers: Predictions) -> Tensor:
        right = answers.labels.unsqueeze(-1)  # (answers, 1)
        target = answers.logits.detach().scatter(-1, right, float("-inf")).softmax(-1)
        losses = F.cross_entropy(answers.logits, target, reduction="none")  # (answers,)
        return losses * _not_skipped(answers.example_index, self.skipped)


def _not_skipped(example_index: Tensor, skipped: int) -> Tensor:
    """Return 0 for the first tokens of every answer and 1 for the others, (answers,); the last token always counts."""
    sizes = torch.bincount(example_index)  # (batch,)
    place = torch.arange(len(example_index), device=example_index.device) - (sizes.cumsum(0) - sizes)[example_index]
    return (place >= (sizes - 1).clamp(max=skipped)[example_index]).float()
