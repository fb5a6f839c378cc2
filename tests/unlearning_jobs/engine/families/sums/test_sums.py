"""Subtracting examples, against learning without them."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from unlearning_jobs.engine.contracts import SumsArchitecture
from unlearning_jobs.engine.errors import SpecError
from unlearning_jobs.engine.families.sums import LEARNERS, Sums, make_sums

FEATURES, CLASSES = 3, 3
MEASURING = [name for name in LEARNERS if name != "co_occurrence"]
"""Learners whose features are any numbers."""
every_learner = pytest.mark.parametrize("name", LEARNERS)
a_few_corpora = settings(max_examples=40, deadline=None)


def empty(name: str) -> Sums:
    architecture = SumsArchitecture(name, variance_floor=0.1)  # type: ignore[arg-type]  # a name of the table
    return make_sums(architecture, FEATURES, CLASSES)


def learned(name: str, x: Tensor, y: Tensor) -> Sums:
    sums = empty(name)
    sums.add(x, y)
    sums.settle()
    return sums


@dataclass(frozen=True)
class Corpus:
    """Examples, and the places of those to forget in the order in which they are to be forgotten; one stays at least."""

    x: Tensor
    y: Tensor
    forget: list[int]

    @property
    def retain(self) -> list[int]:
        """The places of the others."""
        return [place for place in range(len(self.y)) if place not in self.forget]


@st.composite
def corpora(draw: st.DrawFn, *, whole: bool) -> Corpus:
    size = draw(st.integers(2, 10))
    number = st.integers(-5, 5) if whole else st.floats(-4, 4, width=32)
    x = draw(st.lists(st.lists(number, min_size=FEATURES, max_size=FEATURES), min_size=size, max_size=size))
    y = draw(st.lists(st.integers(0, CLASSES - 1), min_size=size, max_size=size))
    order = draw(st.permutations(range(size)))
    return Corpus(torch.tensor(x, dtype=torch.float32), torch.tensor(y), order[: draw(st.integers(1, size - 1))])


def features_for(name: str, corpus: Corpus) -> Tensor:
    """Baskets for the recommender."""
    return (corpus.x > 0).float() if name == "co_occurrence" else corpus.x


@every_learner
@a_few_corpora
@given(corpus=corpora(whole=False))
def test_subtracting_is_learning_without_up_to_rounding(name: str, corpus: Corpus) -> None:
    x = features_for(name, corpus)
    left = learned(name, x, corpus.y)
    left.subtract(x[corpus.forget], corpus.y[corpus.forget])
    left.settle()
    fresh = learned(name, x[corpus.retain], corpus.y[corpus.retain])
    for buffer, expected in zip(left.buffers(), fresh.buffers(), strict=True):
        assert torch.allclose(buffer, expected, rtol=1e-10, atol=1e-10)
    assert torch.allclose(left(x), fresh(x), rtol=1e-8, atol=1e-8)


@every_learner
@a_few_corpora
@given(corpus=corpora(whole=True))
def test_of_whole_numbers_it_is_the_same_bit_for_bit(name: str, corpus: Corpus) -> None:
    x = features_for(name, corpus)
    left = learned(name, x, corpus.y)
    left.subtract(x[corpus.forget], corpus.y[corpus.forget])
    left.settle()
    fresh = learned(name, x[corpus.retain], corpus.y[corpus.retain])
    assert all(torch.equal(a, b) for a, b in zip(left.buffers(), fresh.buffers(), strict=True))
    assert torch.equal(left(x), fresh(x))


@every_learner
@a_few_corpora
@given(corpus=corpora(whole=False))
def test_one_by_one_in_any_order_is_the_same_as_all_at_once(name: str, corpus: Corpus) -> None:
    x = features_for(name, corpus)
    at_once, one_by_one = learned(name, x, corpus.y), learned(name, x, corpus.y)
    at_once.subtract(x[corpus.forget], corpus.y[corpus.forget])
    at_once.settle()
    for place in corpus.forget:
        one_by_one.subtract(x[[place]], corpus.y[[place]])
        one_by_one.settle()
    assert torch.allclose(one_by_one(x), at_once(x), rtol=1e-8, atol=1e-8)


@every_learner
def test_a_class_whose_last_example_goes_leaves_nothing_and_can_still_be_scored(name: str) -> None:
    x, y = torch.tensor([[1.0, 0, 1], [0, 1, 1], [0, 1, 0], [0, 0, 1], [1, 1, 0]]), torch.tensor([0, 1, 2, 2, 2])
    if name in MEASURING:
        x = x * torch.tensor([[0.1], [0.1], [0.1], [0.2], [0.3]])  # no binary fractions: rounding is left of them
    left = learned(name, x, y)
    for place in (2, 3, 4):
        left.subtract(x[[place]], y[[place]])
    left.settle()
    assert float(left.examples[2]) == 0
    assert left.per_class
    assert all(not left.get_buffer(buffer)[2].any() for buffer in left.per_class)
    assert torch.isfinite(left(x)).all()
    assert left(x[:2]).argmax(-1).tolist() == [0, 1]


@every_learner
def test_probabilities_add_up_to_one(name: str) -> None:
    x = (torch.rand(20, FEATURES, generator=torch.Generator().manual_seed(1)) > 0.5).float()
    sums = learned(name, x, torch.arange(20) % CLASSES)
    assert torch.allclose(sums(x).exp().sum(-1), torch.ones(20, dtype=torch.float64))


@every_learner
def test_a_class_that_never_had_an_example_cannot_lose_one(name: str) -> None:
    x = torch.eye(3)
    sums = learned(name, x, torch.tensor([0, 1, 1]))
    sums.subtract(x[:1], torch.tensor([2]))
    with pytest.raises(SpecError, match="never added"):
        sums.settle()


@every_learner
def test_the_last_example_of_a_class_cannot_go_as_another(name: str) -> None:
    x = torch.eye(3)
    sums = learned(name, x, torch.tensor([0, 1, 1]))
    sums.subtract(x[1:2], torch.tensor([0]))
    with pytest.raises(SpecError, match="never added"):
        sums.settle()


@pytest.mark.parametrize("name", MEASURING)
def test_features_far_from_all_that_were_added_are_noticed(name: str) -> None:
    x = torch.randn(30, FEATURES, generator=torch.Generator().manual_seed(1))
    sums = learned(name, x, torch.arange(30) % CLASSES)
    sums.subtract(torch.full((1, FEATURES), 50.0), torch.tensor([1]))
    with pytest.raises(SpecError, match="never added"):
        sums.settle()


def test_a_basket_that_was_never_added_makes_a_count_negative() -> None:
    x = torch.tensor([[1.0, 1.0, 0.0], [1.0, 0.0, 0.0]])
    sums = learned("co_occurrence", x, torch.tensor([0, 0]))
    sums.subtract(torch.tensor([[0.0, 0.0, 1.0]]), torch.tensor([0]))
    with pytest.raises(SpecError, match="never added"):
        sums.settle()


@every_learner
def test_without_examples_it_says_nothing(name: str) -> None:
    with pytest.raises(SpecError, match="no examples"):
        empty(name)(torch.zeros(1, FEATURES))


@pytest.mark.parametrize("name", MEASURING)
def test_in_another_unit_the_model_is_the_same(name: str) -> None:
    x = torch.randint(0, 256, (20, FEATURES), generator=torch.Generator().manual_seed(1)).float()
    architecture = SumsArchitecture(name)  # type: ignore[arg-type]  # a name of the table
    bytes_, shares = make_sums(architecture, FEATURES, CLASSES, unit=1 / 255), make_sums(architecture, FEATURES, CLASSES)
    for sums, features in ((bytes_, x), (shares, x.double() / 255)):
        sums.add(features, torch.arange(20) % CLASSES)
        sums.settle()
    assert torch.allclose(bytes_(x), shares(x.double() / 255), rtol=1e-8, atol=1e-8)
