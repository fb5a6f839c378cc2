"""Methods whose result has never seen the data: exact."""

from __future__ import annotations

from typing import Final

from .entry import EVERY_FAMILY, Config, Facts, MethodEntry


def _forgotten_share(facts: Facts, _config: Config) -> float:
    """Learning adds every example once; forgetting subtracts some."""
    return facts.forget / max(1, facts.retain)


EXACT: Final = (
    MethodEntry(
        "retrain",
        "Retrain without the data",
        "exact",
        EVERY_FAMILY,
        "The definition itself; e.g. Bourtoule et al. 2021, Machine Unlearning, arXiv 1912.03817",
        "Trains the model again by the same recipe and seed, on the remaining examples alone. The result has never seen"
        " the forgotten ones. It costs as much as the first training.",
    ),
    MethodEntry(
        "summation",
        "Subtract from the sums",
        "exact",
        ("summation",),
        "Cao and Yang 2015, Towards Making Systems Forget with Machine Unlearning, IEEE S&P, section IV,"
        " doi 10.1109/SP.2015.35",
        "For models that are functions of sums over their training examples: naive Bayes, ridge regression, nearest class"
        " means and a co-occurrence recommender. Subtracts what the examples to forget once added and solves again, without"
        " reading any other example; the cost does not grow with the corpus. The result is what learning without them gives:"
        " bit for bit where the features are whole numbers, such as bytes or baskets, else to within rounding.",
        cost=_forgotten_share,
    ),
)
