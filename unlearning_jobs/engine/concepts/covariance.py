"""The second moment of a layer's keys, over the model's own corpus: estimated once, and kept with what it came from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from compliance.formats.canonical import digest_of
from unlearning_jobs.engine.errors import ObstacleError
from unlearning_jobs.engine.families.language import Sequences
from unlearning_jobs.engine.training.model import TrainedModel

from .places import Place, keys_at, places

MOMENT: Final = "moment"


@dataclass(frozen=True)
class Moments:
    """Second moments of keys by layer, for one original and one sample of its corpus."""

    folder: Path
    """Where they are kept."""
    source: str
    """Digest of the original's weights."""
    texts: Sequences
    """The sample: examples of the corpus that do not name the concept."""

    def of_layer(self, model: TrainedModel, number: int) -> Tensor:
        """Return the mean of k k' over all tokens of the sample for a layer, from 1: (inputs, inputs), float64.

        Raises:
            ObstacleError: there are no texts to estimate it from.
        """
        file = self.folder / f"keys-{self.digest(number)}.safetensors"
        try:
            return load_file(file)[MOMENT]
        except (OSError, SafetensorError, KeyError):
            moment = second_moment(model, places(model)[number - 1], self.texts)
        self.folder.mkdir(parents=True, exist_ok=True)
        draft = file.with_suffix(".draft")
        save_file({MOMENT: moment}, draft)
        draft.replace(file)
        return moment

    def digest(self, number: int) -> str:
        """Return the digest of what the moment of a layer comes from: weights, layer, tokens."""
        return digest_of([self.source, number, [list(one.ids) for one in self.texts.encoded]])


def second_moment(model: TrainedModel, place: Place, texts: Sequences) -> Tensor:
    """Return the mean of k k' over the tokens of the texts, (inputs, inputs), float64 on the CPU.

    Raises:
        ObstacleError: there are no texts.
    """
    if not len(texts):
        message = "Every example of the corpus names the concept, so nothing shows which keys must stay; use another method."
        raise ObstacleError(message)
    total: Tensor | None = None
    tokens = 0
    for positions in texts.sweep(model.family.scored_at_once):
        batch = texts.batch(positions, model.device)
        keys = keys_at(model, place, batch.inputs)
        there = _tokens(texts, positions, batch.inputs.shape[1]).to(keys.device)
        chosen = keys[there].double().cpu()
        tokens += len(chosen)
        total = chosen.T @ chosen if total is None else total + chosen.T @ chosen
    assert total is not None  # noqa: S101  # there are texts
    return total / tokens


def _tokens(texts: Sequences, positions: Sequence[int], longest: int) -> Tensor:
    """Return where tokens stand and not padding, (batch, longest)."""
    lengths = torch.tensor([texts.lengths[position] for position in positions])
    return torch.arange(longest)[None, :] < lengths[:, None]
