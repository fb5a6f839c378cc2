"""From raw outputs and a protocol to the evaluation. Nothing else enters."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from unlearning_jobs.engine.catalogue import metrics_of
from unlearning_jobs.engine.contracts import Evaluation, PermutationFinding, Protocol, SetFinding

from .controls import do_nothing, oracle_against_oracle
from .estimands import compare, forget_margin, judge
from .limits import limits
from .metrics import METRICS
from .multiplicity import holm
from .outputs import RESOLUTION, Outputs
from .per_example import judge_examples
from .permutation import permutation_test
from .verdict import reach_verdict

SETS = ("forget", "retain", "held_out")


def evaluate(outputs: Outputs, protocol: Protocol, method: str, family: str) -> Evaluation:
    """The verdict, and everything reported beside it.

    Args:
        outputs: statistics of the originals, the unlearned models and the oracles on forget, retain and held-out examples.
        protocol: fixed before the run.
        method: its name, for what the evaluation cannot show about it.
        family: of the models, for the metrics that they have.
    """
    estimands = tuple(judge(compare(outputs, e), e, protocol.alpha) for e in protocol.estimands)
    sets = {name: _permutation_test(outputs, name, protocol) for name in SETS if name in outputs.ids}
    controls = (oracle_against_oracle(outputs, protocol), do_nothing(outputs, protocol))
    return Evaluation(
        verdict=reach_verdict(estimands, sets["forget"], controls, protocol.alpha),
        gap=float(forget_margin(outputs, "original").mean() - forget_margin(outputs, "oracle").mean()),
        estimands=estimands,
        permutation=sets["forget"],
        controls=controls,
        metrics=tuple(finding for name in metrics_of(protocol, family) for finding in METRICS[name]().findings(outputs)),
        limits=limits(method, protocol, family, forget=len(outputs.ids["forget"]), seeds_matter=_seeds_matter(outputs)),
        sets=_adjusted(sets),
        examples=judge_examples(
            outputs.matrix("unlearned", "forget", "margin"),
            outputs.matrix("oracle", "forget", "margin"),
            outputs.ids["forget"],
            level=protocol.alpha,
            seed=protocol.sample_seed,
        ),
    )


def _permutation_test(outputs: Outputs, name: str, protocol: Protocol) -> PermutationFinding:
    unlearned, oracles = (outputs.matrix(group, name, "margin") for group in ("unlearned", "oracle"))
    return permutation_test(unlearned, oracles, seed=protocol.sample_seed)


def _adjusted(found: Mapping[str, PermutationFinding]) -> tuple[SetFinding, ...]:
    adjusted = holm([finding.p_value for finding in found.values()]).tolist()
    return tuple(SetFinding(name, finding, p) for (name, finding), p in zip(found.items(), adjusted, strict=True))


def _seeds_matter(outputs: Outputs) -> bool:
    """Whether models that differ in nothing but their seed differ by more than rounding."""
    oracles = outputs.matrix("oracle", "forget", "margin")
    return not np.allclose(oracles, oracles[0], rtol=RESOLUTION, atol=RESOLUTION)
