"""How likely a job is to be decided, and how many models are proposed, against the engine's own judgement."""

from __future__ import annotations

import numpy as np
import pytest

from compliance.formats.verdicts import Guarantee
from unlearning_jobs.engine.advisor import DESIGN_REASONS, Precedent, Sizes, choose_design, design_of, outlook
from unlearning_jobs.engine.advisor.outlook import chances_by_look
from unlearning_jobs.engine.contracts import (
    DEFAULT_ESTIMANDS,
    ClassifierArchitecture,
    LlamaArchitecture,
    LogisticArchitecture,
    Protocol,
    Recipe,
)
from unlearning_jobs.engine.evaluation.estimands import Comparison, position_of
from unlearning_jobs.engine.evaluation.shipped import ShippedNumbers

PAIRED = design_of("paired", Sizes(), "arrays").protocol()
INDEPENDENT = design_of("independent", Sizes(), "texts").protocol()
ARRAYS = Recipe("classifier", ClassifierArchitecture("mlp"), 2, 8, 0.1)
TEXTS = Recipe("causal_lm", LlamaArchitecture(32, 1, 2, 64), 1, 8, 1e-3, vocabulary_size=256)
CLOSED_FORM = Recipe("logistic", LogisticArchitecture(), 1, 8, 0.1)
LOCATION = DEFAULT_ESTIMANDS[0]
RUNS = 500


def share_within(protocol: Protocol, look: int, spread: float, saved: float) -> float:
    """How often a retrained model is found within the margin, about the method and about itself; the gap is 1."""
    rng, count, found = np.random.default_rng(20), protocol.unlearned_at(look), 0
    common, apart = spread * (1 - 1 / saved) ** 0.5, spread * saved**-0.5
    for _ in range(RUNS):
        shared = rng.normal(0, common, count)
        unlearned, original = (shared + rng.normal(0, apart, count) for _ in range(2))
        independent = rng.normal(0, spread, protocol.independent_oracles_at(look))
        own = shared + rng.normal(0, apart, count) if protocol.paired else independent
        numbers = np.concatenate([own, independent]) if protocol.paired else independent
        first = own[0] if protocol.paired else None
        shipped = ShippedNumbers(
            unlearned[0], 1 + original[0], first, first, numbers, numbers, absolute=False, two_sided=True
        )
        comparison = Comparison(unlearned, own, 1 + original, own, absolute=False, paired=protocol.paired)
        alpha = protocol.alpha_per_look
        ends = (comparison.against(side * LOCATION.margin, alpha) for side in (1, -1))
        positions = (position_of(*ends, two_sided=True), shipped.position(LOCATION, alpha, 0.05)[0])
        found += positions == ("within", "within")
    return found / RUNS


@pytest.mark.parametrize(
    ("protocol", "spread", "saved"),
    [
        (INDEPENDENT, 0.05, 1.0),
        (INDEPENDENT, 0.1, 1.0),
        (INDEPENDENT, 0.15, 1.0),
        (PAIRED, 0.1, 1.0),
        (PAIRED, 0.15, 4.0),
        (PAIRED, 0.2, 20.0),
        (PAIRED, 0.3, 20.0),
    ],
)
@pytest.mark.parametrize("look", [1, 2])
def test_the_forecast_is_what_the_engine_finds_in_simulated_jobs(
    protocol: Protocol, spread: float, saved: float, look: int
) -> None:
    assert chances_by_look(protocol, spread, saved)[look - 1] == pytest.approx(
        share_within(protocol, look, spread, saved), abs=0.1
    )


def test_more_spread_makes_a_decision_less_likely_and_more_looks_never_do() -> None:
    chances = [chances_by_look(INDEPENDENT, spread, 1.0) for spread in (0.05, 0.1, 0.2, 0.4)]
    assert [last for _, last in chances] == sorted((last for _, last in chances), reverse=True)
    assert all(first <= last for first, last in chances)


def test_without_earlier_jobs_nothing_is_forecast() -> None:
    unknown = outlook(PAIRED, [])
    assert (unknown.chances, unknown.spread, unknown.measured) == ((), None, 0)
    assert outlook(PAIRED, [Precedent(decided=True, spread=None, saved_by_pairs=None)]).chances == ()


def test_models_without_any_spread_are_decided_for_certain() -> None:
    assert outlook(INDEPENDENT, [Precedent(decided=True, spread=0.0, saved_by_pairs=None)]).chances == (1.0, 1.0)


def test_earlier_jobs_are_counted_by_whether_measurements_decided_them() -> None:
    rows = [Precedent(decided, 0.1, None) for decided in (True, False, None)]
    seen = outlook(INDEPENDENT, rows)
    assert (seen.decided, seen.measured, seen.jobs) == (1, 2, 3)


@pytest.mark.parametrize("guarantee", ["exact", "certified"])
def test_a_result_with_other_evidence_gets_four_oracles_no_replicates_and_one_look(guarantee: Guarantee) -> None:
    design = choose_design(guarantee, ARRAYS, [Precedent(decided=True, spread=0.5, saved_by_pairs=40.0)])
    assert (design.pairing, design.replicates, design.oracles, design.looks) == ("independent", 0, 4, 1)
    assert design.protocol().problems(guarantee) == []


@pytest.mark.parametrize(
    ("recipe", "precedents", "reason"),
    [
        (ARRAYS, [], "arrays"),
        (TEXTS, [], "texts"),
        (CLOSED_FORM, [], "unpairable"),
        (CLOSED_FORM, [(0.3, 40.0)], "unpairable"),
        (ARRAYS, [(0.04, 40.0)], "few_decide"),
        (ARRAYS, [(0.2, None)], "arrays"),
        (TEXTS, [(0.2, 20.0)], "pairs_pay"),
        (ARRAYS, [(0.2, 0.3)], "pairs_do_not_pay"),
        (ARRAYS, [(None, None)], "arrays"),
    ],
)
def test_pairs_are_proposed_where_they_pay(
    recipe: Recipe, precedents: list[tuple[float | None, float | None]], reason: str
) -> None:
    rows = [Precedent(decided=True, spread=spread, saved_by_pairs=saved) for spread, saved in precedents]
    design = choose_design("empirical", recipe, rows)
    assert design.reason == reason
    assert (design.pairing == "paired") == (reason in ("arrays", "pairs_pay"))
    assert design.protocol().problems("empirical") == []


def test_every_reason_has_a_sentence() -> None:
    assert all(sentence.endswith(".") for sentence in DESIGN_REASONS.values())


def test_a_model_trained_elsewhere_is_compared_independently_whatever_pairs_saved() -> None:
    rows = [Precedent(decided=True, spread=0.5, saved_by_pairs=40.0)]
    design = choose_design("empirical", ARRAYS, rows, assurance="declared")
    assert (design.pairing, design.reason, design.protocol().assurance) == ("independent", "declared", "declared")
    assert design.protocol().problems("empirical") == []
    assert choose_design("exact", ARRAYS, rows, assurance="declared").protocol().assurance == "declared"
