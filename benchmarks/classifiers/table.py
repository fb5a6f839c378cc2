"""The rows of a table, and the noise floor that exact methods have to stay within."""

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
from .kept import Arrays

SPLITS: Final = 200
LEVEL: Final = 0.01
"""Of the test whether a KLoM lies within the floor: of the dozens of such tests in the tables, few are to fail by chance."""
MEBIBYTE: Final = 2**20
HEADER: Final = (
    "| method | KLoM P95 forget | retain | held out | way left | U-LiRA | F | accuracy forget | held out"
    " | seconds | share of retraining | peak MiB |\n|---|---|---|---|---|---|---|---|---|---|---|---|"
)


@dataclass(frozen=True)
class Floor:
    """KLoM P95 of two groups of models, over random splits of all of them: what it is when the groups do not differ."""

    splits: Mapping[str, NDArray[np.float64]]
    """By set, one value for each split."""

    def median(self, of: str) -> float:
        return float(np.median(self.splits[of]))

    def chance(self, of: str, value: float) -> float:
        """p-value: the share of splits, this one included, whose KLoM is at least as large."""
        return float((1 + (self.splits[of] >= value).sum()) / (1 + len(self.splits[of])))

    def row(self, prefix: str = "") -> str:
        """Where 95 % of the splits lie."""
        ranges = (np.quantile(self.splits[s], (0.025, 0.975)) for s in SETS)
        cells = " | ".join(f"{low:.2f} to {high:.2f}" for low, high in ranges)
        return f"| {prefix}floor, 95 % of {SPLITS} splits | {cells} | | | | | | | | |"


def random_splits(group: Arrays, oracles: Arrays) -> Arrays:
    """KLoM P95 by set over random splits of both groups together, each as large as it is: (SPLITS,) each."""
    rng, size = np.random.default_rng(0), len(group["forget"])
    models = size + len(oracles["forget"])
    first = np.stack([rng.permutation(models) < size for _ in range(SPLITS)])
    found: Arrays = {}
    for name in SETS:
        kloms = klom_of_splits(np.concatenate([group[name], oracles[name]]), first)
        found[name] = np.percentile(kloms, PERCENTILE, axis=1)
    return found


def percentile(group: NDArray[np.float64], oracles: NDArray[np.float64]) -> float:
    return float(np.percentile(klom(group, oracles), PERCENTILE))


@dataclass(frozen=True)
class TableRow:
    """What was found of one method."""

    name: str
    found: Arrays
    oracles: Arrays
    cost: Cost | None = None
    retraining: float = 0.0
    """Seconds."""

    @cached_property
    def klom(self) -> dict[str, float]:
        return {name: percentile(self.found[name], self.oracles[name]) for name in SETS}

    @property
    def share(self) -> float:
        """Of the seconds of one retraining; none where nothing is done."""
        return self.cost.seconds / self.retraining if self.cost else 0.0

    def text(self, prefix: str, way_left: float) -> str:
        """The row; `way_left` is where its KLoM on the forget set lies, from 0 at the floor to 1 where doing nothing is."""
        right = [float(self.found[f"{s}_right"].mean()) for s in ("forget", "held_out")]
        cells = [*(f"{k:.2f}" for k in self.klom.values()), f"{way_left:.2f}", *self._attacks()]
        return f"| {prefix}{self.name} | {' | '.join([*cells, *(f'{r:.3f}' for r in right), *self._costs()])} |"

    def _attacks(self) -> tuple[str, str]:
        """U-LiRA and F; where one model stands for all there is nothing to tell apart."""
        models = len(self.found["forget"])
        if models == 1:
            return "", ""
        told = float(u_lira(self.found["forget"], self.oracles["forget"]).mean())
        quality = forgetting_quality(example_epsilons(self.found["forget"], self.oracles["forget"]), models)
        return f"{told:.3f}", f"{quality:.3f}"

    def _costs(self) -> tuple[str, str, str]:
        if self.cost is None:
            return "", "", ""
        memory = self.cost.memory if self.cost.device_memory is None else self.cost.device_memory
        return (
            f"{self.cost.seconds:.3g}",
            f"{self.share:.3f}",
            "" if memory is None else f"{memory / MEBIBYTE:.1f}",
        )
