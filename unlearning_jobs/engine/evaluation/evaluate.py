"""Computes the evaluation from the raw outputs and the protocol, and from nothing else."""

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
    """Reach the verdict, and compute everything that is reported beside it.

    Args:
        outputs: statistics of the originals, the unlearned models and the oracles on forget, retain and held-out examples.
        protocol: the protocol, fixed before the run.
        method: name of the method; decides which limits the report states.
        family: family of the models; decides which metrics apply.
    """
    # 1. What the verdict depends on: estimands, and controls.
    estimands = tuple(judge(compare(outputs, e), e, protocol.alpha) for e in protocol.estimands)
    controls = (oracle_against_oracle(outputs, protocol), do_nothing(outputs, protocol))
    # 2. Whether the models can be told apart at all, set by set and example by example.
    sets = {name: _permutation_test(outputs, name, protocol) for name in SETS if name in outputs.ids}
    examples = judge_examples(
        outputs.matrix("unlearned", "forget", "margin"),
        outputs.matrix("oracle", "forget", "margin"),
        outputs.ids["forget"],
        level=protocol.alpha,
        seed=protocol.sample_seed,
    )
    # 3. Metrics and limits, which are reported only.
    metrics = tuple(finding for name in metrics_of(protocol, family) for finding in METRICS[name]().findings(outputs))
    forget = len(outputs.ids["forget"])
    return Evaluation(
        verdict=reach_verdict(estimands, sets["forget"], controls, protocol.alpha),
        gap=float(forget_margin(outputs, "original").mean() - forget_margin(outputs, "oracle").mean()),
        estimands=estimands,
        permutation=sets["forget"],
        controls=controls,
        metrics=metrics,
        limits=limits(method, protocol, family, forget=forget, seeds_matter=_seeds_matter(outputs)),
        sets=_adjusted(sets),
        examples=examples,
    )


def _permutation_test(outputs: Outputs, name: str, protocol: Protocol) -> PermutationFinding:
    unlearned, oracles = (outputs.matrix(group, name, "margin") for group in ("unlearned", "oracle"))
    return permutation_test(unlearned, oracles, seed=protocol.sample_seed)


def _adjusted(sets: Mapping[str, PermutationFinding]) -> tuple[SetFinding, ...]:
    adjusted = holm([finding.p_value for finding in sets.values()]).tolist()
    return tuple(SetFinding(name, finding, p) for (name, finding), p in zip(sets.items(), adjusted, strict=True))


def _seeds_matter(outputs: Outputs) -> bool:
    """Return whether models that differ only in their seed differ by more than rounding."""
    oracles = outputs.matrix("oracle", "forget", "margin")
    return not np.allclose(oracles, oracles[0], rtol=RESOLUTION, atol=RESOLUTION)
