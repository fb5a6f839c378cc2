"""From raw outputs and a protocol to the evaluation. Nothing else enters."""

from __future__ import annotations

import numpy as np

from unlearning_jobs.engine.contracts import Evaluation, Protocol

from .controls import do_nothing, oracle_against_oracle
from .estimands import compare, forget_margin, judge
from .limits import limits
from .metrics import METRICS
from .outputs import RESOLUTION, Outputs
from .permutation import permutation_test
from .verdict import reach_verdict


def evaluate(outputs: Outputs, protocol: Protocol, method: str) -> Evaluation:
    """The verdict, and everything reported beside it.

    Args:
        outputs: statistics of the originals, the unlearned models and the oracles on forget, retain and held-out examples.
        protocol: fixed before the run.
        method: its name, for what the evaluation cannot show about it.
    """
    estimands = tuple(judge(compare(outputs, e), e, protocol.alpha) for e in protocol.estimands)
    permutation = permutation_test(
        outputs.matrix("unlearned", "forget", "margin"),
        outputs.matrix("oracle", "forget", "margin"),
        seed=protocol.sample_seed,
    )
    controls = (oracle_against_oracle(outputs, protocol), do_nothing(outputs, protocol))
    return Evaluation(
        verdict=reach_verdict(estimands, permutation, controls, protocol.alpha),
        gap=float(forget_margin(outputs, "original").mean() - forget_margin(outputs, "oracle").mean()),
        estimands=estimands,
        permutation=permutation,
        controls=controls,
        metrics=tuple(finding for name in protocol.metrics for finding in METRICS[name]().findings(outputs)),
        limits=limits(method, protocol, forget=len(outputs.ids["forget"]), seeds_matter=_seeds_matter(outputs)),
    )


def _seeds_matter(outputs: Outputs) -> bool:
    """Whether models that differ in nothing but their seed differ by more than rounding."""
    oracles = outputs.matrix("oracle", "forget", "margin")
    return not np.allclose(oracles, oracles[0], rtol=RESOLUTION, atol=RESOLUTION)
