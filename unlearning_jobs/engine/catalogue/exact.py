"""Methods whose result has never seen the data: exact."""

from __future__ import annotations

from typing import Final

from .entry import EVERY_FAMILY, MethodEntry

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
)
