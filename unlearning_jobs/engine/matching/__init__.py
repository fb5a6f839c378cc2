"""Finds where a corpus mentions a person or contains a work. Does not import torch, so web processes may import it."""

from .classify import classify
from .kinds import query_obstacle
from .match import VERSION, find_matches
from .query import FORMER_OBSTACLES, OBSTACLES, ExampleMatch, Query, QueryError
from .rules import RULES

__all__ = [
    "FORMER_OBSTACLES",
    "OBSTACLES",
    "RULES",
    "VERSION",
    "ExampleMatch",
    "Query",
    "QueryError",
    "classify",
    "find_matches",
    "query_obstacle",
]
