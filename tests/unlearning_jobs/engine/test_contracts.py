"""A protocol that could show nothing, or by which doing nothing could pass, is refused before anything runs."""

from __future__ import annotations

import itertools
import math
import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compliance.formats.protocol import REQUIRED
from compliance.formats.verdicts import GUARANTEES, Guarantee
from unlearning_jobs.engine.contracts import DEFAULT_ESTIMANDS, Estimand, Protocol

ENOUGH = Protocol((1, 2, 3), (4, 5, 6, 7, 8, 9, 10, 11))
PAIRED = Protocol((1, 2), (8, 9), design="paired")
BY_NAME = {estimand.name: estimand for estimand in DEFAULT_ESTIMANDS}


@pytest.mark.parametrize(
    ("protocol", "complaint"),
    [
        (Protocol((1, 2, 3), (3, 4, 5, 6)), "share seeds"),
        (Protocol((1, 1, 2), (4, 5, 6, 7)), "repeated"),
        (Protocol((1, 2, 3), (4, 4, 5, 6)), "repeated"),
        (Protocol((), (4, 5, 6, 7)), "At least two unlearned models"),
        (Protocol((1,), (4, 5, 6)), "four oracles"),
        (Protocol((1, 2), (4, 5, 6, 7, 8), looks=3), "At least two unlearned models and four oracles at the first look"),
        (replace(PAIRED, replicate_seeds=(1,)), "three pairs"),
        (replace(PAIRED, oracle_seeds=(8,)), "two independent oracles"),
        (replace(PAIRED, looks=2), "three pairs at the first look"),
        (Protocol((1, 2, 3, 9), (4, 5, 6, 7), looks=2), "four oracles at the first look"),
        (replace(ENOUGH, sample_seed=-1), "seed is negative"),
        (replace(ENOUGH, replicate_seeds=(1, 2, 2**40)), "seed is negative or above"),
        (replace(ENOUGH, max_retain_examples=0), "too little about damage"),
        (replace(ENOUGH, max_held_out_examples=-3), "too little about damage"),
        (replace(ENOUGH, looks=0), "not 0 times"),
        (replace(ENOUGH, looks=-1), "not -1 times"),
        (replace(ENOUGH, looks=5), "not 5 times"),
        (replace(ENOUGH, estimands=()), "Nothing judges where the forget set lies"),
        (replace(ENOUGH, tuning_seeds=(12, 3)), "the method was tuned on|tuning has not seen"),
        (replace(ENOUGH, tuning_seeds=(12, 7)), "tuning has not seen"),
        (replace(ENOUGH, tuning_seeds=(12, 12)), "repeated"),
        (replace(ENOUGH, alpha=0.8), "significance level is 0.8"),
        (replace(ENOUGH, alpha=0.0), "significance level is 0"),
        (replace(ENOUGH, alpha=-0.05), "significance level is -0.05"),
        (replace(ENOUGH, alpha=math.nan), "significance level is nan"),
        (replace(ENOUGH, influence=0.5), "limit of influence is 0.5"),
        (replace(ENOUGH, influence=math.nan), "limit of influence is nan"),
        (replace(ENOUGH, estimands=(*DEFAULT_ESTIMANDS, DEFAULT_ESTIMANDS[0])), "same name"),
        (replace(PAIRED, assurance="declared"), "has no seed here"),
        (Protocol((1,), (4, 5, 6, 7), assurance="declared"), "at least 2 replicates"),
    ],
)
@pytest.mark.parametrize("guarantee", ["empirical", "control", "suppression"])
def test_a_protocol_that_could_show_nothing_says_so(protocol: Protocol, complaint: str, guarantee: Guarantee) -> None:
    assert any(re.search(complaint, problem) for problem in protocol.problems(guarantee)), protocol.problems(guarantee)


@pytest.mark.parametrize(
    "protocol",
    [
        ENOUGH,
        replace(ENOUGH, tuning_seeds=(12, 13)),
        replace(ENOUGH, looks=2),
        Protocol((1,), (4, 5, 6, 7)),
        PAIRED,
        replace(PAIRED, replicate_seeds=(1, 2, 3, 4, 5), looks=2),
        Protocol((1, 2), (4, 5, 6, 7), assurance="declared"),
    ],
)
def test_a_protocol_with_enough_models_has_no_problems(protocol: Protocol) -> None:
    assert protocol.problems() == []


