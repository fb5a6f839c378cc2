"""The rows of a table, and the noise floor that exact methods must stay within."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

from unlearning_jobs.engine.evaluation.metrics.klom import PERCENTILE, klom, klom_of_splits
from unlearning_jobs.engine.evaluation.metrics.neurips_2023 import example_epsilons, forgetting_quality
from unlearning_jobs.engine.evaluation.metrics.u_lira import u_lira

from .costs import Cost
from .forget_sets import SETS
from .results import Arrays

SPLITS: Final = 200
LEVEL: Final = 0.01
"""Level of the test whether a KLoM is within the floor. It is low because the tables hold dozens of such tests."""
MEBIBYTE: Final = 2**20
HEADER: Final = (
    "| method | KLoM P95 forget | retain | held out | way left | U-LiRA | F | accuracy forget | held out"
    " | seconds | share of retraining | peak MiB |\n|---|---|---|---|---|---|---|---|---|---|---|---|"
)


@dataclass(frozen=True)
class Floor:
    """The distribution of KLoM P95 over random splits of all models, which shows its values if the groups do not differ."""

    splits: Mapping[str, NDArray[np.float64]]
    """One value per split, by set: (SPLITS,) each."""

    def median(self, name: str) -> float:
        return float(np.median(self.splits[name]))

    def p_value(self, name: str, value: float) -> float:
        """Return the share of splits, this one included, whose KLoM on the set is at least as large."""
        return float((1 + (self.splits[name] >= value).sum()) / (1 + len(self.splits[name])))

    def row(self, prefix: str = "") -> str:
        """Return the row with the range of 95 % of the splits."""
        ranges = (np.quantile(self.splits[s], (0.025, 0.975)) for s in SETS)
        cells = " | ".join(f"{low:.2f} to {high:.2f}" for low, high in ranges)
        return f"| {prefix}floor, 95 % of {SPLITS} splits | {cells} | | | | | | | | |"


def random_splits(group: Arrays, oracles: Arrays) -> Arrays:
    """Return KLoM P95 by set over random splits of both groups together into groups of the same sizes: (SPLITS,) each."""
    rng, size = np.random.default_rng(0), len(group["forget"])
    models = size + len(oracles["forget"])
    first = np.stack([rng.permutation(models) < size for _ in range(SPLITS)])  # (SPLITS, models)
    percentiles: Arrays = {}
    for name in SETS:
        kloms = klom_of_splits(np.concatenate([group[name], oracles[name]]), first)  # (SPLITS, examples)
        percentiles[name] = np.percentile(kloms, PERCENTILE, axis=1)
    return percentiles


def percentile(group: NDArray[np.float64], oracles: NDArray[np.float64]) -> float:
    return float(np.percentile(klom(group, oracles), PERCENTILE))


@dataclass(frozen=True)
class TableRow:
    """The measurements of one method."""

    name: str
    margins: Arrays
    """Margins by set, and what else `Trial.measure` returns."""
    oracles: Arrays
    cost: Cost | None = None
    retraining: float = 0.0
    """Seconds of one retraining."""

    @cached_property
    def klom(self) -> dict[str, float]:
        return {name: percentile(self.margins[name], self.oracles[name]) for name in SETS}

    @property
    def share(self) -> float:
        """Return the share of one retraining; 0 if nothing was done."""
        return self.cost.seconds / self.retraining if self.cost else 0.0

    def text(self, prefix: str, remaining: float) -> str:
        """Return the row; `remaining` is its KLoM on the forget set, scaled to 0 at the floor and 1 for doing nothing."""
        accuracies = [float(self.margins[f"{s}_right"].mean()) for s in ("forget", "held_out")]
        cells = [*(f"{k:.2f}" for k in self.klom.values()), f"{remaining:.2f}", *self._attacks()]
        return f"| {prefix}{self.name} | {' | '.join([*cells, *(f'{a:.3f}' for a in accuracies), *self._costs()])} |"

    def _attacks(self) -> tuple[str, str]:
        """Return U-LiRA and F; empty if one model stands for all, because there is nothing to tell apart."""
        models = len(self.margins["forget"])
        if models == 1:
            return "", ""
        accuracy = float(u_lira(self.margins["forget"], self.oracles["forget"]).mean())
        quality = forgetting_quality(example_epsilons(self.margins["forget"], self.oracles["forget"]), models)
        return f"{accuracy:.3f}", f"{quality:.3f}"

    def _costs(self) -> tuple[str, str, str]:
        if self.cost is None:
            return "", "", ""
        memory = self.cost.memory if self.cost.device_memory is None else self.cost.device_memory
        return (
            f"{self.cost.seconds:.3g}",
            f"{self.share:.3f}",
            "" if memory is None else f"{memory / MEBIBYTE:.1f}",
        )
