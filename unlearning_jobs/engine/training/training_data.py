"""What models are trained from: a recipe and a snapshot, with the training examples encoded once for all models."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Self

import torch

from unlearning_jobs.engine.contracts import Recipe
from unlearning_jobs.engine.corpora import Snapshot
from unlearning_jobs.engine.errors import SpecError
from unlearning_jobs.engine.families import FAMILIES, Dataset, Family, Footprint, footprint


@dataclass(frozen=True)
class TrainingData:
    """The corpus as a recipe reads it."""

    recipe: Recipe
    snapshot: Snapshot
    family: Family

    @classmethod
    def prepare(cls, recipe: Recipe, snapshot: Snapshot) -> Self:
        """Open the snapshot for this recipe.

        Raises:
            CorpusError: the snapshot is of another kind of data.
            ObstacleError: the recipe asks for private training, and its network cannot be trained so.
            SpecError: the recipe names what does not exist.
        """
        family = FAMILIES[recipe.family].create(recipe, snapshot)
        if recipe.privacy is not None:
            from .private import check_network  # Opacus takes a while to load

            with torch.device("meta"):
                check_network(family.build(0))
        return cls(recipe, snapshot, family)

    @property
    def footprint(self) -> Footprint:
        """How large one model is."""
        return footprint(self.recipe, self.snapshot.info)

    @cached_property
    def ids(self) -> tuple[str, ...]:
        """All training examples."""
        return tuple(example.id for example in self.snapshot.examples("train"))

    @cached_property
    def data(self) -> Dataset:
        """All training examples, in the order of `ids`.

        Raises:
            CorpusError: an example cannot be read by this model.
        """
        return self.family.encode(self.snapshot.examples("train"))

    @cached_property
    def places(self) -> Mapping[str, int]:
        """Where every training example stands in `ids` and `data`."""
        return {identifier: place for place, identifier in enumerate(self.ids)}

    def subset(self, ids: Iterable[str]) -> Dataset:
        """These training examples, in this order."""
        return self.data.subset([self.places[identifier] for identifier in ids])

    def without(self, exclude_ids: Collection[str]) -> Dataset:
        """The training examples but the excluded ones.

        Raises:
            SpecError: nothing is left.
        """
        return self.data.subset(self.positions(exclude_ids))

    def positions(self, exclude_ids: Collection[str]) -> list[int]:
        """Where the training examples stand that are not excluded.

        Raises:
            SpecError: nothing is left.
        """
        excluded = frozenset(exclude_ids)
        found = [place for place, identifier in enumerate(self.ids) if identifier not in excluded]
        if not found:
            message = "Every training example is excluded; nothing is left to train on."
            raise SpecError(message)
        return found

    def retained_ids(self, exclude_ids: Collection[str]) -> list[str]:
        """Ids of the training examples that are not excluded.

        Raises:
            SpecError: nothing is left.
        """
        return [self.ids[place] for place in self.positions(exclude_ids)]

    def secret_seed(self, exclude_ids: Collection[str], seed: int) -> int:
        """Where the noise of a training comes from that promises something as long as nobody can guess it.

        Another seed and other examples have another noise: who saw two models with the same one could take it off.

        Raises:
            SpecError: nothing is left.
        """
        return self.snapshot.secret_seed(f"noise {seed} {self.manifest_digest(exclude_ids)}")

    def manifest_digest(self, exclude_ids: Collection[str]) -> str:
        """Digest of the manifest lines of the training examples that are not excluded.

        Raises:
            SpecError: nothing is left.
        """
        return self.snapshot.manifest_digest(self.retained_ids(exclude_ids))
