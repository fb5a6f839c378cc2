"""A recommender from counts of items that occur together (item-based, as Cao and Yang 2015 unlearn LensKit's)."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from .sums import Sums


class CoOccurrence(Sums):
    """Recommends the item chosen most often together with a basket's items: log of the mean of p(item | i) over its items i.

    An example is a basket, 0 or 1 for each item, and its class is the item that was left out of it. The sums count how often
    item i is in a basket that item c was left out of, and p(c | i) is that count divided by all counts of i (the
    conditional probability of Deshpande and Karypis 2004, ACM TOIS 22(1)), as if every i were also in `smoothing` average
    baskets. An empty basket gets the overall shares. Pairs inside a basket are not counted: to count them, a corpus holds
    the basket several times, with a different item left out each time. All sums are whole numbers, so forgetting is exact
    bit for bit.
    """

    per_class: ClassVar[tuple[str, ...]] = ("pairs",)
    pairs: Tensor
    """(classes, items) number of baskets that hold the item and that the class was left out of"""

    def __init__(self, features: int, classes: int, *, smoothing: float) -> None:
        super().__init__(classes, pairs=(classes, features))
        self.smoothing = smoothing

    def contributions(self, x: Tensor, members: Tensor) -> dict[str, Tensor]:
        return {"pairs": members.T @ x}

    def never_negative(self) -> Tensor:
        """Return the counts, and the number of the other baskets of each class."""
        return torch.stack([self.pairs, self.examples.unsqueeze(-1) - self.pairs])

    def scores(self, x: Tensor) -> Tensor:
        counts = self.examples + self.smoothing
        shares = counts / counts.sum()
        conditional = (self.pairs + self.smoothing * shares.unsqueeze(-1)) / (self.pairs.sum(0) + self.smoothing)
        items = x.sum(-1, keepdim=True)  # (n, 1)
        return torch.where(items > 0, x @ conditional.T / items.clamp(min=1), shares).log()
