"""Checkpoints of others are measured as they are, and compared only if they read examples alike."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from tests.unlearning_jobs.engine.families.encoder_checkpoints import (
    LABELS,
    classifier_elsewhere,
    said,
    said_outside,
    write_encoder,
    write_notes,
)
from tests.unlearning_jobs.engine.families.foreign_checkpoints import gpt2, prepared, write_checkpoint, write_corpus
from unlearning_jobs.engine.__main__ import main
from unlearning_jobs.engine.errors import SpecError
from unlearning_jobs.engine.judging import FolderSource, judge, outputs_of_folders
from unlearning_jobs.engine.judging.folders import read_judged
from unlearning_jobs.engine.training.cache import Trainer
from unlearning_jobs.engine.training.model import save_model

FORGET = ("e00000000", "e00000001", "e00000002", "e00000003")
CPU = torch.device("cpu")
FORGOTTEN = {"original": (), "retrained": FORGET}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A corpus; a model, retrained models and oracles of it, as transformers writes them; and an untrained checkpoint."""
    folder = tmp_path_factory.mktemp("judged")
    snapshot = write_corpus(folder)
    data = prepared(write_checkpoint(folder / "checkpoint", gpt2), snapshot)
    trainer = Trainer(replace(data, recipe=replace(data.recipe, epochs=12)), folder / "cache", CPU)
    for name, without, seed in [
        ("original", (), 1),
        ("retrained", FORGET, 1),
        *((f"oracle{seed}", FORGET, seed) for seed in (11, 12, 13, 14)),
    ]:
        save_model(trainer.obtain(without, seed, lambda *_: None), folder / name, {})
        (folder / name / "lethe.json").unlink()
    return folder


def source(folder: Path, unlearned: str = "retrained", oracles: Sequence[str] = ("11", "12", "13", "14")) -> FolderSource:
    return FolderSource(
        snapshot=folder / "snapshot",
        forget_ids=FORGET,
        original=(folder / "original",),
        unlearned=(folder / unlearned,),
        oracles=tuple(folder / f"oracle{seed}" for seed in oracles),
    )


def test_the_original_is_different_and_a_retrained_model_is_not(folder: Path) -> None:
    outcomes = {}
    for name in ("original", "retrained"):
        outputs, family, digests = outputs_of_folders(source(folder, name), CPU)
        found = judge(outputs, family)
        outcomes[name] = found.outcome, found.direction
        assert {group: len(of_group) for group, of_group in digests.items()} == {"original": 1, "unlearned": 1, "oracle": 4}
    assert outcomes["original"] == ("different", "undershot")
    assert outcomes["retrained"][0] != "different"


def test_a_model_with_another_tokenizer_is_refused(folder: Path, tmp_path: Path) -> None:
    other = write_checkpoint(tmp_path / "other", gpt2, chats=True)
    with pytest.raises(SpecError, match="reads examples otherwise"):
        outputs_of_folders(replace(source(folder), unlearned=(other,)), CPU)


def test_a_classifier_that_transformers_wrote_is_measured_in_the_order_of_the_labels(
    tmp_path: Path,
) -> None:
    notes, base = write_notes(tmp_path), write_encoder(tmp_path / "checkpoint")
    turned = (LABELS[1], LABELS[2], LABELS[0])
    folder = classifier_elsewhere(base, tmp_path / "elsewhere", turned)
    examples = list(notes.examples("held_out"))
    expected = said_outside(folder, [one.prompt for one in examples])[:, [turned.index(label) for label in LABELS]]
    assert torch.allclose(said(read_judged(folder, labels=LABELS), examples), expected, atol=1e-5)
    with pytest.raises(SpecError, match="are not the labels of the corpus"):
        read_judged(folder, labels=("a", "b", "c"))


def test_the_name_of_a_tensor_reaches_no_terminal(folder: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    odd = shutil.copytree(folder / "retrained", tmp_path / "odd")
    tensors = load_file(odd / "model.safetensors") | {"odd\x1b[2J\x1b[31mPASSED": torch.zeros(3)}
    save_file(tensors, odd / "model.safetensors", {"format": "pt"})
    (tmp_path / "ids").write_text(" ".join(FORGET))
    oracles = [str(folder / f"oracle{seed}") for seed in (11, 12, 13, 14)]
    models = ["--original", str(folder / "original"), "--unlearned", str(odd), "--oracles", *oracles]
    main(["judge", *models, "--snapshot", str(folder / "snapshot"), "--forget", str(tmp_path / "ids")])
    printed = capfd.readouterr()
    assert "PASSED" in printed.err
    assert "\x1b" not in printed.out + printed.err


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
@pytest.mark.parametrize("group", ["original", "unlearned", "oracles"])
def test_weights_that_are_no_numbers_are_refused(folder: Path, tmp_path: Path, group: str, number: float) -> None:
    broken = shutil.copytree(folder / "retrained", tmp_path / "broken")
    tensors = load_file(broken / "model.safetensors")
    next(iter(tensors.values())).view(-1)[0] = number
    save_file(tensors, broken / "model.safetensors", {"format": "pt"})
    given = source(folder)
    models = {"original": given.original, "unlearned": given.unlearned, "oracles": given.oracles} | {group: (broken,)}
    broken_source = replace(given, original=models["original"], unlearned=models["unlearned"], oracles=models["oracles"])
    with pytest.raises(SpecError, match="The weights in broken cannot be used: some of them are NaN or infinite"):
        outputs_of_folders(broken_source, CPU)


def test_held_out_examples_and_unknown_ones_are_not_forgotten(folder: Path) -> None:
    with pytest.raises(SpecError, match="not a training example"):
        outputs_of_folders(replace(source(folder), forget_ids=("e00000012",)), CPU)
    with pytest.raises(SpecError, match="nothing to forget"):
        outputs_of_folders(replace(source(folder), forget_ids=()), CPU)


def test_the_command_measures_folders_and_says_what_it_needs(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "forget.txt").write_text("\n".join(FORGET))
    oracles = [str(folder / "oracle11"), str(folder / "oracle12")]
    named = [
        "judge",
        "--original",
        str(folder / "original"),
        "--unlearned",
        str(folder / "retrained"),
        "--oracles",
        *oracles,
    ]
    assert main(named) == 2
    assert "--snapshot" in capsys.readouterr().err
    assert main([*named, "--snapshot", str(folder / "snapshot"), "--forget", str(tmp_path / "forget.txt")]) == 0
    assert capsys.readouterr().out.startswith("undecided: ")
