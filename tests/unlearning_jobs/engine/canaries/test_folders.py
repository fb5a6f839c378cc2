"""A small network on digits, judged alone: as it was, retrained, and by a draw that it was not trained by."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

from unlearning_jobs.engine.__main__ import main
from unlearning_jobs.engine.artefacts import model_digest
from unlearning_jobs.engine.canaries.drawing import Draw, seal
from unlearning_jobs.engine.canaries.folders import judge_folders
from unlearning_jobs.engine.canaries.making import make_canaries
from unlearning_jobs.engine.canaries.source import CanarySource
from unlearning_jobs.engine.contracts import ClassifierArchitecture, Recipe
from unlearning_jobs.engine.corpora import Snapshot, snapshot_create
from unlearning_jobs.engine.errors import SpecError
from unlearning_jobs.engine.training.cache import Trainer
from unlearning_jobs.engine.training.model import save_model
from unlearning_jobs.engine.training.training_data import TrainingData

CPU = torch.device("cpu")
RECIPE = Recipe(
    family="classifier",
    architecture=ClassifierArchitecture("mlp", width=64),
    epochs=40,
    batch_size=32,
    learning_rate=0.1,
    optimizer="sgd",
)
ROWS = 400


@dataclass(frozen=True)
class Site:
    """A corpus with canaries, a draw for one model, and folders of models."""

    folder: Path
    draw: Draw

    def source(self, unlearned: str = "retrained") -> CanarySource:
        return CanarySource(
            snapshot=self.folder / "snapshot",
            original=self.folder / "original",
            unlearned=self.folder / unlearned,
            model=self.draw.model,
            commitment=self.draw.commitment,
        )


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    folder = tmp_path_factory.mktemp("digits")
    digits = load_digits()
    np.savez(folder / "digits.npz", x=digits.data[:ROWS].astype(np.float32), y=digits.target[:ROWS].astype(str))
    snapshot_create([folder / "digits.npz"], folder / "plain")
    made = make_canaries(Snapshot.open(folder / "plain"), folder / "canaries", count=48, seed=1)
    snapshot_create([folder / "digits.npz", made], folder / "snapshot")
    snapshot = Snapshot.open(folder / "snapshot")
    draw = seal(snapshot, "digits, first training")
    draw = replace(draw, secret="1b" * 32)  # the same in every run
    trainer = Trainer(TrainingData.prepare(RECIPE, snapshot), folder / "cache", CPU)
    for name, without, seed in (("original", draw.left_out, 1), ("retrained", draw.ids, 2)):
        model = trainer.obtain(without, seed, lambda *_: None)
        save_model(model, folder / name, trainer.about(without, seed))
    return Site(folder, draw)


def test_a_retrained_model_shows_nothing_and_doing_nothing_is_left_over(site: Site) -> None:
    found = judge_folders(site.source(), site.draw, CPU)
    assert (found.outcome, found.is_checked) == ("nothing_found", True)
    assert set(found.models) == {"original", "unlearned"}
    nothing = judge_folders(site.source("original"), site.draw, CPU)
    assert nothing.outcome == "left_over"
    assert "nothing was done" in nothing.reasons[-1]


def test_a_model_that_was_trained_by_another_draw_is_refused(site: Site) -> None:
    other = replace(site.draw, secret="2c" * 32)
    with pytest.raises(SpecError, match="belongs to another draw"):
        judge_folders(replace(site.source(), commitment=other.commitment), other, CPU)


def test_what_else_the_training_left_out_is_named_or_the_draw_is_not_its_own(site: Site) -> None:
    with pytest.raises(SpecError, match="belongs to another draw"):
        judge_folders(replace(site.source(), excluded=("e00000000",)), site.draw, CPU)


def test_a_model_that_says_nothing_about_its_training_is_judged_and_that_is_said(site: Site, tmp_path: Path) -> None:
    about = json.loads((site.folder / "original" / "lethe.json").read_text())
    silent = tmp_path / "silent"
    silent.mkdir()
    for file in (site.folder / "original").iterdir():
        (silent / file.name).write_bytes(file.read_bytes())
    (silent / "lethe.json").write_text(json.dumps({k: v for k, v in about.items() if k != "manifest_digest"}))
    found = judge_folders(replace(site.source(), original=silent), site.draw, CPU)
    assert (found.outcome, found.is_checked) == ("nothing_found", False)
    other = replace(site.draw, secret="2c" * 32)
    shared = judge_folders(replace(site.source(), original=silent, commitment=other.commitment), other, CPU)
    assert shared.outcome == "says_nothing"


def test_a_draw_that_was_opened_for_another_original_is_refused(site: Site) -> None:
    with pytest.raises(SpecError, match="opened for another original"):
        judge_folders(site.source(), replace(site.draw, opened_for="d" * 64), CPU)


def test_a_draw_is_opened_before_anything_is_measured_so_that_a_judge_who_is_killed_cannot_try_another_model(
    site: Site,
) -> None:
    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    opened = list[str]()
    with pytest.raises(KeyboardInterrupt):
        judge_folders(site.source(), site.draw, CPU, opened.append, killed)
    assert opened == [model_digest(site.source().original)]
    with pytest.raises(SpecError, match="does not fit the commitment"):
        judge_folders(replace(site.source(), commitment="0" * 64), site.draw, CPU, opened.append)
    assert len(opened) == 1, "a draw that is not the one that was sealed is not opened"


def test_the_commands_make_draw_and_judge(site: Site, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    # 1. Make canaries, and draw for a model that is not there yet.
    plain, snapshot = site.folder / "plain", site.folder / "snapshot"
    assert main(["canaries", "make", "--snapshot", str(plain), "--count", "12", "--out", str(tmp_path / "more")]) == 0
    assert (tmp_path / "more.npz").is_file()
    drawing = ["canaries", "draw", "--snapshot", str(snapshot), "--model", "next", "--out", str(tmp_path / "draw.json")]
    assert main([*drawing, "--exclude", str(tmp_path / "exclude.txt")]) == 0
    sealed = Draw.from_json(json.loads((tmp_path / "draw.json").read_text()))
    said = capsys.readouterr().out
    assert f"commitment: {sealed.commitment}" in said
    assert sealed.secret not in said
    assert (tmp_path / "draw.json").stat().st_mode & 0o777 == 0o600
    assert tuple((tmp_path / "exclude.txt").read_text().split()) == sealed.left_out
    # 2. A draw is not replaced.
    assert main([*drawing, "--exclude", str(tmp_path / "other.txt")]) == 2
    # 3. Open the draw of the model that is there: it is noted, and opens for no other original.
    own = tmp_path / "own.json"
    own.write_text(json.dumps(site.draw.to_json()))
    (tmp_path / "gone.txt").write_text("\n".join(site.draw.trained[1:]))
    folders = ["--unlearned", str(site.folder / "retrained"), "--snapshot", str(snapshot), "--draw", str(own)]
    named = ["--model", site.draw.model, "--commitment", site.draw.commitment, "--forgotten", str(tmp_path / "gone.txt")]
    judging = ["canaries", "judge", *folders, *named, "--device", "cpu"]
    assert main([*judging, "--original", str(site.folder / "original"), "--out", str(tmp_path / "found.json")]) == 0
    said = capsys.readouterr().out
    assert said.startswith("left over: ")
    assert "pipeline: missed 1 of 24" in said
    assert "passed" not in said
    assert json.loads((tmp_path / "found.json").read_text())["missed"] == 1
    assert Draw.from_json(json.loads(own.read_text())).opened_for
    assert main([*judging, "--original", str(site.folder / "retrained")]) == 2
    assert "opened for another original" in capsys.readouterr().err


def test_a_file_that_is_no_draw_is_refused(site: Site, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "draw.json").write_text("{}")
    where = ["--original", "a", "--unlearned", "b", "--snapshot", str(site.folder / "snapshot")]
    named = ["--draw", str(tmp_path / "draw.json"), "--model", "m", "--commitment", "c"]
    assert main(["canaries", "judge", *where, *named]) == 2
    assert "model" in capsys.readouterr().err
