"""The same losses in transformers' Trainer, as public code for unlearning writes them."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from copy import deepcopy
from typing import Any, Final, cast

import torch
import torch.nn.functional as F  # noqa: N812  # the name everyone knows it by
from torch import Tensor
from transformers import Trainer, TrainingArguments

from unlearning_jobs.engine.training.model import TrainedModel
from unlearning_jobs.engine.training.training_data import TrainingData

BATCH: Final = 16
TRAINED_ROWS: Final = 640
"""Examples of the epoch that is measured: forty steps."""
IGNORED: Final = -100
BETA: Final = {"npo": 0.1, "simnpo": 2.5}


def train_by_trainer(data: TrainingData, model: TrainedModel) -> None:
    """Train one epoch."""
    rows = _rows(data, data.retained_ids(())[:TRAINED_ROWS])
    Trainer(
        model=cast("Any", model.network),
        args=_arguments(data.recipe.learning_rate, num_train_epochs=1),
        train_dataset=cast("Any", rows),
        data_collator=_collated,
    ).train()


def unlearn_by_trainer(method: str, data: TrainingData, model: TrainedModel, forget_ids: Sequence[str], steps: int) -> None:
    """Take steps, each with a batch to forget and one to retain."""
    forget = _rows(data, forget_ids)
    retain = _rows(data, data.retained_ids(forget_ids))
    drawn = torch.randint(len(retain), (BATCH * steps,), generator=torch.Generator().manual_seed(1)).tolist()
    pairs = [{"forget": forget[i % len(forget)], "retain": retain[j]} for i, j in enumerate(drawn)]
    reference = deepcopy(model.network).eval() if method == "npo" else None
    _Unlearning(
        method,
        reference,
        model=cast("Any", model.network),
        args=_arguments(data.recipe.learning_rate, max_steps=steps, remove_unused_columns=False),
        train_dataset=cast("Any", pairs),
        data_collator=lambda batch: {side: _collated([row[side] for row in batch]) for side in ("forget", "retain")},
    ).train()


class _Unlearning(Trainer):
    def __init__(self, method: str, reference: torch.nn.Module | None, **trainer: Any) -> None:
        super().__init__(**trainer)
        self._method, self._reference = method, reference

    def compute_loss(self, model: Any, inputs: Any, *_: Any, **__: Any) -> Any:
        retain = model(**inputs["retain"]).loss
        if self._method == "gradient_difference":
            return retain - model(**inputs["forget"]).loss
        nll, tokens = _by_example(model, inputs["forget"])
        beta = BETA[self._method]
        if self._method == "simnpo":
            return retain - (2 / beta) * F.logsigmoid(beta * nll / tokens).mean()
        with torch.no_grad():
            start = _by_example(self._reference, inputs["forget"])[0]
        return retain - (2 / beta) * F.logsigmoid(beta * (nll - start)).mean()


def _by_example(model: Any, batch: Any) -> tuple[Tensor, Tensor]:
    """Return the summed negative log-likelihood and the number of tokens of every answer, (batch,) each."""
    logits, labels = model(**batch).logits[:, :-1], batch["labels"][:, 1:]
    losses = F.cross_entropy(logits.transpose(1, 2), labels, reduction="none", ignore_index=IGNORED)
    return losses.sum(-1), (labels != IGNORED).sum(-1)


def _arguments(learning_rate: float, **settings: Any) -> TrainingArguments:
    return TrainingArguments(
        output_dir=tempfile.mkdtemp(),
        per_device_train_batch_size=BATCH,
        learning_rate=learning_rate,
        use_cpu=True,
        report_to=[],
        save_strategy="no",
        logging_strategy="no",
        disable_tqdm=True,
        **settings,
    )


def _rows(data: TrainingData, ids: Sequence[str]) -> list[dict[str, list[int]]]:
    encoded = cast("Any", data.family.encode(data.snapshot.get(ids))).encoded
    return [{"input_ids": list(e.ids), "labels": [IGNORED] * e.start + list(e.ids[e.start :])} for e in encoded]


def _collated(rows: list[dict[str, list[int]]]) -> dict[str, Tensor]:
    longest = max(len(row["input_ids"]) for row in rows)

    def column(name: str, fill: int) -> Tensor:
        return torch.tensor([row[name] + [fill] * (longest - len(row[name])) for row in rows])

    mask = torch.tensor([[1] * len(row["input_ids"]) + [0] * (longest - len(row["input_ids"])) for row in rows])
    return {"input_ids": column("input_ids", 0), "labels": column("labels", IGNORED), "attention_mask": mask}
