"""The same weights are the same, whatever the files are that hold them, and what is no number is found."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from tests.unlearning_jobs.engine.families.foreign_adapters import write_adapter
from tests.unlearning_jobs.engine.families.foreign_checkpoints import gpt2, trained_elsewhere, write_checkpoint
from unlearning_jobs.engine.artefacts import checkpoint_digest
from unlearning_jobs.engine.errors import CheckpointError
from unlearning_jobs.engine.tensors import require_finite, weights_of

WEIGHTS, ADAPTER = "model.safetensors", "adapter_model.safetensors"


def held(folder: Path, tensors: dict[str, torch.Tensor], file: str = WEIGHTS, **metadata: str) -> Path:
    folder.mkdir()
    save_file(tensors, folder / file, metadata=metadata or None)
    return folder


def some() -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    return {name: torch.randn(3, 4, generator=generator) for name in ("first", "second")}


def test_names_order_and_metadata_of_tensors_do_not_count(tmp_path: Path) -> None:
    tensors = some()
    renamed = {"z": tensors["first"], "a": tensors["second"], "tied": tensors["first"].clone()}
    assert weights_of(held(tmp_path / "one", tensors)) == weights_of(held(tmp_path / "two", renamed, format="pt"))


def test_shards_and_what_lies_beside_the_weights_do_not_count(tmp_path: Path) -> None:
    whole, shards = write_checkpoint(tmp_path / "whole"), write_checkpoint(tmp_path / "shards", shard="8KB")
    (shards / "tokenizer_config.json").write_text("{}")
    assert len(list(shards.glob("*.safetensors"))) > 1
    assert checkpoint_digest(whole) != checkpoint_digest(shards)
    assert weights_of(whole) == weights_of(shards) != weights_of(write_checkpoint(tmp_path / "other", gpt2))


def test_a_copy_that_was_rounded_to_bfloat16_holds_the_same_weights(tmp_path: Path) -> None:
    numbers = torch.randn(1000, 7, generator=torch.Generator().manual_seed(1))
    numbers[0] = torch.tensor([1 + 2**-8, 1 + 3 * 2**-8, 1 + 2**-8 + 2**-20, -1e38, 1e-40, -0.0, 0.1])  # ties, and extremes
    whole, rounded = {"first": numbers}, {"first": numbers.to(torch.bfloat16)}
    assert weights_of(held(tmp_path / "whole", whole)).whole == weights_of(held(tmp_path / "rounded", rounded)).whole


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_a_precision_that_is_widened_holds_the_same_weights(tmp_path: Path, dtype: torch.dtype) -> None:
    exact = {name: tensor.to(torch.bfloat16).to(torch.float16) for name, tensor in some().items()}
    wide = {name: tensor.float() for name, tensor in exact.items()}
    narrow = {name: tensor.to(dtype) for name, tensor in wide.items()}
    assert weights_of(held(tmp_path / "narrow", narrow)).whole == weights_of(held(tmp_path / "wide", wide)).whole


def test_one_changed_number_a_shape_or_another_kind_of_number_makes_other_weights(tmp_path: Path) -> None:
    tensors = some()
    changed = {**tensors, "first": tensors["first"] + torch.eye(3, 4)}
    turned = {**tensors, "first": tensors["first"].reshape(4, 3)}
    whole = {"first": torch.zeros(2, dtype=torch.int32), "second": torch.zeros(2)}
    numbers = {"first": torch.zeros(2), "second": torch.zeros(2)}
    found = [
        weights_of(held(tmp_path / str(number), one)).whole
        for number, one in enumerate((tensors, changed, turned, whole, numbers))
    ]
    assert len(set(found)) == 5


def test_an_adapter_is_known_by_itself_and_within_the_folder_of_its_model(tmp_path: Path) -> None:
    base = write_checkpoint(tmp_path / "base")
    write_adapter(base, tmp_path / "adapter")
    alone = weights_of(tmp_path / "adapter")
    model = trained_elsewhere(base, tmp_path / "model")
    (tmp_path / "adapter").rename(model / "adapter")
    both = weights_of(model)
    assert (alone.whole, len(alone.digests)) == ("", 2)
    assert set(alone.digests) < set(both.digests)
    assert both.digests[0] == both.whole != ""


def test_each_adapter_of_a_model_in_shards_is_known(tmp_path: Path) -> None:
    base = write_checkpoint(tmp_path / "base")
    model = trained_elsewhere(base, tmp_path / "model")
    (model / "adapters").mkdir()
    for number in range(3):
        write_adapter(base, model / "adapters" / str(number), r=number + 1)
    known = weights_of(model).digests
    assert len(set(known)) == 2 + 3 * 2
    assert all(set(weights_of(model / "adapters" / str(number)).digests) < set(known) for number in range(3))


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16, torch.float16])
def test_a_copy_in_other_numbers_shares_a_digest(tmp_path: Path, dtype: torch.dtype) -> None:
    tensors = {name: tensor / 3 for name, tensor in some().items()}
    copy = held(tmp_path / "copy", {name: tensor.to(dtype) for name, tensor in tensors.items()})
    assert set(weights_of(copy).digests) & set(weights_of(held(tmp_path / "own", tensors)).digests)


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_what_is_no_finite_number_is_found_in_weights_and_adapters(tmp_path: Path, number: float) -> None:
    tensors = some()
    tensors["second"][2, 3] = number
    for folder in (held(tmp_path / "model", tensors), held(tmp_path / "adapter", tensors, ADAPTER)):
        with pytest.raises(CheckpointError, match="some of them are NaN or infinite"):
            require_finite(weights_of(folder), folder)
    require_finite(weights_of(held(tmp_path / "fine", some())), tmp_path)


def test_what_single_precision_cannot_hold_is_infinite(tmp_path: Path) -> None:
    assert not weights_of(held(tmp_path / "wide", {"first": torch.tensor([1e300], dtype=torch.float64)})).finite


def test_a_folder_without_weights_has_none_and_a_damaged_file_is_named(tmp_path: Path) -> None:
    assert weights_of(tmp_path) == weights_of(tmp_path)
    assert weights_of(tmp_path).whole == ""
    folder = held(tmp_path / "cut", some())
    content = (folder / WEIGHTS).read_bytes()
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + length])
    header["first"]["data_offsets"] = [0, 40]
    spelt = json.dumps(header).encode()
    for damaged in (content[:-1], content[:7], b"weights", len(spelt).to_bytes(8, "little") + spelt + content[8 + length :]):
        (folder / WEIGHTS).write_bytes(damaged)
        with pytest.raises(CheckpointError, match=r"model\.safetensors in cut is no whole file of weights"):
            weights_of(folder)


def test_the_numbers_are_those_that_the_library_reads(tmp_path: Path) -> None:
    folder = held(tmp_path / "half", {name: tensor.to(torch.bfloat16) for name, tensor in some().items()})
    read = {name: tensor.float() for name, tensor in load_file(folder / WEIGHTS).items()}
    assert weights_of(folder) == weights_of(held(tmp_path / "read", read))
