"""Says what a result rests on that is not released on measurements; engine and verification follow the same rules."""

from __future__ import annotations

from .findings import ProcessCheck
from .results import Certificate, SecondTraining
from .rules import certificate_check
from .verdicts import Guarantee


def process_checks(
    guarantee: Guarantee, certificate: Certificate | None, again: SecondTraining | None
) -> tuple[ProcessCheck, ...]:
    """Return what can be established about the process; nothing for methods that only measurements can judge."""
    if guarantee == "certified":
        return (certificate_check(certificate),)
    return training_checks(again) if guarantee == "exact" and again is not None else ()


def training_checks(again: SecondTraining) -> tuple[ProcessCheck, ...]:
    """Return what a second training shows: what it was given, and that its model is the result."""
    given = (
        f"A whole training on {again.examples} examples, whose manifest has the digest {again.manifest}, was given"
        f" {again.given or 'none'} of the {again.forget_examples} examples to forget."
    )
    return (
        ProcessCheck("forget_set_absent", held=again.given == 0, sentence=given),
        ProcessCheck("executed_again", held=True, sentence=_compared(again)),
    )


def _compared(again: SecondTraining) -> str:
    if again.repeated:
        return "The model that it gave is the result, and the method had given the same weights, bit by bit."
    if again.difference is None:
        return "The model that it gave is the result. The method had given a model that cannot be compared with it."
    return (
        "The model that it gave is the result. The method had given other weights, by at most"
        f" {again.difference:.1g}, which are not shipped."
    )
