"""Examples counted one by one, against direct computations."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import t

from unlearning_jobs.engine.evaluation.each_example import (
    BEYOND,
    Tally,
    damaged,
    memorised,
    missed,
    missed_by_one,
    moderated_deviation,
)
from unlearning_jobs.engine.evaluation.outputs import Array

ALPHA, EXAMPLES, GAP = 0.05, 20, 8.0
UNTOUCHED = slice(0, 2)


@pytest.fixture
def groups(rng: np.random.Generator) -> tuple[Array, Array, Array]:
    """Originals, unlearned models and oracles; two of the twenty examples were left untouched."""
    original, unlearned, oracles = (rng.normal(level, 0.5, (n, EXAMPLES)) for level, n in ((GAP, 4), (0, 4), (0, 8)))
    unlearned[:, UNTOUCHED] = original[:, UNTOUCHED]
    return original, unlearned, oracles


def test_a_moderated_variance_is_drawn_to_the_median_by_four_degrees_of_freedom(rng: np.random.Generator) -> None:
    values = rng.normal(0, [0.1, 1, 3], (5, 3))
    own = values.var(axis=0, ddof=1)
    assert moderated_deviation(values) ** 2 == pytest.approx((4 * np.median(own) + 4 * own) / 8)


@pytest.mark.parametrize("paired", [False, True])
def test_one_noisy_example_hides_no_untouched_ones(groups: tuple[Array, Array, Array], *, paired: bool) -> None:
    original, unlearned, oracles = (group.copy() for group in groups)
    for group in (original, unlearned, oracles):
        group[:, -1] *= 1 + 40 * np.arange(len(group)) % 7  # differs wildly from model to model
    tally = missed(original, unlearned, oracles[:4] if paired else oracles, paired=paired, alpha=ALPHA)
    assert tally.certain >= 2
    assert tally.shares()[1] > 0.03


@pytest.mark.parametrize("paired", [False, True])
def test_examples_that_were_left_untouched_are_counted(groups: tuple[Array, Array, Array], *, paired: bool) -> None:
    original, unlearned, oracles = groups
    tally = missed(original, unlearned, oracles[:4] if paired else oracles, paired=paired, alpha=ALPHA)
    assert tally == Tally(judged=EXAMPLES, certain=2, estimated=2, possible=2)
    assert tally.shares() == (0.1, 0.1, 0.1)


def test_one_model_is_counted_by_itself(groups: tuple[Array, Array, Array]) -> None:
    original, unlearned, oracles = groups
    tally = missed_by_one(original[0], unlearned[0], oracles.mean(axis=0), oracles, alpha=ALPHA)
    assert tally == Tally(judged=EXAMPLES, certain=2, estimated=2, possible=2)


def test_an_example_counts_for_certain_where_the_test_of_half_its_own_gap_rejects(rng: np.random.Generator) -> None:
    """One example is moved until Student's t, computed by hand, just rejects."""
    original, oracles = rng.normal(GAP, 0.5, (4, 3)), rng.normal(0, 0.5, (8, 3))
    unlearned = oracles[:4].copy()
    for beyond, certain in ((0.99, 0), (1.01, 1)):
        own = unlearned - original / 2
        error = np.sqrt(moderated_deviation(own) ** 2 / 4 + moderated_deviation(oracles) ** 2 / 32)[0]
        standing = own[:, 0].mean() - oracles[:, 0].mean() / 2
        moved = unlearned.copy()
        moved[:, 0] += -standing + beyond * t.ppf(1 - ALPHA, 4 - 1 + 4) * error  # shifts no variance
        tally = missed(original, moved, oracles, paired=False, alpha=ALPHA)
        assert (tally.judged, tally.certain, tally.possible) == (3, certain, 1)


def test_halfway_is_possible_and_not_certain(rng: np.random.Generator) -> None:
    original, oracles = rng.normal(GAP, 0.5, (4, 6)), rng.normal(0, 0.5, (8, 6))
    tally = missed(original, original / 2 + oracles.mean() / 2, oracles, paired=False, alpha=ALPHA)
    assert tally.certain < tally.possible == tally.judged


def test_examples_that_were_never_memorised_are_not_judged(groups: tuple[Array, Array, Array]) -> None:
    original, unlearned, oracles = groups
    original, unlearned = original.copy(), unlearned.copy()
    original[:, 10:] = unlearned[:, 10:] = oracles[4:, 10:]
    tally = missed(original, unlearned, oracles, paired=False, alpha=ALPHA)
    assert (tally.judged, tally.certain) == (10, 2)
    assert memorised(original, oracles, paired=False, alpha=ALPHA) == 10


