"""Finding where a corpus speaks of somebody or holds a work. Torch-free, so web processes may import it."""

from .match import find_matches, is_searchable
from .query import ExampleMatch, Query, QueryError

__all__ = ["ExampleMatch", "Query", "QueryError", "find_matches", "is_searchable"]
