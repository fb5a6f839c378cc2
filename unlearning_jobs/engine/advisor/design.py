"""Chooses how many models a verdict is tried with and how they are compared, and says why.

An exact or certified result does not rest on measurements, so a few independent oracles are enough, which can contradict
it. Otherwise pairs pay where models differ much against what they have to forget, and gain little where they do not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from compliance.formats.assurances import Assurance
from compliance.formats.protocol import ANNEXED
from compliance.formats.translation import gettext_noop as _
from compliance.formats.verdicts import Guarantee
from unlearning_jobs.engine.contracts import Protocol, Recipe
from unlearning_jobs.engine.contracts.families import describe_family

from .outlook import Precedent, chances_by_look, typical_saving, typical_spread

ENOUGH: Final = 0.9
"""Independent models that decide with this probability need no pairs."""

ReasonCode = Literal[
    "annex", "declared", "behavioural", "unpairable", "few_decide", "pairs_pay", "pairs_do_not_pay", "arrays", "texts"
]
DESIGN_REASONS: Final[Mapping[str, str]] = {
    "annex": _(
        "The result is released on the evidence of its process or on its certificate. The measurements can contradict it,"
        " and a few oracles are enough for that."
    ),
    "declared": _(
        "The model was trained elsewhere, so it shares no seed with a model trained here; models are compared independently,"
        " and it is first compared with models of its declared recipe."
    ),
    "behavioural": _(
        "Nobody declared how the model was trained, so no model can be trained to compare it with. Its answers are compared"
        " with those to held-out examples, before and after; that never shows what retraining would give, so no result can"
        " be released on it."
    ),
    "unpairable": _("Models of this recipe cannot take one another’s batches, so they are compared independently."),
    "few_decide": _(
        "In earlier jobs on this model, retrained models differed so little from one another that a few independent ones"
        " decide; pairs would gain nothing."
    ),
    "pairs_pay": _("In earlier jobs on this model, pairs made the comparison precise enough to be worth their trainings."),
    "pairs_do_not_pay": _("In earlier jobs on this model, pairs gained too little to be worth their trainings."),
    "arrays": _(
        "No earlier job on this model measured what pairs gain. On classifiers of arrays they gained much where it was"
        " measured, so pairs are proposed."
    ),
    "texts": _(
        "No earlier job on this model measured what pairs gain. On models of text they gained nothing on the forget set"
        " where it was measured, so independent models are proposed."
    ),
}


@dataclass(frozen=True)
class Sizes:
    """How many models an installation proposes for each design."""

    pairs: int = 8
    """The most pairs, the production model's among them."""
    watchers: int = 2
    """Independent oracles beside the pairs."""
    replicates: int = 4
    """For the independent design."""
    oracles: int = 8
    """For the independent design."""
    annex_oracles: int = 4
    looks: int = 2


@dataclass(frozen=True)
class Design:
    """The size of an evaluation, without its seeds."""

    pairing: Literal["independent", "paired"]
    replicates: int
    oracles: int
    """Independent ones: with pairs, those that watch them."""
    looks: int
    reason: ReasonCode
    """Key of `DESIGN_REASONS`."""
    assurance: Assurance = "reproduced"
    """Of the model to unlearn."""

    def protocol(self, seeds: Sequence[int] = (), **rules: Any) -> Protocol:
        """Return a protocol of this size. Without seeds it only counts models, and is no protocol to run."""
        count = self.replicates + self.oracles
        drawn = tuple(seeds) or tuple(range(count))
        if self.assurance == "behavioural":
            rules["estimands"] = ()  # each compares with oracles
        return Protocol(
            replicate_seeds=drawn[: self.replicates],
            oracle_seeds=drawn[self.replicates : count],
            design=self.pairing,
            looks=self.looks,
            assurance=self.assurance,
            **rules,
        )


def choose_design(
    guarantee: Guarantee,
    recipe: Recipe,
    precedents: Sequence[Precedent] = (),
    sizes: Sizes | None = None,
    *,
    assurance: Assurance = "reproduced",
) -> Design:
    """Return the design for a method of this guarantee on a model of this recipe.

    Args:
        guarantee: what the method promises.
        recipe: the model's recipe; says whether it can be paired.
        precedents: what earlier jobs on the same model measured.
        sizes: how many models each design has; by default, those of `Sizes`.
        assurance: how the model to unlearn came about.
    """
    sizes = sizes or Sizes()
    if assurance == "behavioural" or guarantee in ANNEXED:
        few: ReasonCode = "behavioural" if assurance == "behavioural" else "annex"
        return Design("independent", 0, 0 if few == "behavioural" else sizes.annex_oracles, 1, few, assurance)
    if assurance == "declared" or not recipe.can_be_paired:
        return design_of("independent", sizes, "declared" if assurance == "declared" else "unpairable", assurance)
    # 1. What earlier jobs on this model measured.
    spread, saved = typical_spread(precedents), typical_saving(precedents)
    if spread is not None:
        alone = chances_by_look(design_of("independent", sizes, "few_decide").protocol(), spread, 1.0)[-1]
        if alone >= ENOUGH:
            return design_of("independent", sizes, "few_decide")
        if saved is not None:
            paired = design_of("paired", sizes, "pairs_pay")
            pays = chances_by_look(paired.protocol(), spread, saved)[-1] > alone
            return paired if pays else design_of("independent", sizes, "pairs_do_not_pay")
    # 2. What was measured elsewhere.
    if describe_family(recipe.family).reads == "arrays":
        return design_of("paired", sizes, "arrays")
    return design_of("independent", sizes, "texts")


def design_of(
    pairing: Literal["independent", "paired"], sizes: Sizes, reason: ReasonCode, assurance: Assurance = "reproduced"
) -> Design:
    """Return the design of the proposed size with or without pairs."""
    if pairing == "paired":
        return Design("paired", sizes.pairs - 1, sizes.watchers, sizes.looks, reason, assurance)
    return Design("independent", sizes.replicates, sizes.oracles, sizes.looks, reason, assurance)