def test_a_set_that_nothing_remembers_has_no_share() -> None:
    nothing = np.random.default_rng(3).normal(0, 0.5, (8, EXAMPLES))
    tally = missed(nothing[:4], nothing[:4], nothing[4:], paired=False, alpha=ALPHA)
    assert tally == Tally(0, 0, 0, 0)
    assert tally.shares() == (0.0, 0.0, 0.0)
    assert memorised(nothing[:4], nothing[4:], paired=False, alpha=ALPHA) == 0


def test_pairs_recognise_as_memorised_what_independent_models_cannot(rng: np.random.Generator) -> None:
    of_seed = rng.normal(0, 3, (4, EXAMPLES))
    original, oracles = of_seed + 2 + rng.normal(0, 0.2, of_seed.shape), of_seed + rng.normal(0, 0.2, of_seed.shape)
    assert memorised(original, oracles, paired=True, alpha=ALPHA) == EXAMPLES
    assert memorised(original, oracles, paired=False, alpha=ALPHA) < EXAMPLES / 2


@pytest.mark.parametrize("paired", [False, True])
@pytest.mark.parametrize("examples", [5, 100, 400])
@pytest.mark.parametrize("unlike", [0.0, 1.0])
def test_chance_makes_an_example_count_as_memorised_in_few_jobs_however_many_there_are(
    rng: np.random.Generator, examples: int, unlike: float, *, paired: bool
) -> None:
    """Also if the examples' variances differ by a factor of seven and more."""
    jobs, any_counted = 200, 0
    for _ in range(jobs):
        spread = np.exp(rng.normal(0, unlike, examples))
        original, oracles = rng.normal(0, spread, (4, examples)), rng.normal(0, spread, (4 if paired else 6, examples))
        any_counted += memorised(original, oracles, paired=paired, alpha=ALPHA) > 0
    assert any_counted / jobs < 0.11


def test_what_is_clearly_remembered_counts_among_hundreds(rng: np.random.Generator) -> None:
    original, oracles = rng.normal(0, 0.5, (4, 400)), rng.normal(0, 0.5, (6, 400))
    original[:, :30] += GAP
    assert memorised(original, oracles, paired=False, alpha=ALPHA) == 30


@pytest.mark.parametrize("models", [1, 4])
def test_an_example_is_damaged_beyond_the_threshold_and_not_before(models: int) -> None:
    oracles = np.full((8, 10), 0.9) + np.random.default_rng(4).normal(0, 0.001, (8, 10))
    unlearned = np.tile(oracles.mean(axis=0), (models, 1))
    unlearned[:, 0] -= 0.201
    unlearned[:, 1] -= 0.199
    unlearned[:, 2] += 0.5  # better is no damage
    assert damaged(unlearned, oracles, 0.2) == Tally(10, 1, 1, 1)


def test_damage_is_never_finer_than_the_oracles_own_spread(rng: np.random.Generator) -> None:
    oracles = rng.normal(0.5, 0.2, (8, 10))
    reach = t.ppf(1 - BEYOND, 8 - 1 + 4) * moderated_deviation(oracles) * (1 + 1 / 8) ** 0.5
    assert (reach > 0.2).all()
    for share, count in ((0.99, 0), (1.01, 10)):
        assert damaged((oracles.mean(axis=0) - share * reach)[None], oracles, 0.2).certain == count


def test_models_that_differ_among_themselves_do_not_hide_damage_by_it(rng: np.random.Generator) -> None:
    oracles = rng.normal(0.9, 0.01, (8, 10))
    wild = np.array([[0.9], [0.1], [0.9], [0.1]]) + np.zeros((4, 10))
    assert damaged(wild, oracles, 0.2).certain == 10


def test_models_without_a_seed_are_counted_up_to_rounding() -> None:
    """No spread at all divides by nothing."""
    original, oracles = np.full((2, 4), GAP), np.zeros((4, 4))
    assert missed(original, np.zeros((2, 4)), oracles, paired=False, alpha=ALPHA) == Tally(4, 0, 0, 0)
    assert missed(original, original, oracles, paired=False, alpha=ALPHA) == Tally(4, 4, 4, 4)
    assert damaged(np.full((1, 4), 0.2), np.full((4, 4), 0.9), 0.2) == Tally(4, 4, 4, 4)
