"""What a comparison of models that others made says.

It never says "passed": nobody here watched how the models came about, so it says only whether they answer alike.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Final, Literal

import numpy as np

from compliance.formats.protocol import DEFAULT_ESTIMANDS, FEWEST_ORACLES
from unlearning_jobs.engine.contracts import EstimandFinding, MetricFinding, Protocol
from unlearning_jobs.engine.contracts.contract import EngineContract
from unlearning_jobs.engine.errors import SpecError
from unlearning_jobs.engine.evaluation.evaluate import evaluate
from unlearning_jobs.engine.evaluation.metrics import METRICS
from unlearning_jobs.engine.evaluation.outputs import ModelKey, Outputs
from unlearning_jobs.engine.evaluation.shipped import judge_shipped
from unlearning_jobs.engine.evaluation.statistics import STATISTICS

Outcome = Literal["alike", "different", "undecided"]
"""alike: within the margins of the oracles. different: outside. undecided: it cannot be told."""
OUTCOMES: Final[dict[str, Outcome]] = {"passed": "alike", "failed": "different"}
LOGGED_METRICS: Final = frozenset(
    {
        *("probability", "rouge_l", "truth_ratio", "forget_quality", "model_utility"),
        *("exact_memorization", "extraction_strength"),
    }
)
"""Metrics that need no margins."""
ORIGINAL: Final = (
    "That the original is the model that the unlearned one was made from is what its owner says. One that knows more"
    " than the real one makes any model look unlearned."
)
SHIPPED: Final = (
    "What is said of the shipped model, is said of the first of the unlearned models that were given, and of no other one."
)
NOT_KNOWN: Final = (
    "The original, with nothing unlearned, does not clearly know the forget set better than the oracles, so this comparison"
    " shows nothing. Look whether original and unlearned model were exchanged, and whether the oracles never saw the forget"
    " set."
)
MARGIN: Final = STATISTICS.index("margin")
FEWEST_RETAINED: Final = 5
FIRST_ORACLE: Final = 1001
"""Number of the first oracle; models of the other groups are numbered from 1."""


@dataclass(frozen=True)
class Judgement(EngineContract):
    """Whether unlearned models answer like oracles, and what was measured."""

    outcome: Outcome
    direction: Literal["undershot", "overshot"] | None
    reasons: tuple[str, ...]
    gap: float | None
    """As in `Evaluation`; None if margins are missing."""
    findings: tuple[EstimandFinding, ...]
    metrics: tuple[MetricFinding, ...]
    does_not_show: tuple[str, ...]
    models: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Digests of what was judged, by group."""
    assurance: Literal["behavioural"] = "behavioural"
    """How the models came about is not known here, whoever says it: only what they answer."""


def judge(outputs: Outputs, family: str) -> Judgement:
    """Compare unlearned models with oracles.

    Args:
        outputs: models are numbered from 1 in the groups original and unlearned, as many in each and in the same order, and
            from `FIRST_ORACLE` in the group oracle.
        family: family of the models; decides which metrics apply.

    Raises:
        SpecError: a group is empty, there is another number of originals than of unlearned models, a model is given
            twice, or in some of several unlearned models nothing was done.
    """
    counts = {group: len(outputs.models(group)) for group in ("original", "unlearned", "oracle")}
    if missing := [group for group, count in counts.items() if not count]:
        message = f"There is no model of the group {missing[0]}. What unlearning should look like, only an oracle shows."
        raise SpecError(message)
    if counts["original"] != counts["unlearned"]:
        message = (
            f"There are {counts['original']} originals and {counts['unlearned']} unlearned models; name the original of each"
            " unlearned model, in the same order."
        )
        raise SpecError(message)
    if twice := _given_twice(outputs):
        raise SpecError(twice)
    if nothing := _nothing_done(outputs):
        raise SpecError(nothing)
    protocol = _protocol(outputs, counts["unlearned"], counts["oracle"])
    metrics = tuple(_metrics(outputs))
    if why := _undecidable(outputs, counts["oracle"]):
        said = ("Nothing was decided, so nothing is known about how close the models are beyond these numbers.",)
        return Judgement("undecided", None, (why,), None, (), metrics, said)
    evaluation = evaluate(outputs, replace(protocol, metrics=()), None, family)
    reasons = [reason.sentence for reason in evaluation.verdict.reasons]
    if counts["unlearned"] > 1:
        reasons.append(SHIPPED)
    judgement = Judgement(
        outcome=OUTCOMES.get(evaluation.verdict.outcome, "undecided"),
        direction=evaluation.verdict.direction,
        reasons=tuple(reasons),
        gap=evaluation.gap,
        findings=evaluation.estimands,
        metrics=metrics,
        does_not_show=(*evaluation.limits, ORIGINAL, _compared(outputs)),
    )
    if judgement.outcome != "different" and judgement.gap is not None and not _original_is_above(outputs, protocol):
        return replace(judgement, outcome="undecided", reasons=(NOT_KNOWN,))
    return judgement


