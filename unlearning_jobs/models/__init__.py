"""Corpora, checkpoints, recipes, model versions and jobs. They hold example ids and digests; no person is known here."""

from __future__ import annotations

from .corpora import (
    ContentsKey,
    Corpus,
    CorpusIndex,
    CorpusSnapshot,
    ErasedExample,
    ErasureEntry,
    TrainingContent,
)
from .jobs import Job, JobRun
from .versions import Checkpoint, ModelVersion, RegisteredRecipe

__all__ = [
    "Checkpoint",
    "ContentsKey",
    "Corpus",
    "CorpusIndex",
    "CorpusSnapshot",
    "ErasedExample",
    "ErasureEntry",
    "Job",
    "JobRun",
    "ModelVersion",
    "RegisteredRecipe",
    "TrainingContent",
]
