"""Folders of checkpoints that somebody else made: whether they are complete, and can be read without running anything."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, cast

from safetensors import safe_open

from unlearning_jobs.engine.artefacts import WEIGHTS, checkpoint_files
from unlearning_jobs.engine.errors import CheckpointError, EngineError, explained

FLOATS: Final = frozenset({"F64", "F32", "F16", "BF16"})
"""What the header of a file calls numbers that are weights as they stand. Whole numbers and 8 bits need a scale."""
PICKLED: Final = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl")


def folder_problem(folder: Path, stored: Mapping[str, Any]) -> str:
    """Return why a checkpoint with this configuration cannot be read safely or whole; empty if it can."""
    return next(_problems(folder, stored), "")


def _problems(folder: Path, stored: Mapping[str, Any]) -> Iterator[str]:
    if "auto_map" in stored:
        yield "it brings code of its own, and none is run; convert it to an architecture of transformers"
    if "quantization_config" in stored:
        yield "its weights are quantised, and cannot be trained; name the checkpoint that it was made from"
    if not any((folder / name).is_file() for name in WEIGHTS):
        pickled = any(next(folder.glob(pattern), None) for pattern in PICKLED)
        yield "its weights are pickled, and none are unpickled; save them as safetensors" if pickled else "it has no weights"
    yield from _missing_shards(folder)


def _missing_shards(folder: Path) -> Iterator[str]:
    index = folder / WEIGHTS[1]
    if not index.is_file() or (folder / WEIGHTS[0]).is_file():
        return
    try:
        shards = set(json.loads(index.read_bytes())["weight_map"].values())
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        yield "the index of its weights cannot be read"
        return
    if any(Path(str(name)).name != name for name in shards):
        yield "the index of its weights names files that are not in its folder"
    if missing := sorted(str(name) for name in shards if not (folder / str(name)).is_file()):
        yield f"{len(missing)} of the {len(shards)} files of its weights are missing, such as {missing[0]}"


def check_weights(folder: Path) -> None:
    """Check that each file of weights is whole, and holds matrices that are weights as they stand, by what its header says.

    Raises:
        CheckpointError: one is not, or its numbers need a scale; transformers would read them as if they did not.
    """
    for name in checkpoint_files(folder):
        if name.endswith(".safetensors"):
            with (
                in_words(folder, f"{name} is no whole file of weights"),
                cast("Any", safe_open)(folder / name, "pt") as file,
            ):
                matrices = [key for key in file.keys() if key.endswith(".weight")]  # noqa: SIM118  # it is no mapping
                quantised = [key for key in matrices if file.get_slice(key).get_dtype() not in FLOATS]
            if quantised:
                raise refused(
                    folder, f"its weights are quantised, and cannot be trained ({len(quantised)}, as {quantised[0]})"
                )


@contextmanager
def in_words(folder: Path, why: str) -> Iterator[None]:
    """Say why a checkpoint cannot be used, whatever a library raises at what somebody else has written.

    Raises:
        CheckpointError: in place of that, unless the machine is the reason.
    """
    try:
        yield
    except EngineError:
        raise
    except Exception as error:
        if explained(error):
            raise
        raise refused(folder, f"{why} ({type(error).__name__})") from None


def tensor_names(folder: Path) -> set[str]:
    """Return the names of all tensors of a checkpoint whose files are whole."""
    names: set[str] = set()
    for name in checkpoint_files(folder):
        if name.endswith(".safetensors"):
            with cast("Any", safe_open)(folder / name, framework="pt") as stored:
                names.update(stored.keys())
    return names


def refused(folder: Path, why: str) -> CheckpointError:
    """Return the error that says why the checkpoint in a folder cannot be used."""
    return CheckpointError(f"The checkpoint in {folder.name} cannot be used: {why}.")
