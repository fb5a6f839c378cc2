"""Computes the evaluation from the raw outputs and the protocol, and from nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from compliance.formats.rules import Measured, reach_verdict, without_numbers
from compliance.formats.twins import twin_verdict
from unlearning_jobs.engine.catalogue import method_guarantee, metrics_of
from unlearning_jobs.engine.contracts import (
    Control,
    Duplicate,
    Estimand,
    EstimandFinding,
    Evaluation,
    Guarantee,
    PermutationFinding,
    ProcessCheck,
    Protocol,
    SetFinding,
    Verdict,
    Veto,
)

from .controls import declared_against_replicates, do_nothing, oracle_against_oracle, pairs_against_independent
from .each_example import damaged, missed
from .estimands import compare, forget_margin, judge, oracles_of
from .influence import measure_influence, measure_precision
from .limits import limits
from .metrics import METRICS
from .multiplicity import holm
from .outputs import Outputs
from .per_example import judge_examples
from .permutation import permutation_test
from .shipped import judge_shipped, share_finding, vetoes
from .twins import judge_twins

SETS = ("forget", "retain", "held_out")
NEEDED = ("margin", "probability")
"""Statistics that every verdict rests on."""


def evaluate(
    outputs: Outputs,
    protocol: Protocol,
    method: str | None,
    family: str,
    *,
    look: int = 1,
    process: Sequence[ProcessCheck] = (),
    duplicates: Sequence[Duplicate] = (),
) -> Evaluation:
    """Reach the verdict, and compute everything that is reported beside it.

    Args:
        outputs: statistics of the originals, the unlearned models and the oracles, if there are any, on forget, retain and
            held-out examples.
        protocol: the protocol, fixed before the run.
        method: name of the method; its guarantee decides what the verdict rests on. None if others made the models: then
            nothing but measurements is known about them.
        family: family of the models; decides which metrics apply.
        look: number of the look, from 1.
        process: what the engine established about how the result was made.
        duplicates: retained examples that repeat forget examples.
    """
    guarantee: Guarantee = method_guarantee(method) if method else "empirical"
    said = partial(
        limits, method, protocol, family, outputs, duplicates=len({duplicate.retain_id for duplicate in duplicates})
    )
    # 1. Models that answer with no numbers cannot be compared.
    if broken := _not_finite(outputs, protocol):
        return _without_numbers(without_numbers(broken, process, guarantee), said(metrics=()), look, process, duplicates)
    metrics = tuple(finding for name in metrics_of(protocol, family) for finding in METRICS[name]().findings(outputs))
    limited = said(metrics={metric.name for metric in metrics})
    if not protocol.has_oracles:
        twins = judge_twins(outputs, protocol)
        bare = _without_numbers(twin_verdict(twins, protocol.alpha), limited, look, process, duplicates)
        return replace(bare, metrics=metrics, twins=twins)
    # 2. What the verdict depends on: estimands, controls, and whether there is anything to unlearn.
    estimands = tuple(_findings(outputs, protocol))
    controls = tuple(_controls(outputs, protocol))
    nothing_done = [control for control in controls if control.name == "do_nothing"]
    sets = {name: _permutation_test(outputs, name, protocol) for name in SETS if name in outputs.ids}
    measured = Measured(
        estimands=estimands,
        permutation=sets["forget"],
        controls=controls,
        influence=measure_influence(outputs, protocol, nothing_done[0]) if nothing_done else None,
        vetoes=tuple((e, side) for e in protocol.estimands if _is_judged(outputs, e) and (side := vetoes(outputs, e))),
    )
    # 3. What is reported beside it: single examples, too.
    examples = judge_examples(
        outputs.matrix("unlearned", "forget", "margin"),
        outputs.matrix("oracle", "forget", "margin"),
        outputs.ids["forget"],
        level=protocol.alpha,
        seed=protocol.sample_seed,
    )
    return Evaluation(
        verdict=reach_verdict(measured, process, guarantee, protocol.alpha),
        gap=float(forget_margin(outputs, "original").mean() - forget_margin(outputs, "oracle").mean()),
        estimands=estimands,
        permutation=sets["forget"],
        controls=controls,
        metrics=metrics,
        limits=limited,
        sets=_adjusted(sets),
        examples=examples,
        look=look,
        process=tuple(process),
        influence=measured.influence,
        precision=measure_precision(outputs),
        duplicates=tuple(duplicates),
        vetoes=tuple(Veto(e.name, side) for e, side in measured.vetoes if side in ("above", "below")),
    )


def _without_numbers(
    verdict: Verdict, said: tuple[str, ...], look: int, process: Sequence[ProcessCheck], duplicates: Sequence[Duplicate]
) -> Evaluation:
    """Return an evaluation without what oracles are needed for; so of models of which some gave no finite numbers."""
    return Evaluation(
        verdict=verdict,
        gap=None,
        estimands=(),
        permutation=None,
        controls=(),
        metrics=(),
        limits=said,
        look=look,
        process=tuple(process),
        duplicates=tuple(duplicates),
    )


def is_decided(evaluation: Evaluation) -> bool:
    """Return whether further models cannot change the verdict."""
    return evaluation.verdict.outcome != "inconclusive"


def _findings(outputs: Outputs, protocol: Protocol) -> Iterator[EstimandFinding]:
    """Yield what each estimand says about the method, if several models were unlearned, and about the shipped model."""
    alpha, several = protocol.alpha_per_look, len(outputs.models("unlearned")) > 1
    for estimand in protocol.estimands:
        if not _is_judged(outputs, estimand):
            continue
        if several and estimand.kind in ("location", "deviation"):
            yield judge(compare(outputs, estimand), estimand, alpha)
        elif several:
            unlearned = outputs.matrix("unlearned", estimand.examples, estimand.statistic)  # (models, examples)
            if estimand.kind == "damaged":
                oracles = outputs.matrix("oracle", estimand.examples, estimand.statistic)  # (models, examples)
                tally = damaged(unlearned, oracles, estimand.threshold)
            else:
                original = outputs.matrix("original", estimand.examples, estimand.statistic)  # (models, examples)
                oracles, paired = oracles_of(outputs, estimand.examples, estimand.statistic)
                tally = missed(original, unlearned, oracles, paired=paired, alpha=alpha)
            yield share_finding(estimand, tally, "method")
        yield judge_shipped(outputs, estimand, alpha)


def _is_judged(outputs: Outputs, estimand: Estimand) -> bool:
    return estimand.examples in outputs.ids


def _controls(outputs: Outputs, protocol: Protocol) -> Iterator[Control]:
    yield oracle_against_oracle(outputs, protocol)
    if len(outputs.models("original")) > 1:
        nothing = do_nothing(outputs, protocol)
        yield nothing
        if protocol.assurance == "declared":
            yield declared_against_replicates(outputs, protocol, nothing)
    if watched := pairs_against_independent(outputs, protocol):
        yield watched


def _not_finite(outputs: Outputs, protocol: Protocol) -> tuple[str, ...]:
    """Return the groups in which an answer is no finite number, where the verdict needs one."""
    needed = {(name, statistic) for name in SETS for statistic in NEEDED}
    needed |= {(estimand.examples, estimand.statistic) for estimand in protocol.estimands}
    groups: dict[str, None] = {}
    for name, statistic in sorted(needed):
        for model, of_set in outputs.values:
            if of_set == name and not np.isfinite(outputs.vector(model, name, statistic)).all():
                groups[model.group] = None
    return tuple(groups)


def _permutation_test(outputs: Outputs, name: str, protocol: Protocol) -> PermutationFinding:
    unlearned, oracles = (outputs.matrix(group, name, "margin") for group in ("unlearned", "oracle"))
    return permutation_test(unlearned, oracles, seed=protocol.sample_seed)


def _adjusted(sets: Mapping[str, PermutationFinding]) -> tuple[SetFinding, ...]:
    adjusted = holm([finding.p_value for finding in sets.values()]).tolist()
    return tuple(SetFinding(name, finding, p) for (name, finding), p in zip(sets.items(), adjusted, strict=True))
