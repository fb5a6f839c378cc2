"""What an evaluation does not show, in sentences for the report."""

from __future__ import annotations

from unlearning_jobs.engine.catalogue import METHODS, metrics_of
from unlearning_jobs.engine.contracts import Protocol

from .power import POWER, smallest_effect

ALWAYS = (
    "It compares outputs on these examples, not weights: similar outputs do not prove that nothing of the data is left.",
    (
        "Other wordings, other languages, fine-tuning or quantising the model afterwards, and attacks that were not run may"
        " bring out what these statistics do not show."
    ),
    "It covers this model version only: not copies, earlier versions, models derived from it, back-ups or other stores.",
    "The metrics besides the estimands are reported for comparison; they do not enter the verdict.",
)


def limits(method: str, protocol: Protocol, family: str, *, forget: int, seeds_matter: bool) -> tuple[str, ...]:
    """Limits of every evaluation, and those of this method, protocol and family of models."""
    models = len(protocol.replicate_seeds) + 1
    found = [
        *ALWAYS,
        (
            f"The verdict is about the method, over {models} models unlearned with different seeds against"
            f" {len(protocol.oracle_seeds)} oracles; the production model is one of them. Differences smaller than the"
            " margins are not looked for."
        ),
        _power(protocol, models),
    ]
    if not seeds_matter:
        found.append(
            "Training does not depend on the seed, so all oracles are the same model: the intervals hold rounding alone, and"
            " nothing is said about a corpus that differs in other examples."
        )
    if METHODS[method].guarantee == "empirical":
        found.append("The method has no guarantee: what is known about its result is what was measured.")
    if METHODS[method].guarantee == "certified":
        found.append(
            "What the certificate promises rests on its assumptions and on the recorded process, not on these numbers."
        )
    if METHODS[method].guarantee == "exact":
        found.append(
            "That the data took no part in training rests on the recorded process and its digests, not on these numbers."
        )
    if forget < 20 and "forget_quality" in metrics_of(protocol, family):  # noqa: PLR2004  # below this a Kolmogorov-Smirnov test hardly rejects anything
        found.append(f"With {forget} examples to forget, forget quality hardly says anything.")
    return tuple(found)


def _power(protocol: Protocol, models: int) -> str:
    oracles = len(protocol.oracle_seeds)
    effect = smallest_effect(models, oracles, alpha=protocol.alpha)
    return (
        f"With {models} models against {oracles} oracles, a two-sided t test at level {protocol.alpha:g} finds a difference"
        f" of {effect:.2f} standard deviations between models with a probability of {POWER:.0%}; smaller ones are more"
        " likely to go unnoticed."
    )
