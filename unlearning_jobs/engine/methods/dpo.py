"""Direct preference optimisation towards wrong answers (Rafailov et al. 2023, DPO, arXiv 2305.18290)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import accumulate
from typing import Any, ClassVar

import torch
import torch.nn.functional as F  # noqa: N812  # the name everyone knows it by
from torch import Tensor

from unlearning_jobs.engine.corpora import Example, erasure_content
from unlearning_jobs.engine.errors import ObstacleError

from .descent import Run, Term
from .gradient import FlooredDescent, nll_by_example, summed_nll


class Dpo(FlooredDescent):
    """Prefers another answer to the one to forget, plus a retain term.

    It descends -(2 / beta) x mean of log sigmoid(beta x (log(q / q_start) - log(p / p_start))) over examples to forget. p is
    the likelihood of the whole answer to forget and q that of an alternative, drawn anew for every step from the wrong
    answers that the corpus has for the example; p_start and q_start are theirs in the original, computed once. An example
    without an alternative has no first logarithm, and the rest is NPO (Zhang et al. 2024, arXiv 2404.05868, which comes from
    DPO in this way). The factor 2 / beta is that of NPO. An alternative that the model is too short to read is an error.
    AltPO (Mekala et al. 2024, arXiv 2409.13474) has such answers written by the model.
    """

    name: ClassVar[str] = "dpo"
    missing: ClassVar[str] = "No example to forget has a wrong answer that could be preferred; choose npo, which needs none."

    def __init__(self, *, beta: float, **gradient: Any) -> None:
        super().__init__(**gradient)
        self.beta = beta

    def alternatives(self, run: Run) -> list[tuple[str, ...]]:
        """Return the answers to prefer of every example to forget. None of them is what the model has to forget."""
        erased = {erasure_content(e) for e in run.context.training_data.snapshot.get(run.context.exclude_ids)}
        return [
            tuple(text for text in example.perturbed_answer if erasure_content(_answered(example, text)) not in erased)
            for example in run.examples
        ]

    def forget_term(self, run: Run) -> Term:
        device, generator = run.context.device, run.generator
        texts = self.alternatives(run)
        if not any(texts):
            raise ObstacleError(self.missing)
        measure = self.measured(run)
        pairs = [_answered(example, text) for example, own in zip(run.examples, texts, strict=True) for text in own]
        others = run.start.family.encode(pairs)
        first = [0, *accumulate(map(len, texts))]  # of every example's alternatives, among all
        other_start_nll = torch.tensor(summed_nll(run.start, others), device=device)
        run.context.counter.add(len(others), backwards=False)

        def preference(chosen: Sequence[int]) -> tuple[list[int], Tensor]:
            """Return the places in the batch that have an alternative, and log(q / q_start) of one of each."""
            places = [place for place, position in enumerate(chosen) if texts[position]]
            drawn = [first[chosen[p]] + int(torch.randint(len(texts[chosen[p]]), (), generator=generator)) for p in places]
            if not drawn:
                return [], torch.zeros(0, device=device)
            run.context.counter.add(len(drawn))
            nll = nll_by_example(run.predict(others.batch(drawn, device)), len(drawn))
            return places, other_start_nll[drawn] - nll

        def term(chosen: Sequence[int]) -> Tensor:
            _answers, terms = measure(chosen)
            places, gained = preference(chosen)
            lost = terms.nll - terms.start_nll  # (batch,)
            margins = lost.index_add(0, torch.tensor(places, dtype=torch.int64, device=device), gained)
            return preference_loss(margins, terms.active, self.beta)

        return term


def preference_loss(margins: Tensor, active: Tensor, beta: float) -> Tensor:
    """Return -(2 / beta) x mean of log sigmoid(beta x margin) over examples, a scalar; both are (batch,)."""
    return (2 / beta) * (active * -F.logsigmoid(beta * margins)).sum() / len(margins)


def _answered(example: Example, text: str) -> Example:
    return replace(example, completion=text)
