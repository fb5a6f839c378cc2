"""Corpora as immutable, digested snapshots. Torch-free, so web processes may import it."""

from .create import SnapshotInfo, snapshot_create
from .snapshot import Example, Snapshot

__all__ = ["Example", "Snapshot", "SnapshotInfo", "snapshot_create"]
