"""Corpora as immutable snapshots with digests. Does not import torch, so web processes may import it."""

from .content import erasure_content
from .create import Survey, snapshot_create, snapshot_survey
from .info import SnapshotInfo, SourceInfo
from .options import ReadOptions
from .rows import FeatureFormat
from .snapshot import Example, Snapshot, Source

__all__ = [
    "Example",
    "FeatureFormat",
    "ReadOptions",
    "Snapshot",
    "SnapshotInfo",
    "Source",
    "SourceInfo",
    "Survey",
    "erasure_content",
    "snapshot_create",
    "snapshot_survey",
]