def test_a_model_trained_elsewhere_can_be_retrained_here_and_not_certified() -> None:
    annex = Protocol((), (4, 5, 6, 7), assurance="declared")
    assert annex.problems("exact") == []
    assert any("trained elsewhere" in problem for problem in annex.problems("certified"))
    assert replace(annex, assurance="reproduced").problems("certified") == []


@pytest.mark.parametrize("guarantee", ["exact", "certified"])
def test_a_guarantee_needs_four_oracles_and_no_replicates(guarantee: Guarantee) -> None:
    alone = Protocol((), (4, 5, 6, 7))
    assert alone.problems(guarantee) == []
    assert alone.problems()
    for too_little in (Protocol((), (4, 5, 6)), replace(alone, design="paired")):
        assert any("four independent oracles" in problem for problem in too_little.problems(guarantee))


@pytest.mark.parametrize("guarantee", GUARANTEES)
@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("forget_location", {"margin": 1000.0}),
        ("forget_location", {"margin": 1.0}),
        ("forget_location", {"margin": 0.0}),
        ("forget_location", {"margin": -0.25}),
        ("forget_location", {"margin": math.nan}),
        ("forget_location", {"margin": math.inf}),
        ("forget_deviation", {"margin": 0.6}),
        ("forget_missed", {"margin": 0.5}),
        ("forget_missed", {"unit": "gap", "margin": 0.1}),
        ("retain_location", {"margin": 0.5}),
        ("retain_damaged", {"margin": 0.5}),
        ("retain_damaged", {"threshold": 0.0}),
        ("retain_damaged", {"threshold": 0.9}),
        ("retain_damaged", {"threshold": math.nan}),
        ("held_out_location", {"margin": 2.0}),
        ("retain_accuracy", {"margin": 0.5}),
    ],
)
def test_a_margin_by_which_anything_could_pass_is_refused_by_its_name(
    name: str, changes: dict[str, float], guarantee: Guarantee
) -> None:
    """For every guarantee: the controls and the annex are judged by the same margins."""
    careless = tuple(replace(e, **changes) if e.name == name else e for e in DEFAULT_ESTIMANDS)  # type: ignore[arg-type]  # by name
    assert any(name in problem for problem in replace(ENOUGH, estimands=careless).problems(guarantee))


@pytest.mark.parametrize(("kind", "subject"), REQUIRED.items())
def test_what_every_verdict_rests_on_cannot_be_left_out(kind: tuple[str, str, str, str], subject: str) -> None:
    without = tuple(e for e in DEFAULT_ESTIMANDS if (e.examples, e.statistic, e.kind, e.unit) != kind)
    assert len(without) == len(DEFAULT_ESTIMANDS) - 1
    assert replace(ENOUGH, estimands=without).problems() == [f"Nothing judges {subject}; add an estimand for it."]


def test_an_estimand_of_the_same_name_does_not_stand_in_for_another() -> None:
    renamed = (Estimand("forget_location", "retain", "margin", "location", "gap", 0.25), *DEFAULT_ESTIMANDS[1:])
    assert any("where the forget set lies" in problem for problem in replace(ENOUGH, estimands=renamed).problems())


@given(replicates=st.integers(0, 40), oracles=st.integers(0, 40), looks=st.integers(1, 4), paired=st.booleans())
def test_looks_only_grow_and_the_last_one_has_every_model(
    replicates: int, oracles: int, looks: int, *, paired: bool
) -> None:
    protocol = Protocol(
        tuple(range(1, replicates + 1)),
        tuple(range(100, 100 + oracles)),
        design="paired" if paired else "independent",
        looks=looks,
    )
    sizes = [(protocol.unlearned_at(k), protocol.independent_oracles_at(k)) for k in range(1, looks + 1)]
    assert all(a <= b for first, second in itertools.pairwise(sizes) for a, b in zip(first, second, strict=True))
    assert sizes[-1] == (replicates + 1, oracles)
    assert protocol.oracles_at(looks) == oracles + (replicates + 1 if paired else 0)
    assert protocol.alpha_per_look * looks == pytest.approx(protocol.alpha)
