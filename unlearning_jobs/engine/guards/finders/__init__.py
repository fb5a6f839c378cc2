"""What finds patterns in a text that arrives in parts, one file for each way to match, and the table of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from .classifier import ClassifierFinder
from .exact import ExactFinder
from .finder import Finder
from .names import NameFinder
from .near_copies import CopyFinder
from .phrases import PhraseFinder
from .similar import SimilarFinder

FINDERS: Final[Mapping[str, type[Finder]]] = {
    "exact": ExactFinder,
    "normalised": PhraseFinder,
    "near_copy": CopyFinder,
    "name": NameFinder,
    "similar": SimilarFinder,
    "classifier": ClassifierFinder,
}

__all__ = ["FINDERS", "Finder"]
