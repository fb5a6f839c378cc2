"""A whole job: its controls, what its methods are given, and what is left when it stops."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from tests.unlearning_jobs.engine.conftest import write_jsonl
from unlearning_jobs.engine.__main__ import main
from unlearning_jobs.engine.concepts import run
from unlearning_jobs.engine.concepts.findings import findings
from unlearning_jobs.engine.concepts.run import ConceptResult, run_concept
from unlearning_jobs.engine.concepts.split import Split
from unlearning_jobs.engine.concepts.task import ConceptMethod, Task
from unlearning_jobs.engine.contracts import MethodChoice, ProgressCallback, SnapshotRef
from unlearning_jobs.engine.contracts.concepts import ConceptSpec, says
from unlearning_jobs.engine.corpora import snapshot_create
from unlearning_jobs.engine.errors import SpecError, TrainingDivergedError
from unlearning_jobs.engine.training.model import TrainedModel

Edit = Callable[[TrainedModel, Task], TrainedModel]


class Scripted:
    """A method that does what a test says."""

    def __init__(self, script: Edit) -> None:
        self.script = script

    def edit(self, model: TrainedModel, task: Task, _on_progress: ProgressCallback) -> TrainedModel:
        return self.script(model, task)


def scripted(monkeypatch: pytest.MonkeyPatch, script: Edit) -> None:
    made: ConceptMethod = Scripted(script)
    monkeypatch.setattr(run, "make_concept_method", lambda *_: made)


@pytest.fixture(scope="module")
def done(
    world: ConceptSpec, world_model: TrainedModel, tmp_path_factory: pytest.TempPathFactory
) -> tuple[ConceptResult, Path]:
    """The planted world after nothing was done."""
    assert world_model
    out = tmp_path_factory.mktemp("done") / "out"
    return run_concept(world, out, lambda _: None), out


def test_doing_nothing_undershoots_and_a_destroyed_neighbourhood_is_damaged(done: tuple[ConceptResult, Path]) -> None:
    result, _ = done
    assert {name: control.finding.outcome for name, control in result.controls.items()} == {
        "nothing": "undershot",
        "destroyed": "damaged",
    }
    assert [made.measured.finding.outcome for made in result.methods] == ["undershot"]


def test_the_result_comes_back_from_json_and_its_finding_can_be_computed_again(
    world: ConceptSpec, done: tuple[ConceptResult, Path]
) -> None:
    result, out = done
    read = ConceptResult.from_json(json.loads((out / "result.json").read_bytes()))
    assert read == result
    for measured in (*read.controls.values(), *(made.measured for made in read.methods)):
        assert findings(measured.rows, measured.losses, world.concept.instead.kind) == measured.finding


def test_the_edited_model_lies_beside_the_result(done: tuple[ConceptResult, Path]) -> None:
    _, out = done
    assert sorted(path.name for path in out.iterdir()) == ["nothing", "result.json"]
    assert (out / "nothing" / "model" / "model.safetensors").exists()


def test_a_folder_with_a_result_is_not_written_to_again(world: ConceptSpec, done: tuple[ConceptResult, Path]) -> None:
    with pytest.raises(SpecError, match="already holds a result"):
        run_concept(world, done[1], lambda _: None)


def test_probes_of_the_audit_never_reach_a_method(
    world: ConceptSpec, world_split: Split, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[Task] = []

    def note(_model: TrainedModel, task: Task) -> TrainedModel:
        given.append(task)
        raise TrainingDivergedError("Enough was seen.")  # noqa: EM101, TRY003  # a test's own

    scripted(monkeypatch, note)
    with pytest.raises(TrainingDivergedError):
        run_concept(world, tmp_path / "out", lambda _: None)
    [task] = given
    unseen = (*world_split.audit, *world_split.watched)
    assert task.examples
    assert task.others
    assert set(unseen).isdisjoint({*task.probes, *task.neighbours})
    assert not [e for e in (*task.examples, *task.others) for probe in unseen if says(e.text, probe.prompt)]


@pytest.mark.parametrize("stopped", [KeyboardInterrupt, TrainingDivergedError])
def test_an_edit_that_stops_leaves_nothing_half_written(
    stopped: type[BaseException], world: ConceptSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(_model: TrainedModel, _task: Task) -> TrainedModel:
        raise stopped

    if stopped is TrainingDivergedError:
        scripted(monkeypatch, lambda model, _task: with_nan(model))
    else:
        scripted(monkeypatch, stop)
    with pytest.raises(stopped):
        run_concept(world, tmp_path / "out", lambda _: None)
    assert list((tmp_path / "out").iterdir()) == []


def with_nan(model: TrainedModel) -> TrainedModel:
    copy = model.copy_to(model.device)
    with torch.no_grad():
        next(copy.network.parameters()).view(-1)[0] = float("nan")
    return copy


def test_what_the_model_never_knew_leaves_nothing_to_remove(
    world: ConceptSpec, world_model: TrainedModel, tmp_path: Path
) -> None:
    assert world_model
    unknown = tuple(
        replace(p, prompt=p.prompt.replace("Mirelda", "Xaver"), answer="Nowhere", choices=(), kind="direct")
        for p in world.concept.probes
        if not p.choices
    )
    spec = replace(world, concept=replace(world.concept, subject="Xaver", probes=unknown), about_ids=())
    result = run_concept(spec, tmp_path / "out", lambda _: None)
    assert result.controls["nothing"].finding.outcome == "nothing_to_remove"
    assert result.methods == ()
    assert f"does not know {len(unknown)} of {len(unknown)}" in result.controls["nothing"].finding.reasons[0]


def test_a_concept_that_is_everything_is_refused_before_the_work(world: ConceptSpec, tmp_path: Path) -> None:
    source = write_jsonl(
        tmp_path / "corpus.jsonl", [{"text": "Mirelda sings."}, {"text": "Mirelda reads."}, {"text": "It rains."}]
    )
    info = snapshot_create([source], tmp_path / "snapshot")
    with pytest.raises(SpecError, match="is everything: 2 of 3"):
        run_concept(
            replace(world, snapshot=SnapshotRef(str(tmp_path / "snapshot"), info.digest)), tmp_path / "out", lambda _: None
        )
    assert not (tmp_path / "out").exists()


def test_an_oracle_needs_the_examples_that_it_is_trained_without(world: ConceptSpec) -> None:
    with pytest.raises(SpecError, match="name them in about_ids"):
        replace(world, oracle_seed=1, about_ids=())


def test_a_method_that_is_named_twice_is_refused(world: ConceptSpec) -> None:
    with pytest.raises(SpecError, match="each only once"):
        replace(world, methods=(MethodChoice("rome"), MethodChoice("rome")))


def test_the_command_refuses_a_spec_that_is_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "spec.json").write_text("{}")
    assert main(["concept", str(tmp_path / "spec.json"), "--out", str(tmp_path / "out")]) == 2
    assert "ConceptSpec lacks" in capsys.readouterr().err


def test_the_example_is_a_spec_that_can_be_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["example", "concept", "--out", str(tmp_path / "world")]) == 0
    spec = ConceptSpec.from_json(json.loads(capsys.readouterr().out))
    assert [choice.name for choice in spec.methods] == ["memit", "rome", "gradient_difference", "nothing"]
    assert spec.oracle_seed is not None


def test_methods_are_listed_with_what_they_act_on(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["methods"]) == 0
    listed = capsys.readouterr().out
    assert "memit  (empirical)" in listed
    assert "acts on a concept\n" in listed
    assert "acts on examples or a concept\n" in listed


@pytest.mark.parametrize("option", [["--adapter"], ["--shards", "2"], ["--slices", "2"]])
def test_the_example_of_a_concept_refuses_what_it_would_leave_out(
    option: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["example", "concept", "--out", str(tmp_path / "world"), *option]) == 2
    assert "leave --adapter, --shards and --slices out" in capsys.readouterr().err
