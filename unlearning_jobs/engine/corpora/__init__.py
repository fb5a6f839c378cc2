"""Corpora as immutable, digested snapshots. Torch-free, so web processes may import it."""

from .create import SnapshotInfo, snapshot_create
from .snapshot import Example, Snapshot
from .sources import FeatureFormat

__all__ = ["Example", "FeatureFormat", "Snapshot", "SnapshotInfo", "snapshot_create"]
