"""Families of models: one class per file, listed here. `contracts.families` says how to add one."""

from __future__ import annotations

from typing import Final

from unlearning_jobs.engine.contracts import Recipe
from unlearning_jobs.engine.corpora import SnapshotInfo

from .causal_lm import CausalLmFamily
from .classifier import ClassifierFamily
from .family import Batch, Dataset, Family, Footprint, Predictions
from .logistic import LogisticFamily
from .summation import SummationFamily
from .text_classifier import TextClassifierFamily

FAMILIES: Final[dict[str, type[Family]]] = {
    family.name: family
    for family in (CausalLmFamily, TextClassifierFamily, ClassifierFamily, LogisticFamily, SummationFamily)
}


def footprint(recipe: Recipe, info: SnapshotInfo) -> Footprint:
    """Return the size of the recipe's model on this snapshot.

    Raises:
        CorpusError: the snapshot holds another kind of data than the recipe reads.
        SpecError: the recipe names something that does not exist.
    """
    return FAMILIES[recipe.family].footprint(recipe, info)


__all__ = [
    "FAMILIES",
    "Batch",
    "CausalLmFamily",
    "ClassifierFamily",
    "Dataset",
    "Family",
    "Footprint",
    "LogisticFamily",
    "Predictions",
    "SummationFamily",
    "TextClassifierFamily",
    "footprint",
]
