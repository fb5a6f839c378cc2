"""Finds where a corpus mentions a person or contains a work. Does not import torch, so web processes may import it."""

from .match import VERSION, find_matches, query_obstacle
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
