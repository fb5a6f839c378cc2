"""What an evaluation does not show, in sentences for the report."""

from __future__ import annotations

from unlearning_jobs.engine.catalogue import METHODS, metrics_of
from unlearning_jobs.engine.contracts import Protocol

from .power import POWER, minimum_detectable_effect

ALWAYS = (
    (
        "It compares the models' outputs on these examples, not their weights. Similar outputs do not prove that nothing of"
        " the data remains."
    ),
    (
        "Other wordings, other languages, later fine-tuning or quantisation of the model, and attacks that were not run may"
        " reveal what these statistics do not show."
    ),
    (
        "It covers this model version only: no copies, earlier versions, models derived from it, back-ups or other places"
        " where the data is stored."
    ),
    "Metrics other than the estimands are reported for comparison. They do not affect the verdict.",
)


def limits(method: str, protocol: Protocol, family: str, *, forget: int, seeds_matter: bool) -> tuple[str, ...]:
    """Return the limits of every evaluation, and those of this method, protocol and family of models."""
    models = len(protocol.replicate_seeds) + 1
    sentences = [
        *ALWAYS,
        (
            f"The verdict is about the method. It rests on {models} models unlearned with different seeds and"
            f" {len(protocol.oracle_seeds)} oracles; the production model is one of the {models}. Differences smaller than"
            " the margins are not examined."
        ),
        _power(protocol, models),
    ]
    if not seeds_matter:
        sentences.append(
            "Training does not depend on the seed, so all oracles are the same model. The intervals reflect rounding only,"
            " and say nothing about a corpus with other examples."
        )
    if METHODS[method].guarantee == "empirical":
        sentences.append("The method has no guarantee: only what was measured is known about its result.")
    if METHODS[method].guarantee == "certified":
        sentences.append(
            "What the certificate promises rests on its assumptions and on the recorded process, not on these numbers."
        )
    if METHODS[method].guarantee == "exact":
        sentences.append(
            "That the data took no part in training rests on the recorded process and its digests, not on these numbers."
        )
    if forget < 20 and "forget_quality" in metrics_of(protocol, family):  # noqa: PLR2004  # below this a Kolmogorov-Smirnov test hardly rejects anything
        sentences.append(f"With {forget} examples to forget, forget quality says very little.")
    return tuple(sentences)


def _power(protocol: Protocol, models: int) -> str:
    oracles = len(protocol.oracle_seeds)
    effect = minimum_detectable_effect(models, oracles, alpha=protocol.alpha)
    return (
        f"With {models} models against {oracles} oracles, a two-sided t test at level {protocol.alpha:g} finds a difference"
        f" of {effect:.2f} standard deviations between models with a probability of {POWER:.0%}. Smaller differences are"
        " more likely to go unnoticed."
    )
