"""What the weights in a folder are, whatever holds them: names, shards, order and metadata do not count.

Numbers count as what they are in bfloat16 and, in a second digest, in float16. Models are saved here in single precision,
and copies of them are often rounded to one of the two, which makes no other model of them. Does not import torch, because
services ask.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final

import numpy as np
import numpy.typing as npt

from compliance.formats.canonical import canonical_json, sha256_hex

from .artefacts import ADAPTER_FILES, checkpoint_files
from .errors import CheckpointError

ADAPTER: Final = "adapter"
"""Folder of the adapter within that of a model."""
ADAPTERS: Final = (ADAPTER, "adapters/*")
"""Folders of all adapters within that of a model, which may have been trained in shards."""
SUFFIX: Final = ".safetensors"
LONGEST_HEADER: Final = 100_000_000
"""Bytes; what the library of the format allows."""
NUMBERS: Final = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2"}
"""Numbers that are compared in bfloat16, as numpy reads them. It has none of that kind: they are the upper halves of F32."""
BLOCK: Final = 1 << 22
"""Bytes read at a time."""


@dataclass(frozen=True)
class Weights:
    """What the weights in a folder are: the same digests belong to the same weights."""

    whole: str = ""
    """Digest of a whole model's, in bfloat16; empty if the folder holds none."""
    digests: tuple[str, ...] = ()
    """All digests: of the whole model's and of each adapter's, in bfloat16 and in float16."""
    finite: bool = True
    """Whether all of them are finite numbers, in single precision."""


def weights_of(folder: Path, on_read: Callable[[], object] = lambda: None) -> Weights:
    """Return what the weights of a model, a checkpoint or an adapter are.

    Args:
        folder: it.
        on_read: called again and again while large files are read.

    Raises:
        CheckpointError: there is no such folder, or a file of weights is damaged.
    """
    files = [name for name in checkpoint_files(folder) if name.endswith(SUFFIX) and name not in ADAPTER_FILES]
    whole, finite = _digests([folder / name for name in files], on_read)
    digests = list(whole)
    for file in _adapters(folder):
        of_adapter, is_finite = _digests([file], on_read)
        digests += of_adapter
        finite = finite and is_finite
    return Weights(whole[0] if whole else "", tuple(dict.fromkeys(digests)), finite)


def has_adapters(folder: Path) -> bool:
    """Return whether the folder is an adapter's, or of a model with some."""
    return bool(_adapters(folder))


def _adapters(folder: Path) -> list[Path]:
    places = [folder, *(found for pattern in ADAPTERS for found in sorted(folder.glob(pattern)))]
    return [place / ADAPTER_FILES[1] for place in places if (place / ADAPTER_FILES[1]).is_file()]


def require_finite(weights: Weights, folder: Path, *, code: str | None = None) -> None:
    """Raise CheckpointError if some of the weights are no numbers: a training that comes to this makes no model either."""
    if not weights.finite:
        message = f"The weights in {folder.name} cannot be used: some of them are NaN or infinite."
        raise CheckpointError(message, code=code)


def _digests(files: list[Path], on_read: Callable[[], object]) -> tuple[tuple[str, ...], bool]:
    """Return the digests of the set of all tensors in the files, and whether their numbers are finite; none without any."""
    found, finite = set[tuple[str, str]](), True
    for file in files:
        try:
            for digests, is_finite in _tensors(file, on_read):
                found.add(digests)
                finite = finite and is_finite
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            message = f"{file.name} in {file.parent.name} is no whole file of weights; restore it."
            raise CheckpointError(message) from None
    return tuple(sha256_hex(canonical_json(sorted(set(digests)))) for digests in zip(*found, strict=True)), finite


def _tensors(file: Path, on_read: Callable[[], object]) -> Iterator[tuple[tuple[str, str], bool]]:
    """Yield the two digests of each tensor in a file, and whether its numbers are finite."""
    with file.open("rb") as opened:
        length = int.from_bytes(_read(opened, 8), "little")
        if length > LONGEST_HEADER:
            raise ValueError(length)
        header: Mapping[str, Any] = json.loads(_read(opened, length))
        for name, tensor in header.items():
            if name != "__metadata__":
                begin, end = tensor["data_offsets"]
                opened.seek(8 + length + begin)
                yield _tensor(opened, str(tensor["dtype"]), tensor["shape"], end - begin, on_read)


def _tensor(
    opened: BinaryIO, dtype: str, shape: list[int], size: int, on_read: Callable[[], object]
) -> tuple[tuple[str, str], bool]:
    stored = NUMBERS.get(dtype)
    if stored and math.prod(shape) * np.dtype(stored).itemsize != size:
        raise ValueError(size)
    bfloat16 = hashlib.sha256(canonical_json(["BF16" if stored else dtype, shape]))
    float16 = hashlib.sha256(canonical_json(["F16" if stored else dtype, shape]))
    finite = True
    for start in range(0, size, BLOCK):
        block = _read(opened, min(BLOCK, size - start))
        on_read()
        if stored:
            numbers = _single(np.frombuffer(block, stored), dtype)
            finite = finite and bool(np.isfinite(numbers).all())
            bfloat16.update(_in_bfloat16(numbers).tobytes())
            float16.update(_in_float16(numbers).tobytes())
        else:
            bfloat16.update(block)
            float16.update(block)
    return (bfloat16.hexdigest(), float16.hexdigest()), finite


def _single(numbers: npt.NDArray[Any], dtype: str) -> npt.NDArray[np.float32]:
    """Return numbers in single precision, which holds those of half precision as they are."""
    if dtype == "BF16":
        return (numbers.astype("<u4") << 16).view("<f4")
    with np.errstate(over="ignore"):  # what it cannot hold becomes infinite, and is found to be
        return numbers.astype("<f4")


def _in_bfloat16(numbers: npt.NDArray[np.float32]) -> npt.NDArray[np.uint16]:
    """Return numbers in bfloat16, to the nearest and from the middle to the even one, as torch rounds them."""
    bits: npt.NDArray[np.uint32] = numbers.view("<u4")
    return ((bits + np.uint32(0x7FFF) + ((bits >> 16) & np.uint32(1))) >> 16).astype(np.uint16)


def _in_float16(numbers: npt.NDArray[np.float32]) -> npt.NDArray[np.float16]:
    """Return numbers in float16; what that cannot hold becomes infinite, in every copy alike."""
    with np.errstate(over="ignore"):
        return numbers.astype("<f2")


def _read(opened: BinaryIO, size: int) -> bytes:
    block = opened.read(size)
    if len(block) != size:
        raise ValueError(size)
    return block
