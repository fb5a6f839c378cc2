"""Stores measurements in files whose names depend on everything that affects them, except the code."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from compliance.formats.canonical import canonical_json

Arrays = dict[str, NDArray[np.float64]]
DIGITS = 16
"""Number of hexadecimal digits of a digest in a file name."""


@dataclass(frozen=True)
class ResultStore:
    """Results by name and dependencies. After a change of recipe, defaults or forget set, no old file is found."""

    folder: Path

    def arrays(self, name: str, about: Mapping[str, Any], make: Callable[[], Arrays]) -> Arrays:
        """Read the arrays; compute and write them first if they are missing."""
        path = self._path(name, about, ".npz")
        if not path.exists():
            draft = path.with_suffix(".draft.npz")
            np.savez_compressed(draft, **make())  # type: ignore[arg-type]  # numpy takes any name for an array
            draft.replace(path)
        with np.load(path) as file:
            return dict(file)

    def numbers(self, name: str, about: Mapping[str, Any], make: Callable[[], Mapping[str, Any]]) -> dict[str, Any]:
        """Do the same for values that fit into JSON."""
        path = self._path(name, about, ".json")
        if not path.exists():
            draft = path.with_suffix(".draft")
            draft.write_text(json.dumps({"about": about, "found": make()}, indent=1), encoding="utf-8")
            draft.replace(path)
        numbers: dict[str, Any] = json.loads(path.read_bytes())["found"]
        return numbers

    def _path(self, name: str, about: Mapping[str, Any], suffix: str) -> Path:
        self.folder.mkdir(parents=True, exist_ok=True)
        digest = hashlib.sha256(canonical_json({"name": name, **about})).hexdigest()[:DIGITS]
        return self.folder / f"{name.replace(' ', '-')}-{digest}{suffix}"
