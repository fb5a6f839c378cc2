"""Looks for weights that Lethe knows in folders of this machine, and registers what it finds as copies (docs/copies.md).

Every file of weights that it can read is read in full: that it has the name of a model says nothing. What the folders of
other machines hold, and files of other formats, stay unknown; what was not read is said.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from django.conf import settings

from compliance.formats.canonical import sha256_hex
from compliance.record.errors import StaleStateError
from unlearning_jobs.engine.errors import CheckpointError
from unlearning_jobs.engine.printing import printable
from unlearning_jobs.engine.tensors import SUFFIX, Weights, weights_of
from unlearning_jobs.models import Copy, ModelVersion
from unlearning_jobs.weights import version_with

from .copies import LONGEST_PLACE, copy_register
from .weights import weights_note

NOT_READ: Final = frozenset({".bin", ".pt", ".pth", ".ckpt", ".gguf", ".onnx", ".h5", ".msgpack"})
"""Endings of files that hold weights in formats that Lethe does not read."""


@dataclass
class Discovery:
    """What was looked at, what was found, and what could not be read."""

    looked_at: list[Path] = field(default_factory=list)
    """Folders that were searched, with all below them."""
    weights: int = 0
    """Folders with weights that were read."""
    registered: list[Copy] = field(default_factory=list)
    known: int = 0
    """Found, and registered before."""
    unreadable: list[str] = field(default_factory=list)
    """A sentence for each folder or file."""


def hub_cache() -> Path:
    """Return where the libraries of Hugging Face keep what they downloaded."""
    from huggingface_hub.constants import HF_HUB_CACHE  # it reads the environment as it is loaded

    return Path(HF_HUB_CACHE)


def copies_discover(*, folders: Iterable[Path], cache: Path | None = None) -> Discovery:
    """Look for the weights of model versions in folders and in a cache, and register each as a copy of its version.

    What lies among this installation's own artefacts is none. A second look registers nothing twice.

    Args:
        folders: where to look.
        cache: that of Hugging Face's libraries; what is found there is a cache, and elsewhere a deployment.
    """
    weights_note()  # of rows from before weights were noted
    found = Discovery()
    for folder, kind in (*((one, Copy.Kind.DEPLOYMENT) for one in folders), *([(cache, Copy.Kind.CACHE)] if cache else [])):
        if not folder.is_dir():
            found.unreadable.append(f"{_said(folder)}: there is no such folder.")
            continue
        found.looked_at.append(folder)
        for place in _places(folder, found):
            _look(place, kind, found)
    return found


def _places(folder: Path, found: Discovery) -> Iterator[Path]:
    """Yield the folders that hold weights, in order, and note what cannot be read. Links to folders are not followed."""
    own = Path(settings.ARTEFACTS).resolve()

    def refused(error: OSError) -> None:
        found.unreadable.append(f"{_said(Path(str(error.filename)))}: {error.strerror}.")

    for at, below, files in os.walk(folder.resolve(), onerror=refused):
        place = Path(at)
        if place.is_relative_to(own):
            below.clear()
            continue
        below.sort()
        found.unreadable += [
            f"{_said(place / name)}: weights in a format that is not read." for name in sorted(files) if _is_foreign(name)
        ]
        if any(name.endswith(SUFFIX) for name in files):
            yield place


def _is_foreign(name: str) -> bool:
    return Path(name).suffix.lower() in NOT_READ


def _look(place: Path, kind: Copy.Kind, found: Discovery) -> None:
    try:
        weights = weights_of(place)
    except (CheckpointError, OSError) as error:
        found.unreadable.append(f"{_said(place)}: {printable(str(error))}")
        return
    if not weights.digests:
        found.unreadable.append(f"{_said(place)}: its weights have none of the names by which they are read.")
        return
    found.weights += 1
    version = version_with(weights)
    if version is None:
        return
    where = str(place)[-LONGEST_PLACE:]
    if Copy.objects.filter(version=version, place=where, discovered=True, retired_at=None).exists():
        found.known += 1
        return
    try:
        found.registered.append(
            copy_register(
                name=_name(version, where),
                kind=kind if weights.whole else Copy.Kind.ADAPTER,
                of=version,
                place=where,
                sha256=_digest(weights),
                discovered=True,
                by=None,
            )
        )
    except StaleStateError:  # somebody else has found it at the same moment
        found.known += 1


def _name(version: ModelVersion, place: str) -> str:
    """Return a name that says of what it is a copy; another one if it was retired and is there again."""
    name = f"{version.name}-v{version.number}-{sha256_hex(place.encode())[:8]}"
    again = Copy.objects.filter(name__startswith=name).count()
    return f"{name}-{again + 1}" if again else name


def _digest(weights: Weights) -> str:
    return weights.whole or weights.digests[0]


def _said(path: Path) -> str:
    return printable(str(path))
