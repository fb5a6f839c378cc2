"""Which forget examples were missed: still too well known, or by now too little, with the error over all controlled."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from unlearning_jobs.engine.contracts import ExampleFindings

from .labelings import CHANCE, relabel
from .multiplicity import benjamini_hochberg
from .outputs import Array


def judge_examples(
    unlearned: Array, oracles: Array, example_ids: Sequence[str], *, level: float, seed: int
) -> ExampleFindings:
    """Test every example by itself, and adjust for their number.

    The unit of replication is the model here too: an example's p-value is the share of labelings of whole models under
    which its |AUC - 1/2| is as large. Max-T is single-step: adjusted p = share of labelings under which any example's
    |AUC - 1/2| is as large (Westfall and Young 1993, section 2.5).

    Args:
        unlearned: margins (m, examples).
        oracles: margins (n, examples).
        example_ids: of the examples, in order.
        level: at which examples are counted as missed.
        seed: of the drawn labelings, where there are too many to try all.
    """
    tried = relabel(unlearned, oracles, seed=seed)
    fdr = benjamini_hochberg(tried.p_value)
    fwer = tried.p_values(tried.largest, np.abs(tried.auc - CHANCE))
    high, low = tried.auc > CHANCE, tried.auc < CHANCE
    return ExampleFindings(
        example_ids=tuple(example_ids),
        auc=tuple(tried.auc.tolist()),
        p_value=tuple(tried.p_value.tolist()),
        p_fdr=tuple(fdr.tolist()),
        p_fwer=tuple(fwer.tolist()),
        level=level,
        too_high_fdr=int((high & (fdr <= level)).sum()),
        too_low_fdr=int((low & (fdr <= level)).sum()),
        too_high_fwer=int((high & (fwer <= level)).sum()),
        too_low_fwer=int((low & (fwer <= level)).sum()),
    )
