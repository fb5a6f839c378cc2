"""Corpora, checkpoints, recipes, models and their copies, data stores, jobs, draws of canaries. No person is known here."""

from __future__ import annotations

from .canaries import CanaryDraw
from .copies import Copy
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
from .stores import DataStore
from .versions import Checkpoint, ModelVersion, RegisteredRecipe

__all__ = [
    "CanaryDraw",
    "Checkpoint",
    "ContentsKey",
    "Copy",
    "Corpus",
    "CorpusIndex",
    "CorpusSnapshot",
    "DataStore",
    "ErasedExample",
    "ErasureEntry",
    "Job",
    "JobRun",
    "ModelVersion",
    "RegisteredRecipe",
    "TrainingContent",
]