def _protocol(outputs: Outputs, unlearned: int, oracles: int) -> Protocol:
    return Protocol(
        replicate_seeds=tuple(range(2, unlearned + 1)),
        oracle_seeds=tuple(range(FIRST_ORACLE, FIRST_ORACLE + oracles)),
        estimands=tuple(e for e in DEFAULT_ESTIMANDS if e.examples in outputs.ids),
    )


def _undecidable(outputs: Outputs, oracles: int) -> str:
    """Say why no verdict can be reached; empty if one can."""
    if any(name not in outputs.ids for name in ("forget", "retain")):
        return "Forget and retain examples are needed: without both, a destroyed model could look unlearned."
    if all(np.isnan(table[:, MARGIN]).all() for table in outputs.values.values()):
        return "Logs hold no margins, and the verdict rests on them; judge the models themselves, or their margins."
    if (retained := len(outputs.ids["retain"])) < FEWEST_RETAINED:
        return f"{retained} retained examples are too few to show damage; compare at least {FEWEST_RETAINED}."
    if oracles < FEWEST_ORACLES:
        return (
            f"There are {oracles} oracles, and models that never saw the forget set differ among themselves: by how much,"
            f" only {FEWEST_ORACLES} or more can tell."
        )
    return ""


def _compared(outputs: Outputs) -> str:
    counts = ", ".join(f"{len(ids)} of the set {name}" for name, ids in outputs.ids.items())
    return f"How the models answer examples other than those that were compared ({counts})."


def _given_twice(outputs: Outputs) -> str:
    """Say which models answer exactly alike, so that one of them is no model of its own; empty if none do.

    An unlearned model may answer like its original: then nothing was done.
    """
    seen: dict[tuple[bytes, ...], ModelKey] = {}
    for model in (*outputs.models("oracle"), *outputs.models("unlearned"), *outputs.models("original")):
        other = seen.setdefault(_answers(outputs, model), model)
        if other != model and other.group in (model.group, "oracle"):
            return (
                f"The models {_named(other)} and {_named(model)} answer exactly alike, so they are one model; give every"
                " model once, and no model as its own oracle."
            )
    return ""


def _nothing_done(outputs: Outputs) -> str:
    """Say which of several unlearned models are one of the originals: a method may be judged only by what it did.

    Where that is so of all, it is what doing nothing looks like, and is judged.
    """
    originals = {_answers(outputs, model) for model in outputs.models("original")}
    unlearned = outputs.models("unlearned")
    same = [model for model in unlearned if _answers(outputs, model) in originals]
    if not same or len(same) == len(unlearned):
        return ""
    return (
        f"Of the unlearned models, {', '.join(map(_named, same))} answer exactly like an original, so nothing was done to"
        " them; leave them out with their originals, or judge each by itself."
    )


def _answers(outputs: Outputs, model: ModelKey) -> tuple[bytes, ...]:
    return tuple(outputs.values[model, name].tobytes() for name in sorted(outputs.ids))


def _named(model: ModelKey) -> str:
    return f"{model.group} {model.seed - FIRST_ORACLE + 1 if model.group == 'oracle' else model.seed}"


def _original_is_above(outputs: Outputs, protocol: Protocol) -> bool:
    """Return whether doing nothing would have been judged as knowing the forget set still."""
    nothing = outputs.replaced("unlearned", by="original")
    locations = (e for e in protocol.estimands if (e.examples, e.kind, e.unit) == ("forget", "location", "gap"))
    return all(judge_shipped(nothing, e, protocol.alpha).position == "above" for e in locations)


def _metrics(outputs: Outputs) -> Iterator[MetricFinding]:
    """Yield every metric that has its inputs and enough models."""
    fewest = min(len(outputs.models("unlearned")), len(outputs.models("oracle")))
    has_margins = not any(np.isnan(table[:, MARGIN]).any() for table in outputs.values.values())
    for metric in METRICS.values():
        if metric.fewest_models <= fewest and (has_margins or metric.name in LOGGED_METRICS):
            yield from metric().findings(outputs)
