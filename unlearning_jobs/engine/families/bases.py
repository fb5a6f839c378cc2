"""Checkpoints that models start from, whatever the models answer."""

from __future__ import annotations

from pathlib import Path

from unlearning_jobs.engine.contracts import Adapter, FromCheckpoint
from unlearning_jobs.engine.errors import SpecError

from .checkpoints import describe_checkpoint, read_config
from .encoders import describe_encoder, is_encoder


def describe_base(
    folder: Path, *, max_length: int = 0, template: str = "", adapter: Adapter | None = None
) -> FromCheckpoint:
    """Return what a recipe says about the checkpoint in the folder; what it is, its configuration says.

    Its class says which family of models starts from it (`contracts.families.family_from`).

    Args:
        folder: the checkpoint.
        max_length: longest sequence in tokens; by default 256, or what the checkpoint reads, if that is less.
        template: see `describe_checkpoint`; for language models alone.
        adapter: the same.

    Raises:
        CheckpointError: the folder holds no checkpoint that can be read.
        SpecError: a template or an adapter is asked for, and the checkpoint is that of an encoder.
    """
    if not is_encoder(read_config(folder)):
        return describe_checkpoint(folder, max_length=max_length, template=template, adapter=adapter)
    if template:
        message = "Classifiers start from an encoder, and read a text as it is; leave the template out."
        raise SpecError(message)
    if adapter:
        message = "Classifiers that start from an encoder learn with all of their weights; adapters are for language models."
        raise SpecError(message)
    return describe_encoder(folder, max_length=max_length)
