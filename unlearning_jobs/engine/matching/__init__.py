"""Finds where a corpus mentions a person or contains a work. Does not import torch, so web processes may import it."""

from .match import find_matches, is_searchable
from .query import ExampleMatch, Query, QueryError

__all__ = ["ExampleMatch", "Query", "QueryError", "find_matches", "is_searchable"]
