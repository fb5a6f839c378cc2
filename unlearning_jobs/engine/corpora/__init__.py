"""Corpora as immutable snapshots with digests. Does not import torch, so web processes may import it."""

from .content import erasure_content
from .create import SnapshotInfo, snapshot_create
from .snapshot import Example, Snapshot
from .sources import FeatureFormat

__all__ = ["Example", "FeatureFormat", "Snapshot", "SnapshotInfo", "erasure_content", "snapshot_create"]
