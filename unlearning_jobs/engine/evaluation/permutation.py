"""A two-sided permutation test with the model as its unit."""

from __future__ import annotations

import numpy as np

from unlearning_jobs.engine.contracts import PermutationFinding

from .labellings import CHANCE, permute_labels
from .outputs import Array


def permutation_test(treated: Array, oracles: Array, *, seed: int) -> PermutationFinding:
    """Test whether the models of both groups are exchangeable.

    The statistic is the mean over examples of |AUC - 1/2|, where the AUC tells the groups apart by the example's margin.
    The labels of whole models are permuted, for all examples at once, so examples never count as replicates. Margins that
    differ only by rounding count as equal in whichever group they are, so that the test keeps its level.

    Args:
        treated: margins (m, examples).
        oracles: margins (n, examples).
        seed: seed of the drawn labellings.
    """
    null = permute_labels(treated, oracles, seed=seed)
    observed = float(np.abs(null.auc - CHANCE).mean())
    p_value = float(null.p_values(null.mean, observed))
    return PermutationFinding(observed, p_value, len(null.mean), exhaustive=null.exhaustive)
