"""Which entry registered the model that a run started from: the digest alone does not say it.

Two models that were trained alike are the same, file by file. The item of a run names its model, so the entry about that
name counts. Corpora and checkpoints are registered once each, whatever their name.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from compliance.formats.record_kinds import RecordKind as K

from .record import EntryBody

MODEL: Final = "model:"


def models_of_items(history: Iterable[EntryBody]) -> Mapping[str, str]:
    """Return the name of the model that each item is about; older histories do not say it."""
    created = [entry.data for entry in history if entry.kind == K.ITEM_CREATED]
    return {str(data.get("item")): str(data.get("model")) for data in reversed(created)}


def registered_model(others: Iterable[EntryBody], digest: str, name: str = "") -> EntryBody | None:
    """Return the entry that registered a model with this digest: of several, the first one about that name, or about any.

    Versions of one model that have the same digest were made alike.
    """
    same = [one for one in others if one.kind == K.MODEL_REGISTERED and one.data["model_sha256"] == digest]
    return next((one for one in same if one.subject == f"{MODEL}{name}"), same[0] if same else None)
