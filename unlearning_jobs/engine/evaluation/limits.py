"""What an evaluation does not show, in sentences for the report."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np

from unlearning_jobs.engine.catalogue import method_guarantee, metrics_of
from unlearning_jobs.engine.contracts import Guarantee, Protocol
from unlearning_jobs.engine.contracts.families import describe_family

from .outputs import RESOLUTION, Outputs
from .power import POWER, minimum_detectable_effect

ALWAYS: Final = (
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
ELSEWHERE: Final = (
    "Others made these models. What they were trained on, and that the oracles never saw the forget set, is what is said of"
    " them; nobody watched it."
)
BY_GUARANTEE: Final[dict[Guarantee, str]] = {
    "empirical": "The method has no guarantee: only what was measured is known about its result.",
    "certified": "What the certificate promises rests on its assumptions and on the recorded process, not on these numbers.",
    "exact": "That the data took no part in training rests on the recorded process and its digests, not on these numbers.",
}
FEW: Final = 20
"""Below so many examples, a Kolmogorov-Smirnov test hardly rejects anything."""


def limits(method: str | None, protocol: Protocol, family: str, outputs: Outputs, *, duplicates: int) -> tuple[str, ...]:
    """Return the limits of every evaluation, and those of this method (None if others made the models), protocol and run."""
    return (*ALWAYS, *_of_this_run(method, protocol, family, outputs, duplicates))


def _of_this_run(method: str | None, protocol: Protocol, family: str, outputs: Outputs, duplicates: int) -> Iterator[str]:
    models, oracles = len(outputs.models("unlearned")), len(outputs.models("oracle"))
    forget = len(outputs.ids["forget"])
    yield _samples(models, oracles)
    if models > 1 and not outputs.paired:
        yield _power(protocol.alpha_per_look, models, oracles)
    if outputs.paired:
        yield (
            "Pairs share the seed and the order of the examples, so what is said about the shipped model is about the model"
            " that it would have been with the same seed, not about every retraining."
        )
    if protocol.assurance == "declared":
        yield (
            "The model before unlearning was trained elsewhere. That a recipe made it is declared; it was not watched. If it"
            " was trained on other examples too, this does not show them."
        )
    if not _seeds_matter(outputs):
        yield (
            "Training does not depend on the seed, so all oracles are the same model. The intervals reflect rounding only,"
            " and say nothing about a corpus with other examples."
        )
    if describe_family(family).starts_from_base:
        yield (
            "All models start from a checkpoint that was trained elsewhere. What it knew before, the oracles know as well:"
            " nothing here shows that it did not know the examples."
        )
    if method is None:
        yield ELSEWHERE
    elif (guarantee := method_guarantee(method)) in BY_GUARANTEE:
        yield BY_GUARANTEE[guarantee]
    if forget < FEW and "forget_quality" in metrics_of(protocol, family):
        yield f"With {forget} examples to forget, forget quality says very little."
    if duplicates:
        yield (
            f"At least {duplicates} retained examples repeat what was to be forgotten, or nearly so. Models trained without"
            " the forget set learn it from them."
        )


def _samples(models: int, oracles: int) -> str:
    if models == 1:
        return (
            f"The shipped model was compared with {oracles} oracles. No other models were unlearned, so nothing is"
            " measured about the method."
        )
    return (
        f"The statement about the method rests on {models} models unlearned with different seeds and {oracles} oracles; the"
        f" shipped model is one of the {models}, and is also judged by itself. Differences smaller than the margins are not"
        " examined."
    )


def _power(alpha: float, models: int, oracles: int) -> str:
    effect = minimum_detectable_effect(models, oracles, alpha=alpha)
    return (
        f"With {models} models against {oracles} independent oracles, a two-sided t test at level {alpha:g} finds a"
        f" difference of {effect:.2f} standard deviations between models with a probability of {POWER:.0%}. Smaller"
        " differences are more likely to go unnoticed."
    )


def _seeds_matter(outputs: Outputs) -> bool:
    """Return whether models that differ only in their seed differ by more than rounding."""
    oracles = outputs.matrix("oracle", "forget", "margin")
    return not np.allclose(oracles, oracles[0], rtol=RESOLUTION, atol=RESOLUTION)
