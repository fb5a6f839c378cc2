"""Finding where a corpus speaks of somebody or holds a work. Torch-free, so web processes may import it."""

from .match import is_searchable, match
from .query import Match, Query, QueryError

__all__ = ["Match", "Query", "QueryError", "is_searchable", "match"]
