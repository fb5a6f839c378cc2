"""A recommender from counts of items that occur together (item-based, as Cao and Yang 2015 unlearn LensKit's)."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from .sums import Sums


class CoOccurrence(Sums):
    """Recommends the item that was most often chosen with the items of a basket: log of the mean of p(item | i), i in it.

    An example is a basket, 0 or 1 for each item, and its class is the item held back from it. The sums count how often
    item i lay in a basket from which item c was held back, and p(c | i) is that count over all of i's (the conditional
    probability of Deshpande and Karypis 2004, ACM TOIS 22(1)), each i counted as if it also lay in `smoothing` average
    baskets. An empty basket gets the overall shares. Pairs inside a basket are not counted: a corpus
    that should count them holds a basket several times, with another item held back each time. All sums are whole
    numbers, so forgetting is exact bit for bit.
    """

    per_class: ClassVar[tuple[str, ...]] = ("pairs",)
    pairs: Tensor
    """(classes, items) baskets that hold the item and that the class was held back from."""

    def __init__(self, features: int, classes: int, *, smoothing: float) -> None:
        super().__init__(classes, pairs=(classes, features))
        self.smoothing = smoothing

    def contributions(self, x: Tensor, members: Tensor) -> dict[str, Tensor]:
        return {"pairs": members.T @ x}

    def never_negative(self) -> Tensor:
        """The counts, and the baskets that they leave over."""
        return torch.stack([self.pairs, self.examples.unsqueeze(-1) - self.pairs])

    def scores(self, x: Tensor) -> Tensor:
        counts = self.examples + self.smoothing
        shares = counts / counts.sum()
        given = (self.pairs + self.smoothing * shares.unsqueeze(-1)) / (self.pairs.sum(0) + self.smoothing)
        items = x.sum(-1, keepdim=True)
        return torch.where(items > 0, x @ given.T / items.clamp(min=1), shares).log()
