"""Indexes of snapshots: which examples have to be read for a query."""

from .container import SnapshotIndex, index_build
from .part import IndexPart

__all__ = ["IndexPart", "SnapshotIndex", "index_build"]
