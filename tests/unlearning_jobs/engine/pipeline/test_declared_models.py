"""A model that transformers' Trainer made elsewhere is imported, and judged by its recipe only if that gives such models."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest
import torch
from transformers import AutoModelForCausalLM, Trainer, TrainingArguments

from compliance.formats.assurances import Assurance
from tests.unlearning_jobs.engine.families.foreign_checkpoints import gpt2, prepared, write_checkpoint, write_corpus
from unlearning_jobs.engine.artefacts import checkpoint_digest, model_digest
from unlearning_jobs.engine.contracts import (
    Control,
    JobResult,
    JobSpec,
    MethodChoice,
    ModelRef,
    Protocol,
    SnapshotRef,
    UnlearningStep,
)
from unlearning_jobs.engine.errors import SpecError
from unlearning_jobs.engine.pipeline import run
from unlearning_jobs.engine.summary import assured
from unlearning_jobs.engine.training.training_data import TrainingData

FORGET = ("e00000000", "e00000001", "e00000002")
PROTOCOL = Protocol((2, 3, 4), (11, 12, 13, 14), metrics=(), assurance="declared")
EPOCHS = 30


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, TrainingData]:
    """A checkpoint, and a model that transformers' Trainer fine-tuned from it by the recipe, without any of our code."""
    folder = tmp_path_factory.mktemp("declared")
    data = prepared(write_checkpoint(folder / "checkpoint", gpt2), write_corpus(folder))
    recipe = replace(
        data.recipe, epochs=EPOCHS, learning_rate=2e-2, batch_size=6, schedule="linear", beta2=0.999
    )  # what Trainer does unless it is told otherwise
    data = replace(data, recipe=recipe)
    examples = cast("Any", data.family.encode(data.snapshot.examples("train"))).encoded
    rows = [{"input_ids": list(e.ids), "labels": [-100] * e.start + list(e.ids[e.start :])} for e in examples]
    network = cast("Any", AutoModelForCausalLM).from_pretrained(
        folder / "checkpoint", attn_pdrop=0, embd_pdrop=0, resid_pdrop=0
    )
    arguments = TrainingArguments(
        output_dir=str(folder / "trainer"),
        num_train_epochs=recipe.epochs,
        per_device_train_batch_size=recipe.batch_size,
        learning_rate=recipe.learning_rate,
        warmup_steps=round(recipe.warmup_share * EPOCHS * len(rows) / recipe.batch_size),
        weight_decay=recipe.weight_decay,
        use_cpu=True,
        report_to=[],
        save_strategy="no",
        disable_tqdm=True,
        logging_strategy="no",
    )
    trainer = Trainer(model=network, args=arguments, train_dataset=cast("Any", rows), data_collator=collated)
    trainer.train()
    network.save_pretrained(folder / "tuned")
    cast("Any", data.family).tokenizer.save_pretrained(folder / "tuned")
    return folder, data


def collated(rows: list[dict[str, list[int]]]) -> dict[str, torch.Tensor]:
    longest = max(len(row["input_ids"]) for row in rows)

    def column(name: str, fill: int) -> torch.Tensor:
        return torch.tensor([row[name] + [fill] * (longest - len(row[name])) for row in rows])

    mask = torch.tensor([[1] * len(row["input_ids"]) + [0] * (longest - len(row["input_ids"])) for row in rows])
    return {"input_ids": column("input_ids", 0), "labels": column("labels", -100), "attention_mask": mask}


def imported(folder: Path, data: TrainingData, artefact: Path, out: Path, assurance: Assurance = "declared") -> JobSpec:
    """Import the artefact; returns the job that is about it, without what it is to unlearn."""
    base = folder / "checkpoint"
    spec = JobSpec(
        kind="import",
        reference="model:keeper",
        snapshot=SnapshotRef(str(data.snapshot.folder), data.snapshot.info.digest),
        recipe=data.recipe,
        seed=1,
        cache=str(folder / "cache"),
        base=str(base),
        artefact=ModelRef(str(artefact), checkpoint_digest(artefact)),
        assurance=assurance,
    )
    run(spec, out, lambda _: None)
    model = ModelRef(str(out / "model"), model_digest(out / "model"))
    return replace(spec, kind="unlearn", artefact=None, model=model, forget_ids=FORGET)


