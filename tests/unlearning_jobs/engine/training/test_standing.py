"""How a model's own distribution sees the right answers: against sums in double precision, one by one."""

from __future__ import annotations

import math

import pytest
import torch

from unlearning_jobs.engine.corpora import Snapshot
from unlearning_jobs.engine.training import scoring
from unlearning_jobs.engine.training.model import TrainedModel
from unlearning_jobs.engine.training.scoring import score, standing_of


def by_definition(logits: list[float], right: int) -> float:
    """(log p - E log p) / SD of log p, where log p is of what the model itself would draw."""
    largest = max(logits)
    total = math.log(sum(math.exp(one - largest) for one in logits)) + largest
    logs = [one - total for one in logits]
    mean = sum(math.exp(one) * one for one in logs if one > -math.inf)
    variance = sum(math.exp(one) * (one - mean) ** 2 for one in logs if one > -math.inf)
    return (logs[right] - mean) / math.sqrt(max(variance, 1e-6))


LOGITS = [[2.0, 1.0, -3.0, 0.5], [0.0, 0.1, 0.2, 9.0], [-4.0, -4.5, -5.0, -300.0], [1.0, 2.0, -math.inf, 0.0]]
RIGHT = [0, 1, 2, 1]


def standing(logits: list[list[float]], right: list[int]) -> list[float]:
    tensor = torch.tensor(logits)
    chosen = tensor.log_softmax(-1).gather(-1, torch.tensor(right).unsqueeze(-1)).squeeze(-1)
    return [float(one) for one in standing_of(tensor, chosen).tolist()]


def test_standing_is_in_standard_deviations_of_the_models_own_distribution() -> None:
    assert standing(LOGITS, RIGHT) == pytest.approx(
        [by_definition(*one) for one in zip(LOGITS, RIGHT, strict=True)], rel=1e-4
    )


@pytest.mark.parametrize("logits", [[0.0] * 4, [50.0, 0.0, 0.0, 0.0]])
def test_what_a_model_is_certain_of_or_has_no_view_on_has_a_number(logits: list[float]) -> None:
    """Both distributions have no variance, or none that counts."""
    assert standing([logits], [0]) == pytest.approx([0.0], abs=1e-2)


def test_it_does_not_matter_how_many_answers_are_worked_on_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    together = standing(LOGITS, RIGHT)
    monkeypatch.setattr(scoring, "AT_ONCE", 3)
    assert standing(LOGITS, RIGHT) == together
    assert standing_of(torch.empty((0, 4)), torch.empty(0)).tolist() == []


def test_padding_and_prompts_take_no_part(model: TrainedModel, snapshot: Snapshot) -> None:
    """Each example in a batch of different lengths has the numbers that it has alone, from a plain pass over its tokens."""
    examples = [*list(snapshot.examples("train"))[:5], *list(snapshot.examples("held_out"))[:5]]
    data = model.family.encode(examples)
    for encoded, together in zip(data.encoded, score(model, data), strict=True):  # type: ignore[attr-defined]  # sequences
        with torch.inference_mode():
            logits = model.network(input_ids=torch.tensor([encoded.ids])).logits[0].double()
        positions = range(encoded.start, len(encoded.ids))
        expected = [by_definition(logits[at - 1].tolist(), encoded.ids[at]) for at in positions]
        assert together.standing.tolist() == pytest.approx(expected, rel=1e-3, abs=1e-3)
