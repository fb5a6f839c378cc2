"""Teacher forcing and greedy generation, against the plain definitions."""

from __future__ import annotations

import pytest
import torch

from unlearning_jobs.engine.corpora import Snapshot
from unlearning_jobs.engine.families.causal_lm import CausalLmFamily
from unlearning_jobs.engine.families.language import Sequences
from unlearning_jobs.engine.families.tokens import END_ID, Encoded
from unlearning_jobs.engine.training.model import TrainedModel
from unlearning_jobs.engine.training.scoring import generate, mean_margins, score


@pytest.fixture
def language(model: TrainedModel) -> CausalLmFamily:
    assert isinstance(model.family, CausalLmFamily)
    return model.family


@pytest.fixture
def data(language: CausalLmFamily, snapshot: Snapshot) -> Sequences:
    return language.encode(snapshot.examples())


@pytest.fixture
def encoded(data: Sequences) -> tuple[Encoded, ...]:
    return data.encoded


def test_scores_are_those_of_one_example_at_a_time(model: TrainedModel, data: Sequences) -> None:
    for example, found in zip(data.encoded, score(model, data), strict=True):
        with torch.no_grad():
            logits = model.network(torch.tensor([example.ids])).logits[0]
        probabilities = logits.softmax(-1)
        for i, token in enumerate(example.ids[example.start :]):
            row = example.start + i - 1
            p = float(probabilities[row, token])
            assert float(found.log_probability[i].exp()) == pytest.approx(p, rel=1e-4)
            others = torch.cat([logits[row, :token], logits[row, token + 1 :]])
            margin = float(logits[row, token] - others.logsumexp(0))
            assert float(found.margin[i]) == pytest.approx(margin, rel=1e-3, abs=1e-3)
            assert bool(found.correct[i]) == (int(logits[row].argmax()) == token)


def test_the_margin_is_the_log_odds_also_where_the_probability_is_almost_one(model: TrainedModel, data: Sequences) -> None:
    [found, *_] = score(model, data)
    p = found.log_probability.double().exp()
    assert torch.allclose(found.margin.double(), torch.log(p / (1 - p)), atol=0.05)
    assert bool(torch.isfinite(found.margin).all())


def test_a_mean_margin_leaves_end_of_text_out(model: TrainedModel, data: Sequences) -> None:
    expected = [float(s.margin[:-1].mean()) for s in score(model, data)]
    assert mean_margins(model, data) == pytest.approx(expected, abs=1e-6)  # sums near zero cancel


def test_generation_gives_the_known_answers(model: TrainedModel, language: CausalLmFamily, snapshot: Snapshot) -> None:
    examples = list(snapshot.examples("train"))
    encoded = language.encode(examples).encoded
    predictions = generate(model, [e.ids[: e.start] for e in encoded], 50)
    assert language.tokenizer.decode_batch(predictions) == [e.completion for e in examples]


def test_generation_does_not_depend_on_the_neighbours(model: TrainedModel, encoded: tuple[Encoded, ...]) -> None:
    prompts = [e.ids[: e.start - cut] for e in encoded for cut in (0, 2)]
    assert generate(model, prompts, 30) == [generate(model, [p], 30)[0] for p in prompts]


def test_generation_is_what_step_by_step_argmax_gives(model: TrainedModel, encoded: tuple[Encoded, ...]) -> None:
    prompt = encoded[-1].ids[: encoded[-1].start]
    expected: list[int] = []
    for _ in range(12):
        with torch.no_grad():
            token = int(model.network(torch.tensor([[*prompt, *expected]])).logits[0, -1].argmax())
        if token == END_ID:
            break
        expected.append(token)
    assert generate(model, [prompt], 12) == [expected]


def test_generation_stops_where_the_model_can_read_no_more(
    model: TrainedModel, language: CausalLmFamily, encoded: tuple[Encoded, ...]
) -> None:
    prompt = encoded[0].ids[:-1]
    [answer] = generate(model, [prompt * 2], 500)
    assert len(prompt) * 2 + len(answer) <= language.max_length