def unlearned(spec: JobSpec, out: Path, method: str, protocol: Protocol) -> JobResult:
    return run(replace(spec, method=MethodChoice(method), protocol=protocol), out, lambda _: None)


def control_of(result: JobResult) -> Control:
    assert result.evaluation is not None
    [control] = [one for one in result.evaluation.controls if one.name == "declared_against_replicates"]
    return control


def test_a_model_that_trainer_made_by_the_recipe_is_one_of_the_recipe(elsewhere: Any, tmp_path: Path) -> None:
    folder, data = elsewhere
    spec = imported(folder, data, folder / "tuned", tmp_path / "imported")
    result = unlearned(spec, tmp_path / "out", "nothing", PROTOCOL)
    control = control_of(result)
    assert control.behaved, control.note
    assert result.evaluation is not None
    assert any("That a recipe made it is declared" in one for one in result.evaluation.limits)
    assert assured(spec, result.evaluation).startswith("declared  ")


def test_a_model_that_the_recipe_did_not_make_gets_no_verdict(elsewhere: Any, tmp_path: Path) -> None:
    """The checkpoint itself was never fine-tuned."""
    folder, data = elsewhere
    spec = imported(folder, data, folder / "checkpoint", tmp_path / "imported")
    result = unlearned(spec, tmp_path / "out", "nothing", PROTOCOL)
    assert not control_of(result).behaved
    assert result.evaluation is not None
    assert result.evaluation.verdict.outcome == "inconclusive"
    assert assured(spec, result.evaluation).startswith("behavioural  the model cannot be taken for one of the recipe")


def test_a_protocol_that_hides_where_the_model_came_from_is_refused(elsewhere: Any, tmp_path: Path) -> None:
    folder, data = elsewhere
    spec = imported(folder, data, folder / "tuned", tmp_path / "imported")
    with pytest.raises(SpecError, match="The model is declared, and the protocol is for a reproduced one"):
        unlearned(spec, tmp_path / "out", "npo", replace(PROTOCOL, assurance="reproduced"))


def test_a_job_that_says_an_imported_model_was_trained_here_is_refused(elsewhere: Any, tmp_path: Path) -> None:
    folder, data = elsewhere
    spec = replace(imported(folder, data, folder / "tuned", tmp_path / "imported"), assurance="reproduced")
    with pytest.raises(SpecError, match="The model is declared, and the job says that it is reproduced"):
        unlearned(spec, tmp_path / "out", "npo", replace(PROTOCOL, assurance="reproduced"))


def test_so_is_one_about_what_was_unlearned_from_it(elsewhere: Any, tmp_path: Path) -> None:
    folder, data = elsewhere
    spec = imported(folder, data, folder / "tuned", tmp_path / "imported")
    unlearned(spec, tmp_path / "first", "nothing", PROTOCOL)
    model = ModelRef(str(tmp_path / "first" / "model"), model_digest(tmp_path / "first" / "model"))
    step = UnlearningStep(MethodChoice("nothing"), FORGET)
    later = replace(spec, model=model, earlier=(step,), forget_ids=("e00000005",), assurance="reproduced")
    with pytest.raises(SpecError, match="The model is declared, and the job says that it is reproduced"):
        unlearned(later, tmp_path / "out", "npo", replace(PROTOCOL, assurance="reproduced"))


def test_a_job_that_says_a_recipe_was_declared_where_none_was_is_refused(elsewhere: Any, tmp_path: Path) -> None:
    folder, data = elsewhere
    spec = imported(folder, data, folder / "tuned", tmp_path / "imported", "behavioural")
    with pytest.raises(SpecError, match="The model is behavioural, and the job says that it is declared"):
        unlearned(replace(spec, assurance="declared"), tmp_path / "out", "npo", PROTOCOL)
