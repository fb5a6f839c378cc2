"""What models are trained on: a recipe and a snapshot, with the training examples encoded once for all models."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Self

from unlearning_jobs.engine.contracts import Recipe
from unlearning_jobs.engine.corpora import Snapshot
from unlearning_jobs.engine.errors import SpecError
from unlearning_jobs.engine.families import Dataset, Family, Footprint, family_class, footprint

from .parts import mixes_examples


@dataclass(frozen=True)
class TrainingData:
    """A corpus as a recipe reads it."""

    recipe: Recipe
    snapshot: Snapshot
    family: Family

    @classmethod
    def prepare(cls, recipe: Recipe, snapshot: Snapshot, base: str = "") -> Self:
        """Open the snapshot for this recipe, whose models start from the checkpoint in the folder `base`, if from one.

        Raises:
            CorpusError: the snapshot holds another kind of data.
            ObstacleError: the recipe asks for private training, and its network cannot be trained privately.
            SpecError: the recipe names something that does not exist, or asks for a precision that would have no effect.
        """
        made_by = family_class(recipe.family)
        family = made_by.from_base(recipe, snapshot, Path(base)) if base else made_by.create(recipe, snapshot)
        if recipe.precision == "bfloat16" and not family.description.learns_by_gradient:
            message = (
                f"A {recipe.family} model takes no gradient steps, and bfloat16 is for those; set precision to float32."
            )
            raise SpecError(message)
        if recipe.micro_batch and family.description.answers == "class" and mixes_examples(family.skeleton()):
            message = (
                "The network has batch normalisation, where an example's answer in training depends on the others of its"
                " batch, so that no batch can be divided; use group normalisation, or leave micro_batch out."
            )
            raise SpecError(message)
        if recipe.privacy is not None:
            from .private import check_network  # loads Opacus, which takes seconds

            check_network(family.skeleton())
        return cls(recipe, snapshot, family)

    @property
    def footprint(self) -> Footprint:
        """The size of one model."""
        return footprint(self.recipe, self.snapshot.info)

    @cached_property
    def ids(self) -> tuple[str, ...]:
        """Ids of all training examples."""
        return tuple(example.id for example in self.snapshot.examples("train"))

    @cached_property
    def data(self) -> Dataset:
        """All training examples, encoded, in the order of `ids`.

        Raises:
            CorpusError: the model cannot read an example.
        """
        return self.family.encode(self.snapshot.examples("train"))

    @cached_property
    def position_of(self) -> Mapping[str, int]:
        """The position of every training example in `ids` and `data`."""
        return {example_id: position for position, example_id in enumerate(self.ids)}

    def subset(self, ids: Iterable[str]) -> Dataset:
        """Return these training examples, in this order."""
        return self.data.subset([self.position_of[example_id] for example_id in ids])

    def without(self, exclude_ids: Collection[str]) -> Dataset:
        """Return the training examples that are not excluded.

        Raises:
            SpecError: nothing is left.
        """
        return self.data.subset(self.positions(exclude_ids))

    def kept_of(self, exclude_ids: Collection[str], thinned_from: Collection[str]) -> frozenset[int]:
        """Return the positions, in `without(thinned_from)`, of the training examples that are not excluded.

        Raises:
            SpecError: nothing is left, or an example would be trained on that the other model left out.
        """
        base, kept = self.positions(thinned_from), frozenset(self.positions(exclude_ids))
        if not kept <= frozenset(base):
            message = "A paired model can only leave out more than the model whose batches it takes."
            raise SpecError(message)
        return frozenset(place for place, position in enumerate(base) if position in kept)

    def positions(self, exclude_ids: Collection[str]) -> list[int]:
        """Return the positions of the training examples that are not excluded.

        Raises:
            SpecError: nothing is left.
        """
        excluded = frozenset(exclude_ids)
        positions = [position for position, example_id in enumerate(self.ids) if example_id not in excluded]
        if not positions:
            message = "Every training example is excluded; nothing is left to train on."
            raise SpecError(message)
        return positions

    def retained_ids(self, exclude_ids: Collection[str]) -> list[str]:
        """Return the ids of the training examples that are not excluded.

        Raises:
            SpecError: nothing is left.
        """
        return [self.ids[position] for position in self.positions(exclude_ids)]

    def secret_seed(self, exclude_ids: Collection[str], seed: int) -> int:
        """Return the seed of noise that nobody must be able to guess.

        It differs for every seed and every set of training examples. If two models shared their noise, the difference of
        their weights would be free of it.

        Raises:
            SpecError: nothing is left.
        """
        return self.snapshot.secret_seed(f"noise {seed} {self.manifest_digest(exclude_ids)}")

    def manifest_digest(self, exclude_ids: Collection[str]) -> str:
        """Return the digest of the manifest lines of the training examples that are not excluded.

        Raises:
            SpecError: nothing is left.
        """
        return self.snapshot.manifest_digest(self.retained_ids(exclude_ids))
