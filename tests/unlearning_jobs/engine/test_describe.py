"""What the command line says about checkpoints and adapters on them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.unlearning_jobs.engine.families.encoder_checkpoints import bert_with_hidden_words, write_encoder
from tests.unlearning_jobs.engine.families.foreign_adapters import write_adapter
from tests.unlearning_jobs.engine.families.foreign_checkpoints import write_checkpoint
from unlearning_jobs.engine import sample_checkpoint
from unlearning_jobs.engine.__main__ import main
from unlearning_jobs.engine.contracts import CheckpointArchitecture, EncoderArchitecture, JobSpec
from unlearning_jobs.engine.corpora import Snapshot
from unlearning_jobs.engine.preparation import check_unlearning
from unlearning_jobs.engine.training.training_data import TrainingData


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_checkpoint(tmp_path_factory.mktemp("described") / "checkpoint")


def described(base: Path, capsys: pytest.CaptureFixture[str], *options: str) -> dict[str, Any]:
    assert main(["describe", str(base), *options]) == 0
    printed: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert CheckpointArchitecture.from_json(printed).to_json() == printed
    return printed


def test_an_adapter_is_described_with_the_checkpoint(base: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "adapter" not in described(base, capsys)
    adapter = described(base, capsys, "--adapter-rank", "4")["adapter"]
    per_layer = 4 * ((16 + 16) * 2 + (16 + 8) * 2 + (16 + 32) * 3)
    assert adapter == {"rank": 4, "alpha": 8.0, "targets": [], "parameters": 2 * per_layer}
    asked = ("--adapter-rank", "2", "--adapter-alpha", "3", "--adapter-targets", "q_proj,o_proj")
    adapter = described(base, capsys, *asked)["adapter"]
    assert adapter == {"rank": 2, "alpha": 3.0, "targets": ["q_proj", "o_proj"], "parameters": 2 * 2 * 2 * (16 + 16)}
    write_adapter(base, tmp_path / "adapter", target_modules=["q_proj"])
    adapter = described(base, capsys, "--adapter", str(tmp_path / "adapter"))["adapter"]
    assert adapter == {"rank": 4, "alpha": 8.0, "targets": ["q_proj"], "parameters": 2 * 4 * (16 + 16)}


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (["--adapter-targets", "q_proj"], "needs a rank"),
        (["--adapter-alpha", "8"], "needs a rank"),
        (["--adapter-rank", "4", "--adapter", "nowhere"], "either an adapter that is there, or one that is to be trained"),
        (["--adapter-rank", "0"], "rank of at least 1"),
        (["--adapter-rank", "4", "--adapter-targets", "query"], "an adapter can name"),
        (["--adapter", "nowhere"], "no adapter_config.json"),
    ],
)
def test_an_adapter_that_cannot_be_is_refused(
    base: Path, capsys: pytest.CaptureFixture[str], options: list[str], why: str
) -> None:
    assert main(["describe", str(base), *options]) == 2
    assert why in capsys.readouterr().err


def test_the_example_of_models_from_checkpoints_can_have_an_adapter(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sample_checkpoint, "STEPS", 1)  # it need not know anything here
    assert main(["example", "from_base", "--adapter", "--out", str(tmp_path)]) == 0
    spec = JobSpec.from_json(json.loads(capsys.readouterr().out))
    assert isinstance(spec.recipe.architecture, CheckpointArchitecture)
    assert spec.recipe.architecture.adapter is not None
    snapshot = Snapshot.open(spec.snapshot.path, spec.snapshot.digest)
    TrainingData.prepare(spec.recipe, snapshot, spec.base)
    check_unlearning(spec, snapshot)


def test_the_example_of_models_from_random_weights_can_have_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["example", "classifier", "--adapter", "--out", str(tmp_path / "e")]) == 2
    assert "adapters are for models that start from a checkpoint" in capsys.readouterr().err
    assert not (tmp_path / "e").exists()


def test_an_encoder_is_described_for_classifiers_and_refuses_what_language_models_alone_have(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    encoder = write_encoder(tmp_path / "encoder", bert_with_hidden_words)
    assert main(["describe", str(encoder), "--max-length", "32"]) == 0
    printed, told = capsys.readouterr()
    described = EncoderArchitecture.from_json(json.loads(printed))
    assert (described.hidden_size, described.layers, described.max_length) == (16, 2, 32)
    assert '"family": "finetuned_classifier"' in told
    for options in (["--template", "{prompt}"], ["--adapter-rank", "4"]):
        assert main(["describe", str(encoder), *options]) == 2
        assert capsys.readouterr().err.startswith("Classifiers ")


def test_the_example_of_classifiers_from_checkpoints_starts_from_one_and_has_no_adapter(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sample_checkpoint, "STEPS", 1)  # it need not know anything here
    assert main(["example", "finetuned_classifier", "--out", str(tmp_path)]) == 0
    spec = JobSpec.from_json(json.loads(capsys.readouterr().out))
    snapshot = Snapshot.open(spec.snapshot.path, spec.snapshot.digest)
    assert len(TrainingData.prepare(spec.recipe, snapshot, spec.base).data) == len(list(snapshot.examples("train")))
    check_unlearning(spec, snapshot)
    assert main(["example", "finetuned_classifier", "--adapter", "--out", str(tmp_path)]) == 2
    assert "learns with all of its weights" in capsys.readouterr().err
