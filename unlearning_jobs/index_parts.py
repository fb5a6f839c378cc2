"""The kinds of indexes that this installation can build and ask: which part of the engine is behind each."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Final

from django.conf import settings

from .engine.corpora import SnapshotInfo
from .engine.matching import Query, query_obstacle
from .engine.matching.encoder import EncoderError
from .engine.matching.encoder_folder import encoder_open, installed_encoder
from .engine.matching.image import ImagePart
from .engine.matching.image_pixels import is_image
from .engine.matching.index.part import AnsweringPart, State, folder_state
from .engine.matching.meaning import MeaningPart
from .models import CorpusIndex, CorpusSnapshot
from .selectors import snapshot_info

Kind = CorpusIndex.Kind
OFF: Final = "off"
"""The value of MEANING_ENCODER with which nothing is searched by meaning."""
IMAGES: Final = ImagePart()
ANSWERED_BY: Final = {"meaning": Kind.MEANING, "image": Kind.IMAGES}
"""Kinds of queries that only an index can answer."""


def kinds_for(snapshot: CorpusSnapshot) -> list[Kind]:
    """Return the kinds of indexes that a snapshot can have here.

    Raises:
        CorpusError: the snapshot is gone, or another one lies in its place.
    """
    info = snapshot_info(snapshot)
    has_encoder = encoder_folder() is not None
    return [kind for kind in Kind if not nothing_for(kind, info) and (kind != Kind.MEANING or has_encoder)]


def nothing_for(kind: str, info: SnapshotInfo) -> str:
    """Return the code of why a snapshot holds nothing for an index of this kind; empty if it does."""
    if kind == Kind.IMAGES and not is_image(info.features):
        return "not_images"
    return "not_text" if kind == Kind.MEANING and info.features else ""


def answering_part(kind: str) -> AnsweringPart | None:
    """Return the part that answers queries of this kind; None if nothing here does.

    Raises:
        EncoderError: the encoder that is set cannot be opened.
    """
    if kind == Kind.IMAGES:
        return IMAGES
    folder = encoder_folder()
    return _meaning(folder, _files_of(folder)) if folder else None


def encoder_folder() -> Path | None:
    """Return the folder of the encoder: the one that is set, or that of the optional package; None if there is none."""
    if settings.MEANING_ENCODER == OFF:
        return None
    return Path(settings.MEANING_ENCODER) if settings.MEANING_ENCODER else installed_encoder()


def _files_of(folder: Path) -> State:
    try:
        return folder_state(folder)
    except OSError:
        return ()  # opening the encoder says what is wrong


@lru_cache(maxsize=1)
def _meaning(folder: Path, _files: State) -> MeaningPart:
    """Keep the encoder open as long as its files stay as they are: its process takes seconds to begin."""
    return MeaningPart(encoder_open(folder))


def asked_obstacle(query: Query) -> str:
    """Return the code of why a query cannot be searched for here; empty if it can.

    Besides `OBSTACLES`: no_encoder or bad_encoder, of what would be searched for by its meaning.
    """
    if query.kind not in ANSWERED_BY:
        return query_obstacle(query)
    try:
        part = answering_part(ANSWERED_BY[query.kind])
    except EncoderError as error:
        return error.code
    return part.obstacle(query) if part else "no_encoder"
