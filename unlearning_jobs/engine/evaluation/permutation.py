"""A two-sided permutation test whose unit is the model."""

from __future__ import annotations

import numpy as np

from unlearning_jobs.engine.contracts import PermutationFinding

from .labelings import CHANCE, relabel
from .outputs import Array


def permutation_test(treated: Array, oracles: Array, *, seed: int) -> PermutationFinding:
    """Are the models of both groups exchangeable?

    The statistic is the mean over examples of |AUC - 1/2|, AUC being that of telling the groups apart by the example's
    margin. The labels of whole models are permuted, for all examples at once, so that examples never count as replicates.
    Margins that only rounding tells apart count as equal, whichever group they are of, so that the test keeps its level.

    Args:
        treated: (m, examples).
        oracles: (n, examples).
        seed: of the drawn labelings.
    """
    tried = relabel(treated, oracles, seed=seed)
    observed = float(np.abs(tried.auc - CHANCE).mean())
    p_value = float(tried.p_values(tried.mean, observed))
    return PermutationFinding(observed, p_value, len(tried.mean), exhaustive=tried.exhaustive)
