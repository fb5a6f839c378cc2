"""Finds where a corpus mentions a person or contains a work. Does not import torch, so web processes may import it."""

from .kinds import query_obstacle
from .match import VERSION, find_matches
from .query import FORMER_OBSTACLES, OBSTACLES, ExampleMatch, Query, QueryError

__all__ = [
    "FORMER_OBSTACLES",
    "OBSTACLES",
    "VERSION",
    "ExampleMatch",
    "Query",
    "QueryError",
    "find_matches",
    "query_obstacle",
]
