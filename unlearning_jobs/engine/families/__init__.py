"""Kinds of models: one class per file, listed here."""

from __future__ import annotations

from typing import Final

from unlearning_jobs.engine.contracts import Recipe
from unlearning_jobs.engine.corpora import SnapshotInfo

from .causal_lm import CausalLm
from .classifier import Classifier
from .family import Answers, Batch, Dataset, Family, Footprint
from .logistic import Logistic
from .summation import Summation
from .text_classifier import TextClassifier

FAMILIES: Final[dict[str, type[Family]]] = {
    family.name: family for family in (CausalLm, TextClassifier, Classifier, Logistic, Summation)
}


def footprint(recipe: Recipe, info: SnapshotInfo) -> Footprint:
    """How large the recipe's model will be on this snapshot.

    Raises:
        CorpusError: the snapshot is of another kind of data than the recipe reads.
        SpecError: the recipe names what does not exist.
    """
    return FAMILIES[recipe.family].footprint(recipe, info)


__all__ = [
    "FAMILIES",
    "Answers",
    "Batch",
    "CausalLm",
    "Classifier",
    "Dataset",
    "Family",
    "Footprint",
    "Logistic",
    "Summation",
    "TextClassifier",
    "footprint",
]
