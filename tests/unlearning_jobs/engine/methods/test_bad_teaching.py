"""Two teachers: one that knows little for the examples to forget, the original for all others."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from tests.unlearning_jobs.engine.methods.by_hand import CPU, all_tokens, changed, nll, to_forget
from tests.unlearning_jobs.engine.methods.conftest import Task, Tasks
from tests.unlearning_jobs.engine.test_catalogue import FACTS
from unlearning_jobs.engine.catalogue import expected_cost, obstacles
from unlearning_jobs.engine.contracts import MethodChoice, Progress
from unlearning_jobs.engine.errors import ObstacleError
from unlearning_jobs.engine.families.weights import learned
from unlearning_jobs.engine.methods import Context, make_method
from unlearning_jobs.engine.methods.bad_teaching import BadTeaching, free_seed
from unlearning_jobs.engine.methods.descent import Run
from unlearning_jobs.engine.training.model import TrainedModel
from unlearning_jobs.engine.training.scoring import mean_margins


def teaching(**config: float | str) -> BadTeaching:
    method = make_method(MethodChoice("bad_teaching", config))
    assert isinstance(method, BadTeaching)
    return method


def watched(context: Context, made: TrainedModel | None = None) -> tuple[Context, list[tuple[Collection[str], int]]]:
    """The context, and what every training in it leaves out, with its seed. It trains, or hands over a model."""
    trainings: list[tuple[Collection[str], int]] = []

    def train(exclude_ids: Collection[str], seed: int, on_step: Any) -> TrainedModel:
        trainings.append((exclude_ids, seed))
        on_step(1, 2, 0.0)
        on_step(2, 2, 0.0)
        return made or context.train(exclude_ids, seed, on_step)

    return replace(context, train=train), trainings


def taught_term(task: Task, now: TrainedModel, bad: TrainedModel, **config: float | str) -> float:
    method = teaching(floor="none", **config)
    method.bad = bad
    term = method.forget_term(Run(task.model, now, task.context))
    return term(range(len(to_forget(task)))).item()


@pytest.mark.parametrize("family", ["causal_lm", "classifier"])
def test_it_is_the_divergence_from_the_bad_teacher_over_tokens_less_the_weighted_loss(family: str, tasks: Tasks) -> None:
    task = tasks[family]
    now, bad = changed(task), changed(task, scale=0.3)
    pairs = list(zip(all_tokens(bad, task), all_tokens(now, task), strict=True))
    apart = [float((t.probabilities * np.log(t.probabilities / n.probabilities)).sum()) for t, n in pairs]
    loss = sum(nll(now, example) for example in to_forget(task)) / len(pairs)
    for weight in (0.0, 0.5):
        found = taught_term(task, now, bad, ascent_weight=weight)
        assert found == pytest.approx(np.mean(apart) - weight * loss, rel=1e-4)


def test_a_model_that_answers_as_the_bad_teacher_is_pulled_nowhere(tasks: Tasks) -> None:
    task = tasks["causal_lm"]
    now = changed(task)
    assert taught_term(task, now, now, ascent_weight=0.0) == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize(("share", "known"), [(0.5, 0.5), (0.001, None)])
def test_the_teacher_has_seen_a_share_of_what_is_retained_and_nothing_else(
    share: float, known: float | None, tasks: Tasks
) -> None:
    task = tasks["classifier"]
    context, trainings = watched(task.context)
    teaching(teacher_share=share, steps=1).unlearn(task.model, context, lambda _: None)
    [(left_out, seed)] = trainings
    assert set(context.exclude_ids) <= set(left_out)
    kept = set(context.retain_ids) - set(left_out)
    assert len(kept) == (round(known * len(context.retain_ids)) if known else 1)
    assert seed not in {context.seed, *context.taken_seeds}


def test_models_with_other_seeds_have_other_teachers(tasks: Tasks) -> None:
    task = tasks["classifier"]
    seen = []
    for seed in (task.context.seed, task.context.seed + 1):
        context, trainings = watched(replace(task.context, seed=seed))
        teaching(steps=1).unlearn(task.model, context, lambda _: None)
        seen += trainings
    (first, a), (second, b) = seen
    assert set(first) != set(second)
    assert a != b


def test_a_seed_of_a_model_that_it_is_compared_with_is_drawn_again(tasks: Tasks) -> None:
    context = tasks["classifier"].context
    taken = free_seed(context, torch.Generator().manual_seed(1))
    assert free_seed(replace(context, taken_seeds=frozenset({taken})), torch.Generator().manual_seed(1)) != taken


def test_without_a_share_the_teacher_is_what_a_training_starts_from(tasks: Tasks) -> None:
    task = tasks["finetuned_lm"]
    context, trainings = watched(task.context)
    teacher = teaching(teacher_share=0.0).bad_teacher(task.model, context, lambda *_: None)
    assert trainings == []
    base = task.context.training_data.family.build(5)
    for ours, theirs in zip(learned(teacher.network), learned(base), strict=True):
        assert torch.equal(ours, theirs)


def test_it_comes_close_to_the_teacher_where_it_is_to_forget_and_stays_elsewhere(tasks: Tasks) -> None:
    task = tasks["classifier"]
    context, _trainings = watched(task.context)
    method = teaching(ascent_weight=0.0, steps=150)
    teacher = method.bad_teacher(task.model, context, lambda *_: None)
    result = method.unlearn(task.model, context, lambda _: None)
    data = context.training_data

    def apart(a: TrainedModel, b: TrainedModel, ids: Collection[str]) -> float:
        ours, theirs = (torch.tensor(mean_margins(model, data.subset(ids))).sigmoid() for model in (a, b))
        return float((ours - theirs).abs().mean())

    assert apart(result, teacher, context.forget_ids) < 0.5 * apart(task.model, teacher, context.forget_ids)
    assert apart(result, task.model, context.retain_ids) < apart(teacher, task.model, context.retain_ids)


def test_others_teach_their_own_answers_or_those_of_the_original(tasks: Tasks) -> None:
    task = tasks["causal_lm"]
    now = changed(task)
    run = Run(task.model, now, task.context)
    batch = run.retain.batch([0, 1], CPU)
    predictions = run.predict(batch)
    by_labels, by_original = (
        teaching(retain=retain).retain_loss(task.model, batch, predictions, task.context.counter).item()
        for retain in ("labels", "original")
    )
    assert by_labels == pytest.approx(torch.nn.functional.cross_entropy(predictions.logits, predictions.labels).item())
    start = task.model.family.predict(task.model.network, batch).logits.log_softmax(-1)
    apart = (start.exp() * (start - predictions.logits.log_softmax(-1))).sum(-1).mean()
    assert by_original == pytest.approx(apart.item(), rel=1e-4)


def test_a_method_keeps_nothing_of_a_run(tasks: Tasks) -> None:
    task, method = tasks["classifier"], teaching(steps=1)
    method.unlearn(task.model, task.context, lambda _: None)
    assert "bad" not in vars(method)


def test_progress_goes_on_from_the_training_to_the_lessons(tasks: Tasks) -> None:
    task = tasks["classifier"]
    context, _trainings = watched(task.context, task.model.copy_to(CPU))
    seen: list[Progress] = []
    teaching(steps=3).unlearn(task.model, context, seen.append)
    assert len({progress.total for progress in seen}) == 1
    assert [progress.done for progress in seen] == sorted(progress.done for progress in seen)
    assert 0 < seen[0].done < seen[1].done < seen[-1].done == seen[-1].total


def test_only_the_ascent_needs_held_out_examples(tasks: Tasks) -> None:
    task, bare = tasks["classifier"], replace(FACTS, held_out=0)
    context = replace(task.context, held_out_ids=())
    with pytest.raises(ObstacleError, match="set floor to none"):
        teaching(steps=1).unlearn(task.model, context, lambda _: None)
    teaching(steps=1, ascent_weight=0.0).unlearn(task.model, context, lambda _: None)
    assert len(obstacles("bad_teaching", bare)) == 1
    assert obstacles("bad_teaching", bare, {"ascent_weight": 0.0}) == []


def test_the_training_of_the_teacher_is_part_of_the_cost() -> None:
    cheap, dear = (expected_cost("bad_teaching", FACTS, {"teacher_share": share}) for share in (0.0, 0.4))
    assert dear - cheap == pytest.approx(0.4)
    steps = {"steps": 200, "retain_batch": 32}
    assert cheap > expected_cost("gradient_difference", FACTS, steps)
    held = expected_cost("bad_teaching", FACTS, {"teacher_share": 0.0, "retain": "original"})
    assert held - cheap == pytest.approx(
        expected_cost("kl_retain", FACTS, steps) - expected_cost("gradient_difference", FACTS, steps)
    )
