"""What an evaluation does not show, in sentences that follow from facts: for the engine, and for verification."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from .protocol import Protocol
from .verdicts import Guarantee

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
BY_GUARANTEE: Final[Mapping[Guarantee, str]] = {
    "empirical": "The method has no guarantee: only what was measured is known about its result.",
    "certified": "What the certificate promises rests on its assumptions and on the recorded process, not on these numbers.",
    "exact": "That the data took no part in training rests on the recorded process and its digests, not on these numbers.",
}
ALONE: Final = (
    "The one unlearned model was compared with its original and with held-out examples. No other models were unlearned, so"
    " nothing is measured about the method."
)
PAIRED: Final = (
    "Pairs share the seed and the order of the examples, so what is said about the shipped model is about the model"
    " that it would have been with the same seed, not about every retraining."
)
DECLARED: Final = (
    "The model before unlearning was trained elsewhere. That a recipe made it is declared; it was not watched. If it"
    " was trained on other examples too, this does not show them."
)
BEHAVIOURAL: Final = (
    "Nobody declared how the model before unlearning was trained, so no model could be trained to compare with: nothing"
    " here shows what retraining without the examples would give. Its recipe serves the method alone."
)
TWINS: Final = (
    "That the model never saw the held-out examples, that it saw those to forget, and that both are of one kind, is what the"
    " owner of the corpus says. Where it is not so, something left over can stay unseen, or be seen where there is nothing."
)
WITHOUT_SEEDS: Final = (
    "Training does not depend on the seed, so all oracles are the same model. The intervals reflect rounding only,"
    " and say nothing about a corpus with other examples."
)
FROM_CHECKPOINT: Final = (
    "All models start from a checkpoint that was trained elsewhere. What it knew before, the oracles know as well:"
    " nothing here shows that it did not know the examples."
)
FEW: Final = 20
"""Below so many examples, a Kolmogorov-Smirnov test hardly rejects anything."""
FEW_FOR: Final = "forget_quality"
"""The metric that is one."""
POWER: Final = 0.8
"""With which probability the difference that the sentence about models names is found."""
METRICS_OF_ATTACKS: Final[Mapping[str, tuple[str, ...]]] = {
    **{
        name: (name,)
        for name in ("difference", "quantized_4", "quantized_8", "hinted", "conversation", "paraphrased", "lens", "probe")
    },
    "prefix": ("prefix", "prefix_extraction"),
    "relearning": ("relearning",),
}
"""The metrics of each attack that a protocol can ask for. They are reported if it does, and only then."""


@dataclass(frozen=True)
class Circumstances:
    """What the limits of an evaluation follow from, beside its protocol."""

    guarantee: Guarantee | None
    """Of the method; None if others made the models."""
    from_checkpoint: bool
    """Whether the models start from a checkpoint that others trained."""
    unlearned: int
    """Models of the look that is told."""
    oracles: int
    paired: bool
    seeds_matter: bool
    """Whether models that differ only in their seed differ by more than rounding."""
    forget: int
    """Examples to forget."""
    duplicates: int
    """Retained examples that repeat them."""
    metrics: frozenset[str]
    """The metrics that are reported."""
    effect: float | None
    """The smallest difference that a t test finds, in standard deviations between models; None if there is no test."""


def has_power(unlearned: int, *, paired: bool) -> bool:
    """Return whether a sentence says how large a difference between models has to be to be found."""
    return unlearned > 1 and not paired


def asked_metrics(protocol: Protocol) -> tuple[str, ...]:
    """Return the metrics that the protocol asks for by name: those that it lists, and those of its attacks."""
    attacked = [metric for attack in protocol.all_attacks for metric in METRICS_OF_ATTACKS.get(attack, ())]
    return tuple(dict.fromkeys([*(protocol.metrics or ()), *attacked]))


def limits_of(protocol: Protocol, about: Circumstances) -> tuple[str, ...]:
    """Return what an evaluation by this protocol does not show."""
    return (*ALWAYS, *_of_this_run(protocol, about))


def _of_this_run(protocol: Protocol, about: Circumstances) -> Iterator[str]:
    yield _samples(about.unlearned, about.oracles) if protocol.has_oracles else ALONE
    if about.effect is not None:
        yield _power(protocol.alpha_per_look, about.unlearned, about.oracles, about.effect)
    if about.paired:
        yield PAIRED
    yield from _of_the_models(protocol, about)
    if about.guarantee is not None and about.guarantee in BY_GUARANTEE:
        yield BY_GUARANTEE[about.guarantee]
    yield from _of_the_metrics(protocol, about)
    if about.duplicates:
        yield (
            f"At least {about.duplicates} retained examples repeat what was to be forgotten, or nearly so. Models trained"
            " without the forget set learn it from them."
        )


def _of_the_models(protocol: Protocol, about: Circumstances) -> Iterator[str]:
    if protocol.assurance == "declared":
        yield DECLARED
    if not protocol.has_oracles:
        yield from (BEHAVIOURAL, TWINS)
    if not about.seeds_matter:
        yield WITHOUT_SEEDS
    if about.from_checkpoint and protocol.has_oracles:
        yield FROM_CHECKPOINT
    if about.guarantee is None:
        yield ELSEWHERE


def _of_the_metrics(protocol: Protocol, about: Circumstances) -> Iterator[str]:
    if about.forget < FEW and FEW_FOR in about.metrics:
        yield f"With {about.forget} examples to forget, forget quality says very little."
    if missing := [name for name in asked_metrics(protocol) if name not in about.metrics]:
        yield (
            f"The protocol asks for {', '.join(missing)}, and nothing is reported about that: models or examples did not"
            " give the numbers that it is computed from."
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


def _power(alpha: float, models: int, oracles: int, effect: float) -> str:
    return (
        f"With {models} models against {oracles} independent oracles, a two-sided t test at level {alpha:g} finds a"
        f" difference of {effect:.2f} standard deviations between models with a probability of {POWER:.0%}. Smaller"
        " differences are more likely to go unnoticed."
    )
