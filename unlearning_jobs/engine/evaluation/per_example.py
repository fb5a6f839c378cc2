"""Finds the forget examples that the models still know too well, or no longer well enough, with overall error control."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from unlearning_jobs.engine.contracts import ExampleFindings

from .labellings import CHANCE, permute_labels
from .multiplicity import benjamini_hochberg
from .outputs import Array


def judge_examples(
    unlearned: Array, oracles: Array, example_ids: Sequence[str], *, level: float, seed: int
) -> ExampleFindings:
    """Test every example by itself, and adjust for the number of tests.

    The unit of replication is the model here too: an example's p-value is the share of labellings of whole models under
    which its |AUC - 1/2| is at least as large. Max-T is single-step: the adjusted p-value is the share of labellings under
    which any example's |AUC - 1/2| is at least as large (Westfall and Young 1993, section 2.5).

    Args:
        unlearned: margins (m, examples).
        oracles: margins (n, examples).
        example_ids: ids of the examples, in order.
        level: level at which an example counts as missed.
        seed: seed of the drawn labellings, if there are too many to try all.
    """
    null = permute_labels(unlearned, oracles, seed=seed)
    fdr = benjamini_hochberg(null.p_value)
    fwer = null.p_values(null.largest, np.abs(null.auc - CHANCE))
    high, low = null.auc > CHANCE, null.auc < CHANCE
    return ExampleFindings(
        example_ids=tuple(example_ids),
        auc=tuple(null.auc.tolist()),
        p_value=tuple(null.p_value.tolist()),
        p_fdr=tuple(fdr.tolist()),
        p_fwer=tuple(fwer.tolist()),
        level=level,
        too_high_fdr=int((high & (fdr <= level)).sum()),
        too_low_fdr=int((low & (fdr <= level)).sum()),
        too_high_fwer=int((high & (fwer <= level)).sum()),
        too_low_fwer=int((low & (fwer <= level)).sum()),
    )
