"""Examples that were erased elsewhere and that the model still knows: nobody learns from them in this job."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.unlearning_jobs.engine.pipeline.conftest import FORGET, quiet
from unlearning_jobs.engine.catalogue import Facts, obstacles
from unlearning_jobs.engine.contracts import JobSpec, Recipe, SumsArchitecture
from unlearning_jobs.engine.errors import SpecError
from unlearning_jobs.engine.preparation import check_unlearning, excluded_ids
from unlearning_jobs.engine.running import RunningJob
from unlearning_jobs.engine.training.cache import Trainer

ERASED = ("e00000002", "e00000003")


def test_neither_the_retain_set_nor_an_oracle_holds_them(spec: JobSpec, trainer: Trainer, tmp_path: Path) -> None:
    changed = replace(spec, erased_ids=ERASED)
    check_unlearning(changed, trainer.training_data.snapshot)
    context = RunningJob(changed, tmp_path, quiet, trainer).context(0, spec.seed)
    assert not set(context.retain_ids) & {*FORGET, *ERASED}
    assert set(context.exclude_ids) == set(excluded_ids(changed)) == {*FORGET, *ERASED}
    assert context.forget_ids == FORGET


def test_an_example_cannot_be_erased_elsewhere_and_be_forgotten_now(spec: JobSpec, trainer: Trainer) -> None:
    with pytest.raises(SpecError, match="named twice"):
        check_unlearning(replace(spec, erased_ids=FORGET), trainer.training_data.snapshot)


def test_the_original_models_may_know_them_as_the_production_model_does(spec: JobSpec) -> None:
    changed = replace(spec, erased_ids=ERASED)
    assert excluded_ids(changed, 0) == ()


def test_a_spec_that_was_stored_before_there_was_a_ledger_keeps_its_digest(spec: JobSpec) -> None:
    assert "erased_ids" not in spec.to_json()
    assert replace(spec, erased_ids=ERASED).digest() != spec.digest()


def test_methods_that_need_a_model_of_forget_and_retain_set_alone_say_so_beforehand() -> None:
    recipe = Recipe("summation", SumsArchitecture("naive_bayes"), 1, 64, 0.0)
    facts = Facts(recipe=recipe, forget=2, retain=50, held_out=5)
    assert obstacles("summation", facts) == []
    [problem] = obstacles("summation", replace(facts, erased_elsewhere=3))
    assert "still knows 3 other examples that were erased elsewhere" in problem
